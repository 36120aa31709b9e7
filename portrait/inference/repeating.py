"""Repeating: what is due to be bought again, in the place of a taste.

Nothing but what somebody has bought is scored, and what each scores is that of its own purchases.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import MISSING, Codes, Floats
from portrait.events.columns import PURCHASE
from portrait.inference.again import Due, Rhythm
from portrait.inference.eligible import eligible
from portrait.inference.explain import Evidence
from portrait.inference.rank import rank_scored
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Repeating:
    """S events of a user, and which of the things that they bought are due."""

    evidence: Evidence
    due: Due

    def rank(self, shelf: Shelf, wish: RankingRequest, popularity: Floats) -> Ranking:
        """Rank what is due and fits a wish."""
        del popularity
        mask, matched = eligible(shelf, wish)
        worth = self.worth(shelf)
        rows = np.flatnonzero(mask & (worth > 0))
        return rank_scored(shelf, rows, worth[rows], wish, matched)

    def shares(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return each event's share of each item's score, (n, S): that of its newest purchase."""
        shares = np.zeros((len(rows), len(self.evidence)), np.float32)
        of_item = (self.evidence.items == rows[:, None]) & (
            self.evidence.ring["action"] == PURCHASE
        )
        is_bought = of_item.any(axis=1)
        newest = of_item.argmax(axis=1)
        shares[is_bought, newest[is_bought]] = self.worth(shelf)[rows[is_bought]]
        return shares

    def rhythms(self, rows: Codes) -> list[Rhythm | None]:
        """Return how each item, (n,) rows of the shelf, is bought; None: it never was."""
        of_row = dict(zip(self._rows().tolist(), self.due.reasons, strict=True))
        return [of_row.get(row) for row in rows.tolist()]

    def prices(self, _shelf: Shelf, rows: Codes) -> Floats:
        """Return what their prices add to the scores of (n,) rows of the shelf: nothing."""
        return np.zeros(len(rows), np.float32)

    def without_prices(self) -> "Repeating":
        """Return the same: nobody looks at prices."""
        return self

    def worth(self, shelf: Shelf) -> Floats:
        """Return how due each item is, (N,): above 0 where it is at all."""
        worth, rows = np.zeros(len(shelf), np.float32), self._rows()
        here = (rows != MISSING) & (rows < len(shelf))
        worth[rows[here]] = self._chances()[here]
        return worth

    def _rows(self) -> Codes:
        """Return the row of each thing due, (n,), or MISSING."""
        row_of = dict(
            zip(self.evidence.ring["ref"].tolist(), self.evidence.items.tolist(), strict=True)
        )
        return np.array([row_of[ref] for ref in self.due.refs.tolist()], np.int64)

    def _chances(self) -> Floats:
        """Return what is due as numbers above 0, (n,): of log-odds, their chances."""
        scores = self.due.scores
        if not self.due.by_repeats:
            return scores
        return (1 / (1 + np.exp(-scores))).astype(np.float32)
