"""What several questions score lists by: 1 for a perfect answer, 0 for a wrong one."""

from collections.abc import Collection, Mapping, Sequence
from math import log2

Figures = Mapping[str, float]  # by the key of a goal


def mean(scores: Sequence[float]) -> float:
    """Return the mean.

    Raises:
        ValueError: Nobody was asked.
    """
    if not scores:
        msg = "a question was put to nobody"
        raise ValueError(msg)
    return sum(scores) / len(scores)


def share_within(listed: Sequence[str], right: Collection[str], first: int) -> float:
    """Return the share of the first places that are right; an empty place is wrong."""
    return sum(id in right for id in listed[:first]) / first


def ndcg(listed: Sequence[str], right: Collection[str], first: int = 10) -> float:
    """Return the NDCG of the first places with gains of 0 and 1. `right` is not empty.

    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002.
    """
    gained = sum(1 / log2(2 + place) for place, id in enumerate(listed[:first]) if id in right)
    return gained / sum(1 / log2(2 + place) for place in range(min(len(right), first)))
