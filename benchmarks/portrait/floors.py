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
    "interest.first": (0.96, 0.92, 0.96, 0.92),
    "interest.three": (0.95, 0.89, 0.94, 0.89),
    "brand.three": (0.95, 0.91, 0.95, 0.91),
    "trend.rising": (0.84, 0.8, 0.84, 0.8),
    "trend.steady": (0.95, 0.91, 0.95, 0.91),
    "trend.fading": (0.86, 0.82, 0.86, 0.82),
    "trend.gone": (0.96, 0.92, 0.96, 0.92),
    "search.new.first": (0.13, 0.18, 0.38, 0.48),
    "search.new.five": (0.18, 0.16, 0.36, 0.38),
    "search.made.first": (0.46, 0.42, 0.06, 0.07),
    "search.made.five": (0.24, 0.22, 0.01, 0.02),
    "search.interest": (0.01, 0.02, 0.0, 0.07),
    "search.evidence": (0.0, 0.0, 0.0, 0.0),
    "session.items.known": (0.59, 0.01, 0.33, 0.02),
    "session.search.known": (0.17, 0.0, 0.03, 0.0),
    "session.items.anonymous": (0.8, 0.79, 0.46, 0.67),
    "session.search.anonymous": (0.26, 0.33, 0.1, 0.03),
    "against.star": (0.88, 0.0, 0.63, 0.0),
    "against.text": (0.0, 0.0, 0.0, 0.0),
    "against.return": (0.96, 0.92, 0.79, 0.92),
    "against.reasons": (1.0, 1.0, 1.0, 1.0),
    "against.only": (0.9, 0.9, 0.9, 0.9),
    "odd.moved": (0.4, 0.05, 0.4, 0.12),
    "kin.five": (0.36, 0.17, 0.56, 0.13),
    "price.apart": (0.16, 0.2, 0.1, 0.14),
    "next.ndcg": (0.27, 0.24, 0.14, 0.2),
    "neighbours.leaf": (0.54, 0.55, 0.38, 0.48),
    "neighbours.top": (0.67, 0.63, 0.55, 0.56),
}


def _column(place: int) -> dict[str, float]:
    return {key: row[place] for key, row in _TABLE.items()}


FLOORS: dict[Language, Sides] = {
    "en": {FIRST: _column(0), LEARNED: _column(1)},
    "zh": {FIRST: _column(2), LEARNED: _column(3)},
}
