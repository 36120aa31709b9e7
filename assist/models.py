"""Models of intents on disk: each a folder, whole or not there, and which of them serves.

<folder>/<version>/   head.safetensors   what was learned: docs of `IntentHead`
                      card.json          of which labels, and how good it was
                      encoder/           optional: a BERT that was fine-tuned for it
<folder>/current      the version that serves: one small file, replaced as a whole

Whoever fine-tunes an encoder for a desk writes such a folder, and `promote` puts it in service.
"""

import shutil
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from portrait.errors import ModelInvalidError
from portrait.files import replacing, sync
from portrait.helpdesk.intents import IntentHead
from portrait.helpdesk.labels import BEGINNING

HEAD, CARD, ENCODER, CURRENT = "head.safetensors", "card.json", "encoder", "current"
KEPT = 5  # newest versions; older ones go when another is promoted


class ModelCard(BaseModel):
    """What is known of a model."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(pattern=r"^[\w.-]{1,64}$")
    desk: str  # version of the desk it was learned for
    texts: int  # that it was learned from
    labels: int  # of them, by people
    labels_until: str = BEGINNING  # id of the newest label it was learned from
    figures: dict[str, float] = Field(default_factory=dict)


def write_model(folder: Path, card: ModelCard, head: IntentHead) -> None:
    """Write a model, atomically: a kill leaves the whole of it or nothing."""
    aside = folder / f".{card.version}.{uuid4().hex}.part"
    aside.mkdir(parents=True)
    try:
        save_file(head.to_arrays(), aside / HEAD)
        (aside / CARD).write_text(card.model_dump_json(indent=2) + "\n")
        for path in aside.iterdir():
            sync(path)
        aside.rename(folder / card.version)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    sync(folder)


def promote(folder: Path, version: str) -> None:
    """Let a model serve, and let old ones go."""
    with replacing(folder / CURRENT) as file:
        file.write(version.encode())
    others = sorted(path for path in folder.iterdir() if (path / CARD).is_file())
    for path in others[:-KEPT]:
        if path.name != version:
            shutil.rmtree(path)


def current(folder: Path) -> str | None:
    """Return the version that serves; None: none does yet."""
    try:
        return (folder / CURRENT).read_text().strip() or None
    except FileNotFoundError:
        return None


def read_model(folder: Path, version: str) -> tuple[ModelCard, IntentHead]:
    """Read a model.

    Raises:
        ModelInvalidError: It is not there, or damaged.
    """
    try:
        card = ModelCard.model_validate_json((folder / version / CARD).read_bytes())
        return card, IntentHead.from_arrays(load_file(folder / version / HEAD))
    except (OSError, ValueError, KeyError, ValidationError, SafetensorError) as error:
        msg = f"the model of intents {version} cannot be read: {type(error).__name__}"
        raise ModelInvalidError(msg) from error
