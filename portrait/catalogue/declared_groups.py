"""Groups: people of whom the same is declared, and what is popular among them.

Of whoever is not known yet what is declared is all there is. Nothing of it lies beside a profile.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from unicodedata import normalize

import numpy as np

from portrait.arrays import Floats
from portrait.events.event import Action
from portrait.model.kinds import ACTION_WEIGHTS

MOST_GROUPS = 64  # of a shop, that are told of
MOST_NEW = 1_000  # others; beyond it those go that nobody has spoken of for longest
MOST_AT_ONCE = 1_024  # weeks of groups of one batch: a third of a second
FEWEST = 20  # people: what fewer want would tell of somebody
LONGEST_VALUE = 64  # characters; what is longer is no group
AS_EVERYBODY = 2_000 * float(ACTION_WEIGHTS[Action.PURCHASE])  # what everybody wants counts as that
BITS = 64  # of a sketch of who is in a group
WEEK_DAYS, WEEKS = 7, 4  # what groups want is kept by week; so many tell what they want lately


def groups_of(declared: Mapping[str, str], counted: Collection[str]) -> dict[str, str]:
    """Return the groups that somebody is in, by what is said of them and of that what counts.

    Returns:
        What is said, `region=north`, by the group's id, from which nobody reads it.
    """
    said = {name: _spelled(declared[name]) for name in counted if name in declared}
    groups = [f"{name}={value}" for name, value in said.items() if value]
    return {blake2b(group.encode(), digest_size=12).hexdigest(): group for group in groups}


def _spelled(value: str) -> str:
    """Return a value in one spelling; nothing of what is no word, or very long."""
    spelled = normalize("NFKC", value).strip().casefold()
    return spelled if spelled.isprintable() and len(spelled) <= LONGEST_VALUE else ""


def marks_of(people: Collection[str], group: str) -> list[int]:
    """Return the bits of a sketch of who is in a group: no more than there are people.

    Two people may have one, so that twenty bits take some 24, and nobody can say by a bit that
    somebody is in a group of many.
    """
    digests = (blake2b(f"{group} {name}".encode(), digest_size=8).digest() for name in people)
    return sorted({int.from_bytes(digest) % BITS for digest in digests})


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
