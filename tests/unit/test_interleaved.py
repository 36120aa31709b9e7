"""Interleaved: one list of two, under the plan that both were made under."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.item import Item
from portrait.inference.plan import Cap, Floor, Pin, Plan
from portrait.inference.rank import rank_by
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import shelf_of
from service.recommendations.interleaved import interleave
from tests.support.catalogues import SPACE, catalogue

N, LIMIT = 24, 8
THINGS = [
    Item(id=f"thing-{n}", title=f"thing {n}", group_id=f"group {n // 2}" if n >= 16 else None)
    for n in range(N)
]
SHELF = shelf_of(catalogue(*THINGS))
SCORES = st.permutations(range(N)).map(lambda order: np.array(order, np.float32))
SEEDS = st.integers(0, 2**32)
KIND = np.arange(N) % 3
FIRST, LAST = np.arange(N) == 5, np.arange(N) >= 20


def ranked(scores: np.ndarray, wish: RankingRequest) -> Ranking:
    vector = np.ones(SPACE.dim, np.float32)
    return rank_by(SHELF, vector, wish, lambda rows, _: scores[rows])


@given(SCORES, SCORES, SEEDS)
def test_a_list_has_each_thing_once_and_half_of_both(
    ours: np.ndarray, theirs: np.ndarray, seed: int
) -> None:
    wish = RankingRequest(LIMIT, diversity=0)
    first, second = ranked(ours, wish), ranked(theirs, wish)

    drawn = interleave(first, second, wish, SHELF, Random(seed))  # noqa: S311 - a coin

    assert len(drawn.team) == LIMIT
    assert sum(drawn.team.values()) == LIMIT / 2
    groups = [THINGS[row].group_id or THINGS[row].id for row in drawn.team]
    assert len({*groups}) == LIMIT
    assert all(row in (first, second)[team].rows for row, team in drawn.team.items())


@given(SCORES, SCORES, SEEDS)
def test_a_list_holds_to_the_plan_as_each_of_both_does(
    ours: np.ndarray, theirs: np.ndarray, seed: int
) -> None:
    plan = Plan(
        barred=np.arange(N) == 7,
        pins=(Pin("pin", FIRST, 2, 1),),
        floors=(Floor("floor", LAST, 2),),
        caps=(Cap("cap", KIND, 3),),
    )
    wish = RankingRequest(LIMIT, diversity=0, plan=plan)

    drawn = interleave(ranked(ours, wish), ranked(theirs, wish), wish, SHELF, Random(seed))  # noqa: S311 - a coin

    rows = [*drawn.team]
    assert len(rows) == LIMIT
    assert rows[2] == 5
    assert drawn.put[5] == "pin"
    assert 7 not in rows
    assert sum(LAST[rows]) >= 2
    capped = [row for row in rows if row not in drawn.put]
    assert max(np.bincount(KIND[capped])) <= 3
