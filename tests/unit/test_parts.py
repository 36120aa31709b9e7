"""Parts: some of what a model says alone; each score is still the sum of what the events say."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from portrait.arrays import Floats
from portrait.catalogue.edges import NO_EDGES, Edge, Edges, Relation, tabled
from portrait.inference.parts import ALIKE, ALL_PARTS, FACT, OF_THINGS, Paired, Part, narrowed
from portrait.inference.session import session_evidence, session_ring
from portrait.inference.shelf import Shelf, shelf_of
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.model.learned import Learned
from portrait.model.neighbours import Neighbours
from portrait.ref import item_ref
from tests.support.planted_shop import FIRST, LEARNED, STOCK, model, planted_catalogue

ROWS = {item.id: row for row, item in enumerate(STOCK)}
ROW_OF = {item_ref(id): row for id, row in ROWS.items()}
EVERY = np.arange(len(STOCK))
FITS = Edges.of(tabled([Edge("case", Relation.FITS, "phone")]), 1)
SOME = [frozenset(each) for count in (1, 2, 3) for each in combinations(sorted(ALL_PARTS), count)]


def taste(kind: str, *items: str) -> tuple[FirstTaste | Taste, Shelf]:
    of = model(kind)
    catalogue = planted_catalogue(of)
    evidence = session_evidence(session_ring(items, ()), catalogue)
    whole = FirstTaste(evidence) if of.learned is None else taste_of(evidence, of.learned)
    return whole, shelf_of(catalogue)


@pytest.mark.parametrize("parts", SOME, ids=lambda parts: "+".join(sorted(parts)))
@pytest.mark.parametrize("kind", [FIRST, LEARNED])
def test_the_shares_of_the_events_add_up_to_each_score(kind: str, parts: frozenset[Part]) -> None:
    whole, shelf = taste(kind, "phone", "spaghetti")

    alone = narrowed(whole, parts, shelf, ROW_OF, FITS)

    texts = np.vecdot(shelf.matrix[shelf.text], alone.asked)
    scores = alone.scores(shelf, EVERY, texts)
    np.testing.assert_allclose(alone.shares(shelf, EVERY).sum(axis=1), scores, atol=1e-5)


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
def test_all_parts_are_the_model_itself(kind: str) -> None:
    whole, shelf = taste(kind, "phone")

    assert narrowed(whole, ALL_PARTS, shelf, ROW_OF, FITS) is whole


def test_what_goes_best_with_the_events_counts_one_whatever_the_model() -> None:
    whole, shelf = taste(LEARNED, "spaghetti")

    alone = narrowed(whole, frozenset({"together"}), shelf, ROW_OF, NO_EDGES)

    scores = alone.scores(shelf, EVERY, np.zeros(len(EVERY), np.float32))
    assert scores[ROWS["tomato"]] == pytest.approx(1)
    assert scores[ROWS["cheese"]] == pytest.approx(5 / 9)
    assert np.count_nonzero(scores) == 3


def test_what_the_shop_says_is_of_the_event_that_it_goes_with() -> None:
    whole, shelf = taste(FIRST, "phone", "spaghetti")

    alone = narrowed(whole, frozenset({"together"}), shelf, ROW_OF, FITS)

    assert isinstance(alone, Paired)
    (shares,) = alone.shares(shelf, np.array([ROWS["case"]]))
    assert shares.tolist() == [0, FACT]  # newest first: the pasta, the phone


def bought_together(*items: str) -> tuple[Taste, Shelf]:
    """Let cheese be likeliest beside spaghetti, and tomato be most special to it."""
    whole, shelf = taste(LEARNED, *items)
    assert isinstance(whole, Taste)
    beside = whole.learned.neighbours
    first, end = beside.starts[(row := row_of(beside, "spaghetti")) : row + 2]
    strengths = np.zeros((len(beside.others), 2), np.float32)
    names = [row_of(beside, "cheese"), row_of(beside, "tomato")]
    for entry in range(first, end):
        if beside.others[entry] in names:
            likely = beside.others[entry] == names[0]
            strengths[entry] = (1, 0.25) if likely else (0.25, 1)
    orders = replace(
        beside,
        strengths=strengths,
        decay=np.zeros(2, np.float32),
        gap_decay=np.zeros(2, np.float32),
    )
    return replace(whole, learned=replace(whole.learned, orders=orders)), shelf


def row_of(neighbours: Neighbours, id: str) -> int:
    (row,) = neighbours.find(np.array([item_ref(id)], np.uint64)).tolist()
    return int(row)


def together(*items: str) -> tuple[float, float]:
    """Return what cheese and tomato score beside some things by orders alone."""
    whole, shelf = bought_together(*items)
    alone = narrowed(whole, frozenset({"together"}), shelf, ROW_OF, NO_EDGES)
    scores = alone.scores(shelf, EVERY, np.zeros(len(EVERY), np.float32))
    return float(scores[ROWS["cheese"]]), float(scores[ROWS["tomato"]])


def test_beside_one_thing_the_likeliest_is_first_and_beside_several_the_most_special() -> None:
    assert together("spaghetti") == pytest.approx((1, 0.25))
    assert together("phone", "spaghetti") == pytest.approx((1, 1))
    assert together("petrol", "phone", "spaghetti") == pytest.approx((2 / 3, 1))


def test_likeness_counts_less_beside_what_is_bought_together_and_alone_as_ever() -> None:
    whole, shelf = bought_together("spaghetti")
    usual, _ = taste(LEARNED, "spaghetti")
    texts = np.vecdot(shelf.matrix[shelf.text], whole.asked)

    def scores(of: FirstTaste | Taste, *parts: Part) -> Floats:
        alone = narrowed(of, frozenset(parts), shelf, ROW_OF, NO_EDGES)
        return alone.scores(shelf, EVERY, texts)

    both, pairs = scores(whole, "together", "similar"), scores(whole, "together")
    likeness = scores(whole, "similar")

    np.testing.assert_array_equal(likeness, scores(usual, "similar"))
    np.testing.assert_allclose(both, pairs + np.float32(ALIKE) * likeness, rtol=1e-5)


def test_of_things_that_no_order_speaks_of_what_people_touch_next_is_told() -> None:
    whole, shelf = bought_together("spaghetti")
    assert whole.learned.orders is not None
    nothing = replace(whole.learned.orders, starts=np.zeros_like(whole.learned.orders.starts))
    silent = replace(whole, learned=replace(whole.learned, orders=nothing))
    usual, _ = taste(LEARNED, "spaghetti")
    texts = np.vecdot(shelf.matrix[shelf.text], whole.asked)

    found, expected = (
        narrowed(each, OF_THINGS, shelf, ROW_OF, NO_EDGES).scores(shelf, EVERY, texts)
        for each in (silent, usual)
    )

    np.testing.assert_array_equal(found, expected)


def test_shares_by_orders_add_up_to_each_score() -> None:
    whole, shelf = bought_together("phone", "spaghetti")

    alone = narrowed(whole, OF_THINGS, shelf, ROW_OF, FITS)

    texts = np.vecdot(shelf.matrix[shelf.text], alone.asked)
    scores = alone.scores(shelf, EVERY, texts)
    np.testing.assert_allclose(alone.shares(shelf, EVERY).sum(axis=1), scores, atol=1e-5)


def test_where_somebody_is_heading_is_not_told_by_orders() -> None:
    whole, shelf = bought_together("spaghetti")
    usual, _ = taste(LEARNED, "spaghetti")
    texts = np.zeros(len(EVERY), np.float32)

    heading, before = (
        narrowed(each, frozenset({"behaviour", "together"}), shelf, ROW_OF, NO_EDGES)
        for each in (whole, usual)
    )

    found, expected = heading.scores(shelf, EVERY, texts), before.scores(shelf, EVERY, texts)
    np.testing.assert_array_equal(found, expected)


def test_a_model_keeps_what_is_bought_together() -> None:
    whole, _ = bought_together("spaghetti")

    again = Learned.from_arrays(whole.learned.to_arrays())

    assert again.orders is not None
    assert whole.learned.orders is not None
    np.testing.assert_array_equal(again.orders.strengths, whole.learned.orders.strengths)
    plain = replace(whole.learned, orders=None)
    assert Learned.from_arrays(plain.to_arrays()).orders is None
