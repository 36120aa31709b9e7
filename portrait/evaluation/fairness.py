"""Fairness: one figure by groups of people, and how far the worst off are behind the best.

A group says nothing of why. Groups too small to tell are named and left out of the comparison.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes

Groups = Mapping[str, tuple[Codes, Sequence[str]]]  # by trait: codes (U,), names by code
Figure = Callable[[Codes], float]  # of the examples at these places

LEAST_USERS = 20  # fewer: chance speaks louder than the group
GOAL = 0.8  # of the worst group's figure over the best's: the "four fifths rule"
NO_GROUP = -1


@dataclass(frozen=True, slots=True)
class Group:
    """One figure of the people of one group."""

    name: str
    users: int
    examples: int
    figure: float
    told: bool  # whether there are enough of them to compare


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure by group."""

    groups: tuple[Group, ...]

    @property
    def ratio(self) -> float:
        """The least figure over the largest, of the groups that can be told; 1 if there is one."""
        figures = [group.figure for group in self.groups if group.told]
        if len(figures) < 2 or max(figures) <= 0:  # noqa: PLR2004 - it takes two to compare
            return 1.0
        return min(figures) / max(figures)

    @property
    def rows(self) -> dict[str, object]:
        """What a manifest says of it."""
        groups = {
            group.name: {"users": group.users, "figure": round(group.figure, 4)}
            for group in self.groups
        }
        return {"groups": groups, "min_max_ratio": round(self.ratio, 3)}


def by_group(
    figure: Figure,
    user: Codes,
    group: Codes,
    names: Sequence[str],
    telling: NDArray[np.bool_] | None = None,
) -> Spread:
    """Split examples by the group of their user.

    Args:
        figure: Gives the figure of some examples: a hit rate, an average precision.
        user: (A,), whose example each is.
        group: (U,), code of each user's group, or NO_GROUP.
        names: Of the groups, by code.
        telling: (A,), the examples whose users are counted; an average precision is told by those
            who have a positive, not by the rest. None: all.

    Source of the ratio: Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, 1978.
    """
    of_example = group[user]
    groups = []
    for code, name in enumerate(names):
        places = np.flatnonzero(of_example == code)
        counted = places if telling is None else places[telling[places]]
        users = len(np.unique(user[counted]))
        value = figure(places) if len(places) else 0.0
        groups.append(Group(name, users, len(places), value, users >= LEAST_USERS))
    return Spread(tuple(groups))


def by_activity(events: Codes, parts: Sequence[str] = ("quiet", "middling", "busy")) -> Codes:
    """Split users into equal parts by how much they did, (U,) events: codes (U,)."""
    place = np.empty(len(events), np.int64)
    place[np.argsort(events, kind="stable")] = np.arange(len(events))
    return place * len(parts) // max(1, len(events))
