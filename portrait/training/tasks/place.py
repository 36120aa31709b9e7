"""Places as a task: where an item lies in the catalogue, read from what else is said of it.

items with a category ─▶ texts without it ─▶ cut by thing ─▶ labels: the deepest places of enough

Variants of one thing are on one side. A place that few items have is read as the one it lies in.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from portrait.arrays import Rows
from portrait.events.category import paths_to
from portrait.events.item import IntroducedItem, Item
from portrait.ref import name_ref
from portrait.training.material import HASHES, mixed
from portrait.training.tasks.task import Labelled, Task

PLACE = "place"
PRECISION = 0.95  # of what is said: what lies in a wrong place is found by nobody
LEAST_EACH = 8  # items of a place, to learn it from
MOST_PLACES = 200  # of a head; the narrowest give way
JUDGING, CHOOSING = 0.2, 0.15  # of the things


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many items are read at most: what bounds the time that it takes."""

    train: int = 2_500
    valid: int = 600
    test: int = 600


@dataclass(frozen=True, slots=True)
class Placed:
    """Texts of items and where these lie: the whole path, whether there is a label for it."""

    texts: Sequence[str]
    paths: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, rows: Rows) -> "Placed":
        """Return some of them."""
        texts, paths = ([each[row] for row in rows.tolist()] for each in (self.texts, self.paths))
        return Placed(texts, paths)

    def labelled(self, labels: Sequence[str]) -> Labelled:
        """Return those that have a label, with its code."""
        codes = {label: code for code, label in enumerate(labels)}
        found = [label_of(path, codes) for path in self.paths]
        kept = [row for row, label in enumerate(found) if label]
        targets = np.array([codes[found[row]] for row in kept], np.int64)
        return Labelled([self.texts[row] for row in kept], targets)


@dataclass(frozen=True, slots=True)
class PlaceTask:
    """The task, and everything to choose and to judge by, of places that are no label, too."""

    task: Task
    choosing: Placed
    judging: Placed


def place_task(items: Sequence[Item], sizes: Sizes) -> PlaceTask:
    """Cut a catalogue's items into what is learned from, chosen by and judged by."""
    once = {
        text: item
        for item in items
        if item.category and item.title and not isinstance(item, IntroducedItem)
        for text in [text_without_place(item)]
    }
    placed = Placed([*once], [item.category for item in once.values()])
    things = [name_ref(item.group_id or text) for text, item in once.items()]
    hashes = mixed(np.array(things, np.uint64))
    share = hashes.astype(np.float64) / HASHES
    judging, choosing = share < JUDGING, (share >= JUDGING) & (share < JUDGING + CHOOSING)

    def some(rows: Rows, most: int) -> Placed:
        return placed.at(rows[np.argsort(hashes[rows], kind="stable")[:most]])

    train = some(np.flatnonzero(~judging & ~choosing), sizes.train)
    valid = some(np.flatnonzero(choosing), sizes.valid)
    labels = tuple(labels_of(train.paths))
    task = Task(PLACE, "one", labels, train.labelled(labels), valid.labelled(labels))
    return PlaceTask(task, valid, some(np.flatnonzero(judging), sizes.test))


def text_without_place(item: Item) -> str:
    """Return what would be read of an item if nobody had said where it lies."""
    return item.model_copy(update={"category": ""}).text


def labels_of(paths: Sequence[str], least: int = LEAST_EACH, most: int = MOST_PLACES) -> list[str]:
    """Return the places that are labels: each the deepest of so many items, and no more of them.

    Args:
        paths: Of items that are learned from.
        least: Items that a label has, those counted that lie in no label below it.
        most: Labels; if there are more, each has to have more items.
    """
    labels = _held(paths, least)
    while len(labels) > most:
        least += 1
        labels = _held(paths, least)
    return labels


def label_of(path: str, labels: Container[str]) -> str:
    """Return the deepest label that a path lies in, or is; empty if there is none."""
    return next((place for place in reversed(paths_to(path)) if place in labels), "")


def _held(paths: Sequence[str], least: int) -> list[str]:
    """From the deepest places up, give the items of those that have too few to the place above."""
    held = Counter(paths)
    above = {
        place: (len(way), way[-1] if way else "") for path in {*held} for place, way in _ways(path)
    }
    for place in sorted(above, key=lambda place: above[place], reverse=True):
        if held[place] < least:
            few, (_, wider) = held.pop(place, 0), above[place]
            if wider:
                held[wider] += few
    return sorted(held)


def _ways(path: str) -> list[tuple[str, list[str]]]:
    """Return each place that a path lies in, and itself, with those that it lies in."""
    places = paths_to(path)
    return [(place, places[:depth]) for depth, place in enumerate(places)]
