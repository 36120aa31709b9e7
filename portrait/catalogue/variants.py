"""Variants: sizes and colours of one thing are items of one group."""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Floats, Rows


class Groups:
    """The rows of each group, numbered as they are met. One task changes it, any thread reads."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._rows: list[dict[int, None]] = []  # by code

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, row: int, group_id: str | None, former: int = MISSING) -> int:
        """Put a row into a group, out of the one it was in. Returns the group's number."""
        code = MISSING if group_id is None else self._codes.setdefault(group_id, len(self))
        if code == len(self):
            self._rows.append({})
        if former not in {MISSING, code}:
            del self._rows[former][row]
        if code != MISSING:
            self._rows[code][row] = None
        return code

    def rows(self, code: int) -> Rows:
        """Return the rows of a group."""
        return np.array([*self._rows[code]], np.int64)


@dataclass(frozen=True, slots=True)
class Variants:
    """Which of N items are variants of one thing, as it was when this was made."""

    group: Codes  # (N,): number of its group, or MISSING
    groups: Groups  # may have more by now
    are_any: bool

    def of(self, rows: Rows) -> Rows:
        """Return some rows, and those of their variants. A row that is not here is ignored."""
        rows = rows[(rows >= 0) & (rows < len(self.group))]
        codes = np.unique(self.group[rows])
        found = [rows]
        for code in codes[codes != MISSING].tolist():
            alike = self.groups.rows(code)
            alike = alike[alike < len(self.group)]
            found.append(alike[self.group[alike] == code])
        return np.unique(np.concatenate(found))

    def first(self, rows: Rows) -> Rows:
        """Return the places, ascending, of the first of each thing among some rows."""
        if not self.are_any:
            return np.arange(len(rows))
        group = self.group[rows]
        _, first = np.unique(np.where(group == MISSING, ~rows, group), return_index=True)
        return np.sort(first)

    def are_best(self, rows: Rows, scores: Floats) -> Flags:
        """Say which rows, (n,), have the best score, (n,), of their group; equals have it all."""
        if not self.are_any:
            return np.ones(len(rows), np.bool_)
        group = self.group[rows]
        best = np.full(len(self.groups) + 1, -np.inf, np.float32)
        np.maximum.at(best, group, scores)  # MISSING is the last
        are_best: Flags = (group == MISSING) | (scores >= best[group])
        return are_best
