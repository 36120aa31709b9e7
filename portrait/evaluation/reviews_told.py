"""Reviews: how a model reads them, as a line of its verdict. It is shown, and decides nothing.

Whether a reader serves with its model was decided when it was made, on reviews that nobody learned
from: a model without one is as good as its rankings are, and words read its reviews.
"""

from collections.abc import Mapping
from typing import Any

from portrait.evaluation.verdict import Check

NAME = "reviews"
TUNED, WORDS = "fine-tuned", "words"


def reviews_check(told: Mapping[str, Any] | None) -> Check | None:
    """Say who reads reviews, and why; None if no reader was to be made.

    Args:
        told: What the training says of it: whether it was kept, why, and the figures.
    """
    if told is None:
        return None
    figures: Mapping[str, Mapping[str, float]] = told.get("figures", {})
    reader = "a BERT that learned from the shop's own" if told["kept"] else "words, as before"
    return Check(
        name=NAME,
        champion=None,
        challenger=figures.get(TUNED, {}).get("deciding"),
        baseline=figures.get(WORDS, {}).get("deciding"),
        limit=None,
        judged=bool(figures),
        passed=True,
        reason=f"Reviews are read by {reader}: {told['reason']}",
    )
