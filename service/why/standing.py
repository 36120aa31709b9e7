"""Standing: where one item stands for a list, in it or not, and what is in its way."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from portrait.arrays import MISSING, Floats, Rows
from portrait.inference.rank import text_scores
from portrait.inference.repeating import Repeating
from service.recommendations.listing import Listing
from service.view import View

Fault = Literal["unavailable", "seen", "unwanted", "rules", "variant", "unread", "unknown"]
KeptOut = Literal[Fault, "alike", "others"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One item, for one list."""

    row: int  # of the shelf
    listed: int | None  # its place in the list, from 0; None: it is not in it
    relevance: float
    rank: int | None  # among all on offer, from 1; None: there are too many to look at each
    kept_out: tuple[KeptOut, ...]  # by what; nothing where it is listed
    rules: tuple[str, ...]  # that have to do with it
    is_filled: bool = False  # whether it is listed for being popular alone


class Standings:
    """Where items stand for one list."""

    def __init__(self, listing: Listing, view: View, rows: Rows) -> None:
        """Score everything once, as a list does; of very many items, some rows alone."""
        shelf = view.shelf
        self._listing, self._view = listing, view
        self._are_all = shelf.finder is None
        self._rows = np.arange(len(shelf)) if self._are_all else np.unique(rows)
        self._scores = _scores(listing, self._rows, view)

    def of(self, row: int) -> Standing:
        """Look where one of these rows stands."""
        listing, ranking = self._listing, self._listing.ranking
        own = float(self._scores[np.searchsorted(self._rows, row)])
        places = np.flatnonzero(ranking.rows == row).tolist()
        if not places:
            against = tuple(listing.ruling.against(row, ranking.rows))
            kept_out = tuple(_kept_out(row, own, listing, self._view))
            worth, rank = own / ranking.peak, self._rank(own)
            return Standing(row, None, worth, rank, kept_out, against)
        (listed,) = places
        return Standing(
            row,
            listed,
            float(ranking.scores[listed]) / ranking.peak,
            self._rank(own),
            (),
            tuple(listing.rules_of(row, ranking.put.get(row))),
            is_filled=listed >= len(ranking.rows) - ranking.filled,
        )

    def _rank(self, score: float) -> int | None:
        if not self._are_all:
            return None
        return 1 + int(np.count_nonzero(self._scores[self._view.shelf.offered] > score))


def _scores(listing: Listing, rows: Rows, view: View) -> Floats:
    """Score items as the list does, (n,); what BERT has not read yet counts 0."""
    shelf, taste = view.shelf, listing.taste
    if taste is None:
        return view.popularity.weights[rows]
    if isinstance(taste, Repeating):
        return taste.worth(shelf)[rows]
    told = shelf.told[rows]
    texts = np.zeros(len(rows), np.float32)
    texts[told] = text_scores(shelf.matrix, shelf.text[rows[told]], taste.asked)
    return np.where(told, taste.scores(shelf, rows, texts), np.float32(0))


def _kept_out(row: int, score: float, listing: Listing, view: View) -> Iterator[KeptOut]:
    """Say what keeps an item out of a list; what everybody wants is not read."""
    shelf, wish, ranking = view.shelf, listing.wish, listing.ranking
    is_scored = listing.taste is not None
    group = shelf.variants.group
    causes: list[tuple[KeptOut, bool]] = [
        ("unavailable", not shelf.offered[row]),
        ("seen", bool((wish.excluded == row).any())),
        ("unwanted", wish.unwanted is not None and bool(wish.unwanted[row])),
        ("rules", bool(listing.ruling.against(row, ranking.rows))),
        ("variant", group[row] != MISSING and bool((group[ranking.rows] == group[row]).any())),
        ("unread", is_scored and not shelf.told[row]),
        ("unknown", is_scored and wish.only_suiting and score <= 0),
    ]
    found = [cause for cause, holds in causes if holds]
    yield from found or ["alike" if score > _last(listing) else "others"]


def _last(listing: Listing) -> float:
    """Return the least that anything in the list scores that suits it by itself."""
    ranking = listing.ranking
    suiting = len(ranking.rows) - ranking.filled
    is_put = np.isin(ranking.rows[:suiting], [*ranking.put])
    return float(ranking.scores[:suiting][~is_put].min(initial=np.inf))
