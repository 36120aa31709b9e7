"""Parts: some of what a model says of events alone: what is like them, what goes with them.

behaviour   where the events lead, as the behaviour encoder has learned it
together    what people buy in one order with what the events are about, or touch next where that is
            not known, and what the shop says goes with it
similar     likeness of texts, categories and prices

All of them together are the model's own score, and stay it. A narrower one is about things more
than about a person, and its parts are on one scale whatever the model: what is most alike, and what
goes with the events best, count 1 each. What the shop itself says of pairs goes before both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from portrait.arrays import Codes, Floats
from portrait.catalogue.edges import Edges, Relation
from portrait.inference.aim import Aims
from portrait.inference.explain import Evidence
from portrait.inference.rank import rank_by
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf
from portrait.inference.taste import FirstTaste, Taste
from portrait.model.learned import FIRST, Blend
from portrait.profiles.layout import SHORT

Part = Literal["behaviour", "together", "similar"]
ALL_PARTS: frozenset[Part] = frozenset({"behaviour", "together", "similar"})
NOTHING = Blend(0, 0, 0)
OF_THINGS = frozenset[Part]({"together", "similar"})
ALIKE = 0.25  # what likeness counts beside what is bought in one order: docs/experiments.md
FACT = np.float32(4)  # that the shop says so: more than everything else can say together


@dataclass(frozen=True, slots=True)
class Paired:
    """A taste, and the L items that the shop says go with what S events are about."""

    taste: FirstTaste | Taste
    event: Codes  # (L,), places of the events
    row: Codes  # (L,), rows of the shelf

    @property
    def evidence(self) -> Evidence:
        """The events."""
        return self.taste.evidence

    @property
    def asked(self) -> Floats:
        """The vector that texts are asked with, (K,)."""
        return self.taste.asked

    def rank(self, shelf: Shelf, wish: RankingRequest, popularity: Floats) -> Ranking:
        """Rank what fits a wish."""
        del popularity
        scorer, aims = partial(self.scores, shelf), partial(self.aims, shelf)
        return rank_by(shelf, self.asked, wish, scorer, aims)

    def scores(self, shelf: Shelf, rows: Codes, text_scores: Floats) -> Floats:
        """Score items, (n,) rows of the shelf, given what their texts score with `asked`, (n,)."""
        links = np.zeros(len(shelf), np.float32)
        np.add.at(links, self.row, FACT)
        scores: Floats = self.taste.scores(shelf, rows, text_scores) + links[rows]
        return scores

    def aims(self, shelf: Shelf) -> Aims:
        """Return what items of a shelf are scored by: what the shop says goes first."""
        aims = self.taste.aims(shelf)
        return replace(aims, others=np.r_[np.unique(self.row), aims.others])

    def shares(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return each event's share of each item's score, (n, S), for (n,) rows of the shelf."""
        links = np.zeros((len(rows), len(self.evidence)), np.float32)
        place, link = np.nonzero(rows[:, None] == self.row)
        np.add.at(links, (place, self.event[link]), FACT)
        shares: Floats = self.taste.shares(shelf, rows) + links
        return shares

    def prices(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return what their prices add to the scores of (n,) rows of the shelf."""
        return self.taste.prices(shelf, rows)

    def without_prices(self) -> "Paired":
        """Return the same, as if nobody looked at prices."""
        return Paired(self.taste.without_prices(), self.event, self.row)


def narrowed(
    taste: FirstTaste | Taste,
    parts: frozenset[Part],
    shelf: Shelf,
    row_of: Mapping[int, int],
    edges: Edges,
) -> FirstTaste | Taste | Paired:
    """Let some parts of what a model says count alone.

    Args:
        taste: What it makes of the events.
        parts: Which; all of them: the taste as it is.
        shelf: N items.
        row_of: Their rows, by item_ref.
        edges: What the shop says of pairs of items.
    """
    if parts == ALL_PARTS:
        return taste
    alike = 1.0
    if isinstance(taste, Taste) and "together" in parts and parts <= OF_THINGS:
        ordered = taste.by_orders()
        if ordered is not None:
            taste, alike = ordered, ALIKE
    alone = taste.counting(_blend(taste, parts, shelf, alike))
    if "together" not in parts or not len(edges):
        return alone
    event, row = _pairs(taste.evidence, row_of, edges)
    is_here = row < len(shelf)
    return Paired(alone, event[is_here], row[is_here]) if is_here.any() else alone


def _blend(taste: FirstTaste | Taste, parts: frozenset[Part], shelf: Shelf, alike: float) -> Blend:
    """Return what each part counts, likeness so much of what it does in a first model."""
    bonds = taste.bonds(shelf) if isinstance(taste, Taste) and "together" in parts else None
    peak = 0.0 if bonds is None else float(bonds.max(initial=0))
    content = FIRST if "similar" in parts else NOTHING
    return Blend(
        behaviour=float("behaviour" in parts),
        neighbours=1 / peak if peak > 0 else 0.0,
        text=alike * content.text,
        kin=alike * content.kin,
        price=alike * content.price,
    )


def _pairs(evidence: Evidence, row_of: Mapping[int, int], edges: Edges) -> tuple[Codes, Codes]:
    """Find what goes with each event's item: its accessories, what fits it, what it needs."""
    found: list[tuple[int, int]] = []
    counts = (
        evidence.weight[SHORT, : evidence.visit or None] > 0
    )  # a session's events, if it is one
    for event in np.flatnonzero(counts).tolist():
        item = [int(evidence.ring["ref"][event])]
        others = (
            edges.to(Relation.ACCESSORY_OF, item),
            edges.to(Relation.FITS, item),
            edges.from_(Relation.NEEDS, item),
        )
        refs = {ref for each in others if each is not None for ref in each.tolist()}
        found += [(event, row_of[ref]) for ref in sorted(refs) if ref in row_of]
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
