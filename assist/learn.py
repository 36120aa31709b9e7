"""Learn: a head of intents from all that is labelled; what is not worse serves.

material ─▶ encoded ─▶ fitted ─▶ examined beside the model in service ─▶ written ─▶ promoted

The exam is what was labelled since the model in service was learned: that one has not seen it, and
of the new one each label is read by a head that was fitted without it. Before there is a model, the
exam is every label, or where there are few every text, and to be matched are the names and
descriptions alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import numpy as np

from assist.material import Material, material_of
from assist.models import ENCODER, ModelCard, current, promote, read_model, write_model
from portrait.arrays import Flags
from portrait.errors import ModelInvalidError, PortraitError
from portrait.helpdesk.desk import Desk
from portrait.helpdesk.intents import IntentHead, head_of_words
from portrait.helpdesk.labels import BEGINNING, Label
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors
from portrait.training.heads.fit_intents import FittedIntents, fit_intents

SMALLEST_EXAM = 20  # texts


class NothingToLearnError(PortraitError):
    """There are examples or labels of fewer than two intents."""


@dataclass(frozen=True, slots=True)
class Former:
    """The model in service, and how it reads texts."""

    card: ModelCard
    head: IntentHead
    encoder: TextEncoder


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of it."""

    card: ModelCard  # of what was learned
    exam: int  # texts in it
    accuracy: float  # share of them that the new model reads right
    before: float  # that the one in service does
    is_promoted: bool


def former_of(
    folder: Path, encoder: TextEncoder, load: Callable[[str], TextEncoder]
) -> Former | None:
    """Return the model in service; None: there is none, or nobody can read with it any more."""
    version = current(folder)
    if version is None:
        return None
    try:
        card, head = read_model(folder, version)
    except ModelInvalidError:
        return None
    own = folder / version / ENCODER
    reader = load(str(own)) if own.is_dir() else encoder
    return Former(card, head, reader) if reader.name == head.encoder else None


def learn(  # noqa: PLR0913, PLR0917 - what a lesson is made of
    desk: Desk,
    labels: Sequence[tuple[str, Label]],
    encoder: TextEncoder,
    former: Former | None,
    folder: Path,
    now: datetime,
    least: int = 1,
) -> Lesson | None:
    """Learn, and promote what is not worse. Blocks. Returns None where there is too little new.

    Args:
        desk: Whose intents.
        labels: All there are, oldest first, with their ids.
        encoder: Reads them.
        former: The model in service.
        folder: Of models.
        now: The moment that names the model.
        least: Fewer new labels are not worth it, once there is a model of this very desk.

    Raises:
        NothingToLearnError: There is nothing by which two intents could be told apart.
    """
    material = material_of(desk, labels, BEGINNING if former is None else former.card.labels_until)
    is_known = former is not None and former.card.desk == desk.version
    if is_known and material.is_new.sum() < least:
        return None
    if len(np.unique(material.codes)) < 2:  # noqa: PLR2004 - one is no question
        raise NothingToLearnError
    vectors = encoder.encode(material.texts)
    intents = [intent.id for intent in desk.intents]
    strangers = encoder.encode(material.strangers)
    fitted = fit_intents(encoder.name, intents, vectors, material.codes, strangers=strangers)
    exam = _exam(material, is_first=former is None)
    right = fitted.unseen.argmax(axis=1) == material.codes
    before = _right_before(former, desk, material, encoder, vectors)
    card = _card(desk, material, fitted, now)
    is_promoted = bool(right[exam].sum() >= before[exam].sum())
    if is_promoted:
        write_model(folder, card, fitted.head)
        promote(folder, card.version)
    return Lesson(
        card, int(exam.sum()), float(right[exam].mean()), float(before[exam].mean()), is_promoted
    )


def _exam(material: Material, *, is_first: bool) -> Flags:
    """Say which texts are asked for, (L,): of too few nothing could be seen."""
    wanted = material.is_label if is_first else material.is_new
    return wanted if wanted.sum() >= SMALLEST_EXAM else np.ones_like(wanted)


def _right_before(
    former: Former | None,
    desk: Desk,
    material: Material,
    encoder: TextEncoder,
    vectors: Vectors,
) -> Flags:
    """Say of which texts the model in service reads the intent, (L,)."""
    if former is None:
        head, reader = _head_of_names(desk, encoder), encoder
    else:
        head, reader = former.head, former.encoder
    read = vectors if reader is encoder else reader.encode(material.texts)
    said = np.array(head.intents)[head(read).argmax(axis=1)]
    meant = np.array([intent.id for intent in desk.intents])[material.codes]
    right: Flags = said == meant
    return right


def _head_of_names(desk: Desk, encoder: TextEncoder) -> IntentHead:
    """Make the head of names and descriptions, without the examples, which are in the exam."""
    words = [
        (place, text)
        for place, intent in enumerate(desk.intents)
        for text in (intent.name, intent.description)
        if text is not None
    ]
    return head_of_words(
        encoder.name,
        [intent.id for intent in desk.intents],
        encoder.encode([text for _, text in words]),
        np.array([place for place, _ in words]),
    )


def _card(desk: Desk, material: Material, fitted: FittedIntents, now: datetime) -> ModelCard:
    digest = blake2b(digest_size=4)
    for array in fitted.head.to_arrays().values():
        digest.update(array.tobytes())
    likeliest = fitted.unseen.max(axis=1)
    right = fitted.unseen.argmax(axis=1) == material.codes
    believed = likeliest >= fitted.head.certain
    return ModelCard(
        version=f"{now:%Y%m%dT%H%M%SZ}-{digest.hexdigest()}",
        desk=desk.version,
        texts=len(material.texts),
        labels=int(material.is_label.sum()),
        labels_until=material.until,
        figures={
            "accuracy": float(right.mean()),
            "believed": float(believed.mean()),
            "right_of_believed": float(right[believed].mean()) if believed.any() else 0.0,
        },
    )
