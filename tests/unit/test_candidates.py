"""Candidates: of very many items the worthwhile are scored, and the list is as if all had been."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.arrays import MISSING, Flags
from portrait.catalogue.edges import NO_EDGES
from portrait.catalogue.variants import Groups, Variants
from portrait.errors import IndexNotBuiltError
from portrait.inference import candidates
from portrait.inference.candidates import FEW, FOUND
from portrait.inference.eligible import eligible
from portrait.inference.index import Index
from portrait.inference.parts import Part, narrowed
from portrait.inference.plan import Cap, Floor, Lift, Pin, Plan
from portrait.inference.quantised import Quantised
from portrait.inference.ranking import Filters, Ranking, RankingRequest
from portrait.inference.shelf import Shelf
from portrait.inference.taste import Taste
from portrait.model.learned import Blend
from tests.support.large_shelf import BRANDS, CATEGORIES, DIM, Large, large

MANY, SOME = 150_000, 6_000  # items; of both more than are all scored
RECALL = 0.98  # of a hundred items, on average
HARDLY = 0.01  # of a score: behind a crowd, thousands of items score alike
CLOSE = 1e-5
SHOPPERS = range(8)
BLENDS = {
    "learned": Blend(1.0, 0.5, 0.3, kin=0.1, price=0.15),
    "cold": Blend(1.0, 2.0, 0.3, kin=0.2, price=0.3, cold=1.1, cold_behaviour=0.2),
}
FIRST = "first"  # a model that has learned nothing, in the shop of one that has
HUNDRED = RankingRequest(100, diversity=0)
seeds = st.integers(0, 1_000)
wishes = st.builds(
    Filters,
    categories=st.sampled_from([(), ("D1",), ("D1 > C1", "D2"), ("D3 > C3",)]),
    brands=st.sampled_from([(), ("brand 1",), ("brand 1", "brand 2", "brand 3")]),
    price_min=st.sampled_from([None, 5]),
    price_max=st.sampled_from([None, 20]),
)


@cache
def shop(items: int, blend: str, seed: int = 1) -> tuple[Large, Shelf]:
    """Return a shop and its shelf with an index."""
    drawn = large(items, BLENDS[blend], seed=seed)
    return drawn, drawn.indexed()


def both(
    items: int, blend: str, shopper: int, wish: RankingRequest, *, seed: int = 1
) -> tuple[Ranking, Ranking]:
    """Return the lists by candidates and by everything."""
    drawn, indexed = shop(items, "learned" if blend == FIRST else blend, seed)
    taste, nobody = drawn.taste(shopper, is_learned=blend != FIRST), np.zeros(items, np.float32)
    return taste.rank(indexed, wish, nobody), taste.rank(drawn.shelf, wish, nobody)


def recall(found: Ranking, exact: Ranking) -> float:
    return len(np.intersect1d(found.rows, exact.rows)) / max(1, len(exact.rows))


@pytest.fixture
def everything() -> Iterator[None]:
    """Let the index be asked for everything, however little is allowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "FOUND", (SOME, SOME))
        patch.setattr(candidates, "FEW", 0)
        yield


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("blend", [FIRST, *BLENDS])
def test_whoever_looks_at_everything_finds_the_same_list_to_the_last_bit(blend: str) -> None:
    @settings(max_examples=25)
    @given(st.integers(0, 50), wishes, st.integers(1, 100), st.sampled_from([0, 0.3, 1]))
    def the_same(shopper: int, filters: Filters, limit: int, diversity: float) -> None:
        wish = RankingRequest(limit, filters, diversity=diversity)

        found, exact = both(SOME, blend, shopper, wish)

        np.testing.assert_array_equal(found.rows, exact.rows)
        np.testing.assert_allclose(found.scores, exact.scores, atol=CLOSE)
        np.testing.assert_allclose(found.shown, exact.shown, atol=CLOSE)
        assert found.matched == exact.matched

    the_same()


@pytest.mark.parametrize(("blend", "seed"), [(FIRST, 1), ("learned", 1), ("cold", 1), ("cold", 2)])
def test_of_a_hundred_best_of_very_many_nearly_all_are_found_and_scored_alike(
    blend: str, seed: int
) -> None:
    recalls = []
    for shopper in SHOPPERS:
        found, exact = both(MANY, blend, shopper, HUNDRED, seed=seed)
        score_of = dict(zip(exact.rows.tolist(), exact.scores.tolist(), strict=True))
        alike = [row for row in found.rows.tolist() if row in score_of]
        told = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
        assert [told[row] for row in alike] == pytest.approx(
            [score_of[row] for row in alike], abs=CLOSE
        )
        assert len(found.rows) == HUNDRED.limit
        recalls.append(recall(found, exact))

    assert np.mean(recalls) >= RECALL


@pytest.mark.parametrize(
    "filters",
    [
        Filters(categories=("D1",)),
        Filters(brands=("brand 1", "brand 2")),
        Filters(price_max=20),
        Filters(categories=("D1",), price_min=30),
        Filters(categories=("D2 > C2",)),
    ],
    ids=["a tenth", "a 25th", "half", "a 40th", "few"],
)
def test_filters_leave_nothing_out_and_let_nothing_in(filters: Filters) -> None:
    wish, recalls = replace(HUNDRED, filters=filters), []
    for shopper in SHOPPERS:
        found, exact = both(MANY, "learned", shopper, wish)
        mask, matched = eligible(shop(MANY, "learned")[1], wish)
        assert mask[found.rows].all()
        assert found.matched == matched
        assert len(found.rows) == len(exact.rows)
        recalls.append(recall(found, exact))

    assert np.mean(recalls) >= RECALL


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from([0.0005, 0.01, 0.3, 0.9]), st.booleans())
def test_what_may_not_be_listed_never_is_and_few_are_listed_all(
    seed: int,
    share: float,
    is_barred: bool,  # noqa: FBT001 - drawn
) -> None:
    allowed = np.random.default_rng(seed).random(MANY) < share
    out = ~allowed
    wish = replace(
        HUNDRED,
        unwanted=None if is_barred else out,
        plan=Plan(barred=out) if is_barred else None,
        excluded=np.flatnonzero(allowed)[:5],
    )

    found, exact = both(MANY, "learned", seed % 8, wish)

    assert allowed[found.rows].all()
    assert not np.isin(found.rows, wish.excluded).any()
    assert len(found.rows) == min(HUNDRED.limit, int(allowed.sum()) - len(wish.excluded))
    if allowed.sum() <= FEW:
        np.testing.assert_array_equal(found.rows, exact.rows)


def _of_brand(brand: int) -> Flags:
    flags: Flags = np.arange(MANY) % BRANDS == brand
    return flags


def _of_categories(first: int, last: int) -> Flags:
    category = np.arange(MANY) % CATEGORIES
    flags: Flags = (category >= first) & (category < last)
    return flags


PLANS = {
    "pin": Plan(pins=(Pin("pin", _of_brand(7), 0, 3),)),
    "many pins": Plan(pins=tuple(Pin(f"pin {n}", _of_brand(n), n, 1) for n in range(12))),
    "floor": Plan(floors=(Floor("floor", _of_categories(40, 60), 5),)),
    "boost": Plan(lift=np.float32(0.5) * _of_brand(3), lifts=(Lift("boost", _of_brand(3), 0.5),)),
    "bury": Plan(
        lift=np.float32(-1) * _of_categories(0, 190),
        lifts=(Lift("bury", _of_categories(0, 190), -1),),
    ),
    "cap": Plan(caps=(Cap("cap", np.arange(MANY) % CATEGORIES, 1),)),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_has_its_say_over_everything(plan: Plan) -> None:
    wish, recalls = RankingRequest(20, plan=plan, diversity=0), []
    for shopper in SHOPPERS:
        found, exact = both(MANY, "learned", shopper, wish)
        assert len(found.rows) == wish.limit
        assert sorted(found.put.values()) == sorted(exact.put.values())
        recalls.append(recall(found, exact))

    assert np.mean(recalls) >= RECALL


def test_a_list_of_many_kinds_that_are_capped_has_the_best_of_each() -> None:
    plan = Plan(caps=(Cap("cap", np.arange(MANY) % CATEGORIES, 1),))
    recalls = []
    for shopper in SHOPPERS:
        found, exact = both(MANY, "learned", shopper, replace(HUNDRED, plan=plan))
        assert len(found.rows) == len(exact.rows)
        recalls.append(recall(found, exact))

    assert np.mean(recalls) >= RECALL


def test_a_crowd_of_variants_hides_nothing_that_stands_behind_it() -> None:
    """The five thousand that suit best are one thing, which a list has once."""
    drawn, indexed = shop(MANY, "learned")
    taste, nobody = drawn.taste(0), np.zeros(MANY, np.float32)
    crowd = taste.rank(drawn.shelf, replace(HUNDRED, limit=5_000), nobody).rows
    groups, group = Groups(), np.full(MANY, MISSING)
    for row in crowd.tolist():
        group[row] = groups.put(row, "one thing")
    variants = Variants(group, groups, are_any=True)
    alike = [replace(shelf, variants=variants) for shelf in (indexed, drawn.shelf)]

    found, exact = (taste.rank(shelf, HUNDRED, nobody) for shelf in alike)

    assert np.isin(found.rows, crowd).sum() == 1
    assert len(found.rows) == HUNDRED.limit
    assert found.scores == pytest.approx(exact.scores, abs=HARDLY)


@pytest.mark.parametrize("parts", [{"similar"}, {"together"}, {"together", "similar"}])
def test_some_parts_of_a_score_find_what_they_would(parts: set[Part]) -> None:
    drawn, indexed = shop(MANY, "cold")
    wish = RankingRequest(20, diversity=0, only_suiting=True)
    recalls = []
    for shopper in SHOPPERS:
        taste = drawn.taste(shopper)
        some = narrowed(taste, frozenset(parts), drawn.shelf, {}, NO_EDGES)
        nobody = np.zeros(MANY, np.float32)
        found, exact = some.rank(indexed, wish, nobody), some.rank(drawn.shelf, wish, nobody)
        assert len(found.rows) == len(exact.rows)
        recalls.append(recall(found, exact))

    assert np.mean(recalls) >= RECALL


def test_what_is_new_or_has_changed_is_found_at_once() -> None:
    drawn, indexed = shop(MANY, "learned")
    taste = drawn.taste(0)
    assert isinstance(taste, Taste)
    last = MANY - 1
    before = taste.rank(indexed, HUNDRED, np.zeros(MANY, np.float32))
    moved = indexed.text.copy()
    moved[last] = indexed.text[before.rows[0]]  # now it has the text of what suits best
    places = indexed.place.copy()
    places[last] = indexed.place[before.rows[0]]
    changed = replace(indexed, text=moved, place=places)
    assert isinstance(indexed.finder, Index)
    known = replace(changed, fresh=indexed.finder.fresh(changed))

    found = taste.rank(known, HUNDRED, np.zeros(MANY, np.float32))

    assert last not in before.rows
    assert last in found.rows
    assert known.fresh.tolist() == [last]


def test_few_vectors_are_refused_in_a_sentence() -> None:
    vectors = np.ones((8, DIM), np.float32)

    with pytest.raises(IndexNotBuiltError, match="training points"):
        Quantised(np.arange(8), DIM, lambda rows: vectors[: len(rows)])


def test_codes_take_a_quarter_of_a_byte_for_each_number_and_name_their_rows() -> None:
    draw = np.random.default_rng(3)
    rows = np.arange(0, 4_000, 2)
    vectors = draw.standard_normal((4_000, DIM), np.float32)
    codes = Quantised(rows, DIM, lambda some: vectors[some])
    allowed = draw.random(4_000) < 0.5

    found, products = codes.nearest(vectors[10], allowed | (np.arange(4_000) == 10), 50)

    assert found[0] == 10
    assert (found % 2 == 0).all()
    assert (np.diff(products) <= 0).all()
    np.testing.assert_allclose(products, vectors[found] @ vectors[10], atol=25)
    assert codes.size == len(rows) * (DIM // 4 + 8)
    assert (allowed[found] | (found == 10)).all()
    assert max(FOUND) < FEW
    assert MISSING not in found
