"""Places: who reads where items without a category lie, as a line of a verdict; it decides nothing.

As with reviews, whether a reader serves was decided when it was made.
"""

from collections.abc import Mapping
from typing import Any

from portrait.evaluation.verdict import Check

NAME = "categories"
TUNED, NGRAMS = "fine-tuned", "n-grams"


def places_check(told: Mapping[str, Any] | None) -> Check | None:
    """Say who reads categories, and why; None if none is lacking, or nobody was to read.

    Args:
        told: What the training says of it: how many are lacking, whether it was kept, and why.
    """
    if told is None or not told.get("lacking"):
        return None
    figures: Mapping[str, Mapping[str, float]] = told.get("figures", {})
    reader = "a BERT that learned from the shop's own" if told["kept"] else "nobody"
    return Check(
        name=NAME,
        champion=None,
        challenger=figures.get(TUNED, {}).get("deciding"),
        baseline=figures.get(NGRAMS, {}).get("deciding"),
        limit=None,
        judged=bool(figures),
        passed=True,
        reason=f"Categories of the {told['lacking']} items without one are read by {reader}: "
        f"{told['reason']}",
    )
