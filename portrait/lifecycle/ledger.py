"""The ledger: which models serve, written beside their artifacts, so that it outlives Redis.

<models_url>/ledger.json     the cards of the champion and of the former; replaced as a whole
<models_url>/<version>/      their artifacts

Redis serves from its own copy. Only when that is gone is the ledger read:
`workers/index/origin.py`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, ValidationError

from portrait.field_errors import reasons
from portrait.files import replacing
from portrait.lifecycle.artifact import (
    fetch,
    manifest_digest,
    publish,
    read_learned,
    read_space,
    write_artifact,
)
from portrait.lifecycle.manifest import ArtifactInvalidError, Manifest
from portrait.lifecycle.registry import Card
from portrait.model.learned import Learned
from portrait.model.model import Model

LEDGER = "ledger.json"


class Ledger(BaseModel):
    """Who serves, and who did before: as much as a rollback needs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    champion: Card
    former: Card | None = None
    encoder: str | None = None  # that was taken up last, even if it was gone back from since


def read_ledger(models_url: str) -> Ledger | None:
    """Return what was written last; None where nothing ever was.

    Raises:
        ArtifactInvalidError: It is there, and cannot be read.
    """
    try:
        files, path = fsspec.core.url_to_fs(_ledger_at(models_url))
        return Ledger.model_validate_json(files.cat_file(path))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        msg = f"{_ledger_at(models_url)} is damaged: {reasons(error)}"
        raise ArtifactInvalidError(msg) from error
    except (OSError, ValueError, ImportError) as error:
        msg = f"{_ledger_at(models_url)} cannot be read: {type(error).__name__}"
        raise ArtifactInvalidError(msg) from error


def write_ledger(models_url: str, ledger: Ledger) -> None:
    """Replace the ledger, atomically: a kill leaves the former one.

    Raises:
        ArtifactInvalidError: It cannot be written there.
    """
    payload = ledger.model_dump_json(indent=2).encode() + b"\n"
    try:
        files, path = fsspec.core.url_to_fs(_ledger_at(models_url))
        if isinstance(files, LocalFileSystem):
            with replacing(Path(path)) as file:
                file.write(payload)
        else:
            files.pipe_file(path, payload)  # object stores show the whole of it or nothing
    except (OSError, ValueError, ImportError) as error:
        msg = f"{_ledger_at(models_url)} cannot be written: {type(error).__name__}"
        raise ArtifactInvalidError(msg) from error


def publish_model(models_url: str, model: Model, card: Card) -> Card:
    """Publish a model that is in Redis alone. Returns its card with the artifact on it.

    Raises:
        ArtifactInvalidError: It cannot be written there.
    """
    shared = Manifest.model_fields.keys() & Card.model_fields.keys() - {"space_id"}
    told = {name: getattr(card, name) for name in shared}
    manifest = Manifest.model_validate({**told, "space_id": model.space.id})
    learned = {} if model.learned is None else model.learned.to_arrays()
    url = _artifact_at(models_url, card.version)
    try:
        with TemporaryDirectory() as aside:
            folder = Path(aside) / card.version
            write_artifact(folder, manifest, space=model.space, learned=learned)
            publish(folder, url)
            digest = manifest_digest(folder)
    except (OSError, ValueError, ImportError) as error:
        msg = f"{url} cannot be written: {type(error).__name__}"
        raise ArtifactInvalidError(msg) from error
    return card.model_copy(update={"artifact": url, "digest": digest})


def fetch_model(models_url: str, card: Card, cache: Path) -> tuple[Model, Card]:
    """Read a model from its artifact, wherever the folder of models is by now.

    Returns:
        The model, and its card with where the artifact was found.

    Raises:
        ArtifactInvalidError: It is nowhere, or damaged.
        ModelInvalidError: It is of another kind than this program reads.
    """
    beside = _artifact_at(models_url, card.version)
    try:
        folder, url = fetch(beside, cache, card.digest), beside
    except ArtifactInvalidError:
        if card.artifact in {None, beside}:
            raise
        folder, url = fetch(card.artifact or "", cache, card.digest), card.artifact or ""
    arrays = read_learned(folder)
    model = Model(card.version, read_space(folder), Learned.from_arrays(arrays) if arrays else None)
    return model, card.model_copy(update={"artifact": url})


def _ledger_at(models_url: str) -> str:
    return f"{models_url.rstrip('/')}/{LEDGER}"


def _artifact_at(models_url: str, version: str) -> str:
    return f"{models_url.rstrip('/')}/{version}"
