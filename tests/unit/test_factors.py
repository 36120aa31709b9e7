"""Factors: what each kind of event counts by the shop's choice, in every part of a score."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import Floats, Ring
from portrait.catalogue.catalogue import Catalogue
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.inference.explain import Evidence, evidence_of, merged, reasons_of
from portrait.inference.factors import factored
from portrait.inference.groups import rank_groups
from portrait.inference.ranking import RankingRequest
from portrait.inference.session import factored_session, session_evidence, session_ring
from portrait.inference.shelf import Shelf, shelf_of
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.model.kinds import KINDS, as_seen, factors_of
from portrait.profiles.layout import LONG, SHORT
from portrait.ref import item_ref, search_ref
from portrait.times import DAY_MS
from tests.support.planted_shop import FIRST, LEARNED, STOCK, model, planted_catalogue

NOW = 1_790_000_000_000
COMPLAINTS = {Action.RETURN}
CATALOGUES = {kind: planted_catalogue(model(kind)) for kind in (FIRST, LEARNED)}
KIND = pytest.mark.parametrize("kind", [FIRST, LEARNED])

happened = st.tuples(
    st.sampled_from(Action),
    st.sampled_from([item.id for item in STOCK]),
    st.integers(0, 400),
    st.sampled_from([0, 10, 30, 50]),
)
counts = st.dictionaries(st.sampled_from(Action), st.sampled_from([0.0, 0.5, 1.0, 2.0, 10.0]))


def ring_of(*events: tuple[Action, str, int, int]) -> Ring:
    """Write a ring (S,) of (action, item id or search text, age in days, rating), newest first."""
    ring = np.zeros(len(events), EVENT)
    for place, (action, name, age, rating) in enumerate(sorted(events, key=lambda each: each[2])):
        ref = search_ref("pasta") if action is Action.SEARCH else item_ref(name)
        stars = rating if action is Action.REVIEW else 0
        ring[place] = (NOW - age * DAY_MS, place + 1, ref, 0, 1, ACTION_CODE[action], stars)
    return ring


rings = st.lists(happened, max_size=RING).map(lambda events: ring_of(*events))
praise = (
    st.lists(happened, max_size=RING)
    .map(lambda events: [each for each in events if each[0] not in COMPLAINTS and each[3] != 10])
    .map(lambda events: ring_of(*events))
)


def shop(kind: str) -> tuple[Catalogue, Shelf]:
    return CATALOGUES[kind], shelf_of(CATALOGUES[kind])


def taste(evidence: Evidence, kind: str) -> FirstTaste | Taste:
    learned = model(kind).learned
    return FirstTaste(evidence) if learned is None else taste_of(evidence, learned)


def counting(ring: Ring, kind: str, factors: Mapping[Action, float] | None) -> Evidence:
    evidence = evidence_of(ring, CATALOGUES[kind])
    return evidence if factors is None else factored(evidence, factors_of(factors))


def scores(evidence: Evidence, kind: str, *, by_price: bool = True) -> Floats:
    """Score every item, (N,)."""
    (_, shelf), tasted = shop(kind), taste(evidence, kind)
    tasted = tasted if by_price else tasted.without_prices()
    rows, scores, _ = tasted.score(shelf, RankingRequest())
    whole = np.zeros(len(shelf), np.float32)
    whole[rows] = scores
    return whole


@KIND
@given(ring=rings)
def test_factors_of_one_change_no_bit(kind: str, ring: Ring) -> None:
    plain, ones = counting(ring, kind, None), counting(ring, kind, {})

    np.testing.assert_array_equal(scores(plain, kind), scores(ones, kind))
    np.testing.assert_array_equal(plain.weight, ones.weight)


@KIND
@given(ring=rings, factors=counts)
def test_shares_add_up_to_the_score_whatever_events_count(
    kind: str, ring: Ring, factors: Mapping[Action, float]
) -> None:
    evidence, (_, shelf) = counting(ring, kind, factors), shop(kind)
    rows = np.arange(len(shelf))

    shares = taste(evidence, kind).shares(shelf, rows).sum(axis=1)

    np.testing.assert_allclose(shares, scores(evidence, kind), atol=1e-4)


@KIND
@given(ring=praise, none=st.sets(st.sampled_from(Action)))
def test_what_counts_nothing_is_as_if_it_had_never_been(
    kind: str, ring: Ring, none: set[Action]
) -> None:
    factors = factors_of(dict.fromkeys(none, 0.0))
    kinds, _ = as_seen(*(ring[None][name] for name in ("action", "rating", "ref", "at")))
    without = ring[factors[kinds[0]] > 0] if len(ring) else ring

    # But for when somebody was last here: the longer ago, the less prices are believed.
    got, never = (
        scores(evidence, kind, by_price=False)
        for evidence in (
            factored(evidence_of(ring, CATALOGUES[kind]), factors),
            evidence_of(without, CATALOGUES[kind]),
        )
    )

    np.testing.assert_allclose(got, never, atol=1e-5)


@given(ring=rings)
def test_twice_is_twice_the_weight_in_texts_categories_and_prices(ring: Ring) -> None:
    plain, twice = counting(ring, FIRST, None), counting(ring, FIRST, {Action.CART: 2.0})

    is_cart = plain.kinds == ACTION_CODE[Action.CART]
    np.testing.assert_array_equal(twice.weight, plain.weight * np.where(is_cart, 2, 1))


@given(ring=rings)
def test_twice_is_twice_the_weight_in_what_was_learned(ring: Ring) -> None:
    learned = model(LEARNED).learned
    assert learned is not None
    plain, twice = counting(ring, LEARNED, None), counting(ring, LEARNED, {Action.CART: 2.0})

    factor = np.where(plain.kinds == ACTION_CODE[Action.CART], 2, 1)[None, :, None]
    weighed = learned.behaviour.event_weights
    np.testing.assert_array_equal(weighed(twice.events), weighed(plain.events) * factor)


def test_co_occurrence_divides_what_it_says_by_what_events_count() -> None:
    ring = ring_of((Action.CART, "spaghetti", 0, 0), (Action.CLICK, "penne", 0, 0))
    learned, catalogue = model(LEARNED).learned, CATALOGUES[LEARNED]
    assert learned is not None
    rows = learned.neighbours.find(ring["ref"])
    cheese = learned.neighbours.find(np.array([item_ref("cheese")], np.uint64))
    bonds = {"spaghetti": 0.5, "penne": 0.4}

    def said(factors: Mapping[Action, float]) -> list[float]:
        events = factored(evidence_of(ring, catalogue), factors_of(factors)).events
        (shares,) = learned.neighbours.shares(rows, events, cheese)
        (whole,) = learned.neighbours.scores(rows[None], events)
        assert whole[cheese] == pytest.approx(shares.sum())
        found: list[float] = (shares / [*bonds.values()]).tolist()
        return found

    cart, click = said({})
    assert said({Action.CART: 3.0}) == pytest.approx(
        [3 * cart / (3 * cart + click), click / (3 * cart + click)]
    )
    assert said({Action.CART: 0.0}) == pytest.approx([0, 1])


@KIND
def test_what_counts_more_moves_its_like_up(kind: str) -> None:
    ring = ring_of((Action.CART, "shirt-blue", 3, 0), (Action.CLICK, "penne", 1, 0))
    ids = [item.id for item in STOCK]

    def gap(factors: Mapping[Action, float]) -> float:
        found = scores(counting(ring, kind, factors), kind)
        return float(found[ids.index("shirt-s")] - found[ids.index("fusilli")])

    gaps = [gap({Action.CART: factor}) for factor in (0.0, 0.5, 1.0, 2.0, 10.0)]
    assert gaps == sorted(gaps)
    assert gaps[0] < gap({}) < gaps[-1]


@KIND
def test_a_complaint_that_counts_nothing_takes_back_its_purchase_all_the_same(kind: str) -> None:
    tea = (Action.PURCHASE, "milk", 9, 0)
    bought, back = (Action.PURCHASE, "tie", 5, 0), (Action.RETURN, "tie", 2, 0)
    ignored = {Action.RETURN: 0.0}

    def of(ring: Ring, factors: Mapping[Action, float] | None) -> Floats:
        return scores(counting(ring, kind, factors), kind, by_price=False)

    never, unexplained = of(ring_of(tea), None), ring_of(tea, back)
    np.testing.assert_array_equal(of(ring_of(tea, bought, back), ignored), never)
    np.testing.assert_array_equal(of(unexplained, ignored), never)
    assert (of(unexplained, None) != never).any()  # no purchase stands before it


def test_a_group_has_no_more_of_what_was_sent_back_where_complaints_count_nothing() -> None:
    _, shelf = shop(FIRST)
    ring = ring_of(
        (Action.PURCHASE, "milk", 9, 0),
        (Action.PURCHASE, "tie", 5, 0),
        (Action.RETURN, "tie", 2, 0),
    )
    groups = [
        rank_groups(
            shelf, FirstTaste(counting(ring, FIRST, factors)), shelf.interest, RankingRequest(), 3
        )
        for factors in (None, {Action.RETURN: 0.0})
    ]

    plain, ignoring = (dict(zip(each.codes.tolist(), each.scores, strict=True)) for each in groups)
    assert plain == ignoring


@given(ring=rings, factors=counts)
def test_the_shares_of_groups_add_up_whatever_events_count(
    ring: Ring, factors: Mapping[Action, float]
) -> None:
    _, shelf = shop(LEARNED)
    tasted = taste(counting(ring, LEARNED, factors), LEARNED)

    groups = rank_groups(shelf, tasted, shelf.interest, RankingRequest(), 3)

    whole = groups.shares.sum(axis=1) + groups.prices
    np.testing.assert_allclose(whole, groups.scores, atol=1e-4)


def test_a_group_counts_what_was_done_in_it_as_the_shop_has_it() -> None:
    _, shelf = shop(FIRST)
    ring = ring_of((Action.WISH, "tie", 1, 0), (Action.PURCHASE, "milk", 2, 0))
    ties = shelf.interest[[item.id for item in STOCK].index("tie")]

    def best(factors: Mapping[Action, float]) -> int:
        tasted = FirstTaste(counting(ring, FIRST, factors))
        return int(rank_groups(shelf, tasted, shelf.interest, RankingRequest(), 3).codes[0])

    assert best({}) != ties
    assert best({Action.WISH: 10.0}) == ties


def test_what_is_asked_for_counts_as_ever_and_what_else_they_do_as_the_shop_has_it() -> None:
    session = session_evidence(session_ring(["tie", "penne"], ["pasta"]), CATALOGUES[LEARNED])
    nothing = np.zeros(KINDS, np.float32)

    found = factored_session(session, nothing, [search_ref("pasta")])

    (counted,) = np.flatnonzero(found.weight[SHORT])
    assert found.ring["ref"][counted] == search_ref("pasta")
    assert found.weight[SHORT, counted] == session.weight[SHORT, 0]
    np.testing.assert_array_equal(found.weight[LONG], found.weight[SHORT])
    assert not factored_session(session, nothing).portrait().any()


@KIND
def test_a_session_and_the_past_each_keep_what_they_count(kind: str) -> None:
    past = counting(ring_of((Action.CART, "tie", 2, 0)), kind, {Action.CART: 2.0})
    session = session_evidence(session_ring(["penne"], []), CATALOGUES[kind])

    both = merged(past, session)
    shares = taste(both, kind).shares(shop(kind)[1], np.arange(len(STOCK))).sum(axis=1)

    assert both.factor is not None
    assert both.factor.tolist() == [1, 2]
    assert merged(session, session).factor is None
    np.testing.assert_allclose(shares, scores(both, kind), atol=1e-4)


def test_a_reason_is_named_by_what_counts() -> None:
    ring = ring_of((Action.WISH, "tie", 0, 0), (Action.CLICK, "tie", 1, 0))
    row = np.array([[item.id for item in STOCK].index("tie")])

    def named(factors: Mapping[Action, float]) -> int:
        evidence = counting(ring, FIRST, factors)
        shares = FirstTaste(evidence).shares(shop(FIRST)[1], row)
        ((event, _),) = reasons_of(shares, evidence, 3)[0].favour
        return int(evidence.kinds[event])

    assert named({}) == ACTION_CODE[Action.WISH]
    assert named({Action.WISH: 0.0}) == ACTION_CODE[Action.CLICK]


def test_what_is_said_of_reviews_is_said_of_good_and_bad_ones() -> None:
    factors = factors_of({Action.REVIEW: 0.5})

    assert np.flatnonzero(factors == 0.5).tolist() == [
        ACTION_CODE[Action.REVIEW],
        len(Action),
        len(Action) + 1,
    ]
    assert len(factors) == KINDS
