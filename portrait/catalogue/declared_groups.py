"""Groups: people of whom the same is declared, and what is popular among them.

Of whoever is not known yet what is declared is all there is. Nothing of it lies beside a profile.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from portrait.arrays import Floats
from portrait.events.event import Action
from portrait.model.kinds import ACTION_WEIGHTS

MOST_GROUPS = 64  # of a shop; further ones wait until one of these is not spoken of for weeks
FEWEST = 20  # people: what fewer want would tell of somebody
LONGEST_VALUE = 64  # characters; what is longer is no group
AS_EVERYBODY = 2_000 * float(ACTION_WEIGHTS[Action.PURCHASE])  # what everybody wants counts as that


def groups_of(declared: Mapping[str, str], counted: Collection[str]) -> list[str]:
    """Name the groups that somebody is in, by what is said of them and of that what counts."""
    said = {name: declared.get(name, "").strip().casefold() for name in counted}
    return [f"{name}={value}" for name, value in said.items() if 0 < len(value) <= LONGEST_VALUE]


def blended(everybody: Floats, groups: Sequence[Floats]) -> Floats:
    """Return how much N items are wanted in some groups, as far as these tell, else by everybody.

    Everybody's wishes count as two thousand purchases beside a group's, however many they are: a
    small group differs from everybody little, a large one as much as it does. On real shops:
    docs/decisions/0075.

    Args:
        everybody: (N,) weights.
        groups: Of each group (N,) weights.

    Returns:
        (N,), with the sum that everybody's have.
    """
    total = float(everybody.sum(dtype=np.float64))
    wanted: Floats = np.asarray(np.sum(groups, axis=0, dtype=np.float32))
    if not total:
        return wanted
    wanted = wanted + everybody * np.float32(AS_EVERYBODY / total)
    among: Floats = wanted * np.float32(total / float(wanted.sum(dtype=np.float64)))
    return among
