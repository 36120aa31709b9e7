"""Lists: how many labels came of them, and what the place counts, as a line of a verdict.

It decides nothing: the model that learned so was judged by what it ranks.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from portrait.arrays import Doubles
from portrait.dataset.interactions import Interactions
from portrait.evaluation.verdict import Check

NAME = "labels of lists"
TOLD = (2, 5, 10)  # places that are spoken of


def lists_told(learned: Interactions, examined: Doubles) -> dict[str, Any]:
    """Return what a manifest says of lists.

    Args:
        learned: What the encoder learned from.
        examined: (P,), how likely each place is looked at, beside the first.
    """
    return {
        "labels": int(np.count_nonzero(learned.place)),
        "of": len(learned),
        "examined": [round(each, 4) for each in examined.tolist()],
    }


def lists_check(told: Mapping[str, Any] | None) -> Check | None:
    """Say how many labels came of lists, and what that changes; None if none did."""
    if told is None or not told.get("labels"):
        return None
    curve = told["examined"]
    if min(curve) == 1:
        what = "Too few touches of lists are known to tell places apart, so all count alike."
    else:
        seen = ", ".join(f"{100 * curve[place - 1]:.0f} at place {place}" for place in TOLD)
        what = f"For 100 looks at the first place there are {seen}; the fewer, the more it counts."
    return Check(
        name=NAME,
        champion=None,
        challenger=told["labels"] / told["of"],
        limit=None,
        judged=True,
        passed=True,
        reason=f"{told['labels']:,} of {told['of']:,} events learned from came of lists. {what}",
    )
