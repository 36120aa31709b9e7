"""Interleaved: two lists in one, which holds to the shop's rules as each of them does.

two rankings ─▶ team draft: of variants of one thing the first that is picked ─▶ the rules' plan
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from portrait.arrays import MISSING, Codes, Floats
from portrait.experiments.interleaving import team_draft
from portrait.inference.arrange import arrange
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is listed, by row."""

    team: Mapping[int, int]  # best first: whose pick each is, 0 or 1
    put: Mapping[int, str]  # which rule has put it there, if one has


def interleave(
    first: Ranking, second: Ranking, wish: RankingRequest, shelf: Shelf, random: Random
) -> Drawn:
    """Draw one list from two that were made under the same plan.

    Args:
        first: One list.
        second: The other.
        wish: What both were asked for with.
        shelf: Of both.
        random: The coin; one of its own for each list.
    """
    picks = _by_thing(first, shelf), _by_thing(second, shelf)
    both = len(picks[0]) + len(picks[1])
    drawn = team_draft([*picks[0]], [*picks[1]], both, random)
    team = {picks[of][thing]: of for thing, of in drawn}
    if wish.plan is None or not wish.plan.arranges:
        return Drawn(dict([*team.items()][: wish.limit]), {})
    held = _held([*team], wish, shelf)
    return Drawn({row: team[row] for row in held.rows.tolist()}, held.put)


def _by_thing(ranking: Ranking, shelf: Shelf) -> dict[int, int]:
    """Return the rows of a list by what they are variants of, in its order."""
    groups = shelf.variants.group[ranking.rows].tolist()
    rows = ranking.rows.tolist()
    return {
        ~row if group == MISSING else group: row for row, group in zip(rows, groups, strict=True)
    }


def _held(rows: list[int], wish: RankingRequest, shelf: Shelf) -> Ranking:
    """Hold rows, best first, to a plan once more: what it lifts or fades stands so already."""
    assert wish.plan is not None  # noqa: S101 - whoever asks has looked
    worth = np.linspace(1, 0, len(rows), dtype=np.float32)
    once = replace(wish, plan=replace(wish.plan, lift=None, fade=None))
    return arrange(shelf, np.array(rows, np.int64), worth, once, len(rows), _in_order)


def _in_order(_rows: Codes, worth: Floats, most: int) -> tuple[Codes, Floats]:
    return np.arange(len(worth))[:most], worth[:most]
