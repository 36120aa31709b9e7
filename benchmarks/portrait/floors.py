"""Floors: below what no figure of `--quick` with the bundled encoder may fall.

What was measured, less .06 for a first model and .1 for a learned one, for a training is not the
same to the last bit everywhere; less .1 and .2 where searches and sessions are asked, and .2 where
few people are (odd purchases, kin, stars, returns, interests of searches). What one odd purchase
does to a learned model differs most from machine to machine, so it has more room. On one machine a
run gives the same figures as the last, to every digit: training waits until all that was told is
archived. Nothing ranks by prices yet: what diversity brings of them is no promise. Raise a floor
when its figure has risen.
"""

from benchmarks.portrait.goals import Sides
from benchmarks.portrait.stack import FIRST, LEARNED
from sandbox.planted.words import Language

# English first and learned model, Chinese first and learned model.
_TABLE: dict[str, tuple[float, float, float, float]] = {
    "interest.first": (0.94, 0.9, 0.94, 0.9),
    "interest.three": (0.93, 0.87, 0.93, 0.87),
    "brand.three": (0.93, 0.89, 0.93, 0.89),
    "trend.rising": (0.86, 0.82, 0.86, 0.82),
    "trend.steady": (0.94, 0.9, 0.94, 0.9),
    "trend.fading": (0.84, 0.8, 0.87, 0.83),
    "trend.gone": (0.94, 0.9, 0.94, 0.9),
    "search.new.first": (0.7, 0.75, 0.33, 0.5),
    "search.new.five": (0.69, 0.72, 0.28, 0.54),
    "search.made.first": (0.75, 0.75, 0.35, 0.5),
    "search.made.five": (0.71, 0.64, 0.3, 0.46),
    "search.interest": (0.7, 0.65, 0.0, 0.0),
    "search.evidence": (0.7, 0.65, 0.0, 0.0),
    "session.items.known": (0.8, 0.75, 0.4, 0.75),
    "session.search.known": (0.6, 0.7, 0.3, 0.24),
    "session.items.anonymous": (0.85, 0.75, 0.45, 0.6),
    "session.search.anonymous": (0.74, 0.79, 0.42, 0.44),
    "against.star": (0.8, 0.8, 0.63, 0.8),
    "against.text": (0.7, 0.63, 0.6, 0.75),
    "against.praise": (0.94, 0.9, 0.94, 0.9),
    "against.return": (0.94, 0.9, 0.72, 0.9),
    "against.reasons": (1.0, 1.0, 1.0, 1.0),
    "against.only": (0.94, 0.9, 0.94, 0.9),
    "odd.moved": (0.6, 0.3, 0.5, 0.2),
    "kin.five": (0.79, 0.65, 0.64, 0.7),
    "price.apart": (0.25, 0.1, 0.3, 0.1),
    "next.ndcg": (0.33, 0.31, 0.16, 0.3),
    "neighbours.leaf": (0.86, 0.8, 0.41, 0.85),
    "neighbours.top": (0.93, 0.85, 0.61, 0.85),
}


def _column(place: int) -> dict[str, float]:
    return {key: row[place] for key, row in _TABLE.items()}


FLOORS: dict[Language, Sides] = {
    "en": {FIRST: _column(0), LEARNED: _column(1)},
    "zh": {FIRST: _column(2), LEARNED: _column(3)},
}
