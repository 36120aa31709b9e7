"""Floors: below what no figure of `--quick` with the bundled encoder may fall.

What was measured, less .04 for a first model and .08 for a learned one, for a training is not the
same to the last bit everywhere; less .12 for new searches, whose words tie. Raise a floor when its
figure has risen.
"""

from benchmarks.portrait.goals import Sides
from benchmarks.portrait.stack import FIRST, LEARNED
from benchmarks.portrait.words import Language

# English first and learned model, Chinese first and learned model.
_TABLE: dict[str, tuple[float, float, float, float]] = {
    "interest.first": (0.94, 0.9, 0.94, 0.9),
    "interest.three": (0.93, 0.87, 0.93, 0.87),
    "brand.three": (0.93, 0.89, 0.93, 0.89),
    "trend.rising": (0.86, 0.82, 0.86, 0.82),
    "trend.steady": (0.94, 0.9, 0.94, 0.9),
    "trend.fading": (0.84, 0.8, 0.87, 0.83),
    "trend.gone": (0.94, 0.9, 0.94, 0.9),
    "search.new.first": (0.13, 0.18, 0.33, 0.53),
    "search.new.five": (0.17, 0.16, 0.25, 0.44),
    "search.made.first": (0.79, 0.85, 0.39, 0.55),
    "search.made.five": (0.54, 0.62, 0.31, 0.44),
    "search.interest": (0.65, 0.6, 0.0, 0.0),
    "search.evidence": (0.0, 0.0, 0.0, 0.0),
    "session.items.known": (0.69, 0.81, 0.32, 0.0),
    "session.search.known": (0.29, 0.42, 0.42, 0.0),
    "session.items.anonymous": (0.89, 0.89, 0.4, 0.69),
    "session.search.anonymous": (0.53, 0.75, 0.51, 0.47),
    "against.star": (0.8, 0.8, 0.55, 0.8),
    "against.text": (0.0, 0.0, 0.0, 0.0),
    "against.return": (0.94, 0.9, 0.94, 0.9),
    "against.reasons": (1.0, 1.0, 1.0, 1.0),
    "against.only": (0.94, 0.9, 0.94, 0.9),
    "odd.moved": (0.47, 0.2, 0.53, 0.0),
    "kin.five": (0.39, 0.44, 0.35, 0.11),
    "price.apart": (0.09, 0.02, 0.13, 0.11),
    "next.ndcg": (0.28, 0.25, 0.11, 0.18),
    "neighbours.leaf": (0.69, 0.69, 0.32, 0.49),
    "neighbours.top": (0.8, 0.76, 0.49, 0.57),
}


def _column(place: int) -> dict[str, float]:
    return {key: row[place] for key, row in _TABLE.items()}


FLOORS: dict[Language, Sides] = {
    "en": {FIRST: _column(0), LEARNED: _column(1)},
    "zh": {FIRST: _column(2), LEARNED: _column(3)},
}
