"""Arrange: what a list under a plan holds to, whatever the scores and the plan."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING, Codes, Flags, Floats, largest
from portrait.events.item import Item
from portrait.inference.plan import Cap, Floor, Lift, Pin, Plan
from portrait.inference.popular import rank_popular
from portrait.inference.rank import rank_by
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf, shelf_of
from tests.support.catalogues import SPACE, catalogue

N = 24
THINGS = [
    Item(
        id=f"thing-{n}",
        title=f"thing {n}",
        category=f"Things > {n % 4}",
        group_id=f"group {n // 2}" if n >= 20 else None,
    )
    for n in range(N)
]
SHELF = shelf_of(catalogue(*THINGS))
VECTOR = np.ones(SPACE.dim, np.float32)
LIMITS = st.integers(1, 30)
MASKS = st.lists(st.booleans(), min_size=N, max_size=N).map(np.array)
SCORES = st.lists(st.integers(-3, 9), min_size=N, max_size=N).map(
    lambda scores: np.array(scores, np.float32)
)


def ranked(scores: Floats, plan: Plan, limit: int, *, popular: bool = False) -> Ranking:
    request = RankingRequest(limit, plan=plan, diversity=0)
    if popular:
        order = np.argsort(-scores, kind="stable")
        return rank_popular(SHELF, order, request, scores)
    return rank_by(SHELF, VECTOR, request, lambda rows, _: scores[rows])


def lifted(by_how_much: float, items: Flags, by: str = "lift") -> Plan:
    lift = np.float32(by_how_much) * items
    return Plan(lift=lift, lifts=(Lift(by, items, by_how_much),))


@given(SCORES, LIMITS, st.integers(1, 4), st.booleans(), MASKS)
def test_of_each_kind_there_are_no_more_than_may_be_and_the_best_of_each(
    scores: Floats,
    limit: int,
    most: int,
    popular: bool,  # noqa: FBT001 - drawn
    barred: Flags,
) -> None:
    kind = np.arange(N) % 3
    plan = Plan(barred=barred, caps=(Cap("cap", kind, most),))

    ranking = ranked(scores, plan, limit, popular=popular)

    things = kinds_of_things(scores, kind, barred)
    assert all((kind[ranking.rows] == each).sum() <= most for each in range(3))
    expected = sum(min(most, things.count(each)) for each in range(3))
    assert len(ranking.rows) >= min(limit, expected - 4)  # variants may be of two kinds
    assert not barred[ranking.rows].any()


def kinds_of_things(scores: Floats, kind: Codes, barred: Flags) -> list[int]:
    """Return the kind of the best variant of each thing that is not barred."""
    best: dict[str, int] = {}
    for row in np.argsort(-scores, kind="stable").tolist():
        if not barred[row]:
            best.setdefault(THINGS[row].group_id or THINGS[row].id, row)
    return [int(kind[row]) for row in best.values()]


@given(SCORES, LIMITS, MASKS, st.integers(0, 8), st.integers(1, 3), st.booleans())
def test_what_is_pinned_stands_in_its_place_the_best_first(  # noqa: PLR0913, PLR0917
    scores: Floats,
    limit: int,
    items: Flags,
    position: int,
    most: int,
    popular: bool,  # noqa: FBT001 - drawn
) -> None:
    ranking = ranked(
        scores, Plan(pins=(Pin("pin", items, position, most),)), limit, popular=popular
    )

    rows = ranking.rows.tolist()
    pinned = [row for row in rows if ranking.put.get(row) == "pin"]
    assert all(items[row] for row in pinned)
    at = min(position, len(rows) - len(pinned))
    assert rows[at : at + len(pinned)] == pinned
    assert scores[pinned].tolist() == sorted(scores[pinned].tolist(), reverse=True)
    if position + most <= limit and items[:20].sum() >= most:  # things of one variant
        assert len(pinned) == most
    groups = [THINGS[row].group_id or THINGS[row].id for row in rows]
    assert len(set(groups)) == len(groups) <= limit


@given(SCORES, LIMITS, MASKS, st.integers(1, 6), st.booleans())
def test_a_list_has_as_many_as_a_floor_says_if_there_are_so_many(
    scores: Floats,
    limit: int,
    items: Flags,
    least: int,
    popular: bool,  # noqa: FBT001 - drawn
) -> None:
    items[20:] = False  # variants of one thing
    before = ranked(scores, Plan(), limit, popular=popular)
    ranking = ranked(scores, Plan(floors=(Floor("floor", items, least),)), limit, popular=popular)

    there = int(items[ranking.rows].sum())
    assert there >= min(least, limit, int(items.sum()))
    assert len(ranking.rows) == len(before.rows) == len(set(ranking.rows.tolist()))
    if items[before.rows].sum() >= least:
        assert ranking.rows.tolist() == before.rows.tolist()
        assert not ranking.put


@given(SCORES, LIMITS, MASKS)
def test_what_is_shown_never_rises_and_scores_stay_the_model_s(
    scores: Floats, limit: int, items: Flags
) -> None:
    plan = Plan(
        pins=(Pin("pin", items, 1, 2),),
        floors=(Floor("floor", ~items, 3),),
        caps=(Cap("cap", np.arange(N) % 5, 3),),
        lift=lifted(0.5, items).lift,
        lifts=lifted(0.5, items).lifts,
    )

    ranking = ranked(scores, plan, limit)

    assert (np.diff(ranking.shown) <= 0).all()
    assert ((ranking.shown >= 0) & (ranking.shown <= 1)).all()
    np.testing.assert_array_equal(ranking.scores, scores[ranking.rows])


def test_a_lift_of_one_is_as_much_as_the_best_has() -> None:
    scores, items = np.arange(N, dtype=np.float32), np.arange(N) == 3
    scores[20:] = 0

    assert ranked(scores, lifted(0.78, items), 3).rows.tolist() == [19, 18, 3]
    assert ranked(scores, lifted(1, items), 3).rows.tolist() == [3, 19, 18]
    assert ranked(scores, lifted(-1, np.arange(N) > 9), 1).rows.tolist() == [9]


def test_a_plan_that_says_nothing_changes_nothing() -> None:
    scores = np.random.default_rng(3).standard_normal(N).astype(np.float32)

    assert (
        ranked(scores, Plan(), 10).rows.tolist()
        == ranked(scores, lifted(0, np.ones(N, np.bool_)), 10).rows.tolist()
    )


def test_a_pinned_variant_stands_for_its_thing() -> None:
    scores = np.arange(N, dtype=np.float32)  # of each pair the second is better
    pin = Pin("pin", np.arange(N) == 22, 0, 1)

    rows = ranked(scores, Plan(pins=(pin,)), 5).rows.tolist()

    assert rows[0] == 22
    assert 23 not in rows


@given(SCORES, st.integers(-1, 30))
def test_the_largest_are_the_first_of_a_stable_order(scores: Floats, most: int) -> None:
    order = np.argsort(-scores, kind="stable")

    assert largest(scores, most).tolist() == order[: max(most, 0)].tolist()


@pytest.mark.parametrize("limit", [1, 5])
def test_where_nothing_may_be_listed_nothing_is(limit: int) -> None:
    nothing = Plan(
        barred=np.ones(N, np.bool_),
        pins=(Pin("pin", np.ones(N, np.bool_), 0, 1),),
        caps=(Cap("cap", np.full(N, MISSING), 1),),
    )
    shelf: Shelf = SHELF

    ranking = ranked(np.ones(N, np.float32), nothing, limit)

    assert (len(ranking.rows), ranking.matched) == (0, len(shelf))
