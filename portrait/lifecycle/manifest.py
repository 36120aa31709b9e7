"""Manifests: what a model is, where it came from, what it was judged by, and what it consists of.

Read by people, by the judge and by whoever loads the model: numbers and names, never a user's id.
"""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeInt,
    StringConstraints,
    ValidationError,
)

from portrait.errors import PortraitError
from portrait.field_errors import reasons

Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Figures = dict[str, JsonValue]
TONE = "tone"  # among the metrics: how what reads reviews came out
PLACE = "place"  # likewise: how what reads where items lie came out
LISTS = "lists"  # likewise: what came of lists, and how likely their places are looked at


class ArtifactInvalidError(PortraitError):
    """The files are not the model that its manifest names: do not load them, fetch them again."""


def _inside(name: str) -> str:
    """Refuse a name that would lead out of the artifact's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name != str(path):
        msg = f"{name!r} is not a plain relative path"
        raise ValueError(msg)
    return name


FileName = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_inside)]


class FileEntry(BaseModel):
    """One file of an artifact."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: NonNegativeInt


class Window(BaseModel):
    """A span of event time, its end excluded."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    since: AwareDatetime = Field(examples=["2026-08-26T00:00:00Z"])
    until: AwareDatetime = Field(examples=["2026-11-24T00:00:00Z"])


class Manifest(BaseModel):
    """The record of one model version. Unknown fields are ignored: old readers, newer trainers."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    schema_version: Literal[1] = 1
    version: Version
    parent: Version | None = Field(None, description="The version that the training began from.")
    created_at: AwareDatetime
    trained_on: Window | None = Field(None, description="Event time of the training set.")
    offsets: dict[str, NonNegativeInt] = Field(
        default_factory=dict, description="`topic/partition` to the next offset not yet read."
    )
    rows: dict[str, NonNegativeInt] = Field(
        default_factory=dict, description="Events by split: new, replay, validation, test."
    )
    erased_users: NonNegativeInt = Field(
        0, description="How many users were left out because they asked to be erased."
    )
    erased_within: Window | None = Field(None, description="When they asked.")
    metrics: Figures = Field(default_factory=dict)
    thresholds: Figures = Field(default_factory=dict, description="What the judge asked for.")
    git_commit: str = ""
    seeds: tuple[int, ...] = ()
    encoder: str = Field(description="Name of the text encoder; it identifies the weights.")
    base_encoder: str | None = Field(
        None, description="The pretrained one it stands on: the same, unless it was fine-tuned."
    )
    encoder_source: str | None = Field(
        None, description="Where that was loaded from: a folder, a name on the hub, `bundled`."
    )
    space_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    files: dict[FileName, FileEntry] = Field(default_factory=dict)


def parse_manifest(payload: bytes) -> Manifest:
    """Read a manifest (UTF-8 JSON).

    Raises:
        ArtifactInvalidError: Not JSON, or not a manifest; the message says which fields are wrong.
    """
    try:
        return Manifest.model_validate_json(payload)
    except ValidationError as error:
        msg = f"manifest unreadable: {reasons(error)}"
        raise ArtifactInvalidError(msg) from error
