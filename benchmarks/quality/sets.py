"""Ranking sets: a catalogue with texts, and the sequence of every user, read from a folder.

Two layouts are known: UniSRec's (`*.text`, `*.item2index`, `*.test.inter`), and any folder with an
items table (`*items.tsv`: a header, the id first, a column with the text) and one sequence a line
(`*sequences.txt`: the user, then items by id, oldest first). Leave-one-out: the last item of a
sequence is the test, the one before it is for choices, the rest is for training.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.histories import Histories, from_lists
from portrait.arrays import Codes
from portrait.errors import PortraitError

SHORTEST = 3  # items of a sequence: one to learn from, one to choose by, one to test
TEXT_COLUMNS = ("text", "short_text", "title", "name", "description")


class LayoutUnknownError(PortraitError):
    """The folder has neither of the layouts that the benchmark reads."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Something to predict: the next item of each of U users."""

    histories: Histories
    targets: Codes  # (U,)

    def of(self, rows: Codes) -> "Trial":
        """Return some of the users."""
        return Trial(self.histories.of(rows), self.targets[rows])


@dataclass(frozen=True, slots=True)
class RankingSet:
    """N items and the sequences of U users, each of at least three."""

    name: str
    ids: tuple[str, ...]  # (N,)
    texts: tuple[str, ...]  # (N,)
    sequences: Histories

    @property
    def train(self) -> Histories:
        """All but the last two items of each user."""
        return self._without_last(2)

    @property
    def valid(self) -> Trial:
        """The last item but one: for choices only."""
        return Trial(self.train, self._last(2))

    @property
    def test(self) -> Trial:
        """The last item: looked at once."""
        return Trial(self._without_last(1), self._last(1))

    def head(self, users: int) -> "RankingSet":
        """Return the first users, with the items that they took."""
        few = self.sequences.of(np.arange(min(users, len(self.sequences))))
        items, flat = np.unique(few.flat, return_inverse=True)
        return RankingSet(
            self.name,
            tuple(self.ids[item] for item in items),
            tuple(self.texts[item] for item in items),
            Histories(flat.astype(np.int64), few.starts, few.users),
        )

    def _without_last(self, count: int) -> Histories:
        return self.sequences.where(self.sequences.ages >= count)

    def _last(self, count: int) -> Codes:
        return self.sequences.flat[self.sequences.starts[1:] - count]


def load_set(folder: Path) -> RankingSet:
    """Read a folder of one of the two layouts; sequences of fewer than three items are left out.

    Raises:
        LayoutUnknownError: It has neither.
    """
    if texts := sorted(folder.glob("*.text")):
        return _unisrec(folder, texts[0].stem)
    tables, sequences = sorted(folder.glob("*items.tsv")), sorted(folder.glob("*sequences.txt"))
    if tables and sequences:
        return _plain(folder.name, tables[0], sequences[0])
    msg = f"{folder} needs *.text and *.inter, or *items.tsv and *sequences.txt"
    raise LayoutUnknownError(msg)


def _unisrec(folder: Path, stem: str) -> RankingSet:
    index = {name: int(row) for name, row in _table(folder / f"{stem}.item2index")}
    texts = {name: text for name, text in _table(folder / f"{stem}.text") if name in index}
    ids = sorted(index, key=index.__getitem__)
    sequences = [
        [*map(int, history.split()), int(target)]
        for user, history, target in _table(folder / f"{stem}.test.inter")
        if user != "user_id:token"
    ]
    return _ranking_set(folder.name, ids, texts, sequences)


def _plain(name: str, table: Path, lines: Path) -> RankingSet:
    header, *rows = _table(table)
    column = next((header.index(name) for name in TEXT_COLUMNS if name in header), None)
    if column is None:
        msg = f"{table} has none of the columns {', '.join(TEXT_COLUMNS)}"
        raise LayoutUnknownError(msg)
    texts = {row[0]: row[column] for row in rows}
    row_of = {item: row for row, item in enumerate(texts)}
    with lines.open(encoding="utf-8") as file:
        sequences = [[row_of[item] for item in line.split()[1:]] for line in file]
    return _ranking_set(name, list(texts), texts, sequences)


def _ranking_set(
    name: str, ids: list[str], texts: dict[str, str], sequences: Iterable[list[int]]
) -> RankingSet:
    long_enough = [sequence for sequence in sequences if len(sequence) >= SHORTEST]
    return RankingSet(
        name, tuple(ids), tuple(texts.get(id, "") for id in ids), from_lists(long_enough)
    )


def _table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
