"""Material: what intents are learned from: the desk's own words, and what people have labelled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Flags
from portrait.helpdesk.desk import Desk
from portrait.helpdesk.labels import BEGINNING, Label, LabelStore, newest_of
from portrait.helpdesk.texts import normal

LABELS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Material:
    """Texts and what they mean."""

    texts: tuple[str, ...]  # L, each once
    codes: Codes  # (L,) places among the desk's intents
    is_label: Flags  # (L,) whether a person has labelled it; else it is of the desk's words
    is_new: Flags  # (L,) whether that was since the model in service was learned
    strangers: tuple[str, ...]  # texts that are none of the desk's intents
    until: str  # id of the newest label


async def read_labels(store: LabelStore) -> list[tuple[str, Label]]:
    """Read all labels, oldest first, with their ids.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    found: list[tuple[str, Label]] = []
    while more := await store.since(found[-1][0] if found else BEGINNING, LABELS_AT_ONCE):
        found += more
    return found


def material_of(desk: Desk, labels: Sequence[tuple[str, Label]], since: str) -> Material:
    """Gather what is learned from; labels of intents that the desk has no more are left out.

    Args:
        desk: Whose intents.
        labels: All there are, oldest first.
        since: Id of the newest label that the model in service was learned from.
    """
    places = {intent.id: place for place, intent in enumerate(desk.intents)}
    newest = newest_of(label for _, label in labels)
    ids = {normal(label.text): id for id, label in labels}
    said = {
        normal(text): (text, place)
        for place, intent in enumerate(desk.intents)
        for text in intent.words
    }
    taken = {
        words: (label.text, places[label.intent])
        for words, label in newest.items()
        if label.intent in places
    }
    together = said | taken
    return Material(
        texts=tuple(text for text, _ in together.values()),
        codes=np.array([place for _, place in together.values()], np.int64),
        is_label=np.array([words in taken for words in together]),
        is_new=np.array([words in taken and _is_after(ids[words], since) for words in together]),
        strangers=tuple(label.text for label in newest.values() if label.intent is None),
        until=labels[-1][0] if labels else BEGINNING,
    )


def _is_after(id: str, since: str) -> bool:
    return _moment_of(id) > _moment_of(since)


def _moment_of(id: str) -> tuple[int, int]:
    """Read an id of Redis: milliseconds, and which of that millisecond."""
    ms, _, number = id.partition("-")
    return int(ms), int(number or 0)
