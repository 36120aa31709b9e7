"""Paint: facts and a space make a portrait."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.arrays import Floats, Ring
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.events.price import FREE
from portrait.inference.paint import WIDTHS, paint, vector_weights, weights
from portrait.model.recency import NEWCOMER, Events
from portrait.profiles.layout import LONG, NO_EVIDENCE, SHORT
from portrait.ref import item_ref, name_ref, search_ref, text_ref
from portrait.times import DAY_MS
from tests.support.catalogues import ITEMS, SPACE, catalogue, read

NOW = 1_790_000_000_000


def ring_of(*events: tuple[Action, str, float], rating: int = 0, price: float = 0) -> Ring:
    """Write one ring (1, RING) of (action, item id or search text, age in days)."""
    ring = np.zeros((1, RING), EVENT)
    for place, (action, name, age) in enumerate(events):
        ref = search_ref(name) if action is Action.SEARCH else item_ref(name)
        at = NOW - int(age * DAY_MS)
        ring[0, place] = (at, place + 1, ref, price, 1, ACTION_CODE[action], rating)
    return ring


def interests_of(ring: Ring, *, searches: tuple[str, ...] = ()) -> dict[str, float]:
    built = catalogue(searches=searches)
    (portrait,) = paint(ring, built)
    return {
        str(built.interests.name_of(int(interest["category"]))): float(interest["score"])
        for interest in portrait["interests"]
        if interest["category"]
    }


def test_an_interest_is_its_share_of_decayed_weight() -> None:
    ring = ring_of((Action.PURCHASE, "milk", 0), (Action.PURCHASE, "towels", 30))

    interests = interests_of(ring)

    assert interests == pytest.approx({"Grocery > Dairy": 2 / 3, "House > Paper": 1 / 3})


def test_a_return_takes_back_its_purchase() -> None:
    bought = ring_of((Action.PURCHASE, "milk", 0), (Action.CLICK, "tuna", 0))
    returned = ring_of(
        (Action.RETURN, "milk", 0), (Action.PURCHASE, "milk", 0), (Action.CLICK, "tuna", 0)
    )

    assert "Grocery > Dairy" in interests_of(bought)
    assert interests_of(returned) == pytest.approx({"Pets > Cat": 1})


def test_a_low_rating_counts_against() -> None:
    liked = ring_of((Action.REVIEW, "milk", 0), (Action.REVIEW, "tuna", 0), rating=50)
    disliked = ring_of((Action.REVIEW, "milk", 0), (Action.REVIEW, "tuna", 0), rating=10)

    assert len(interests_of(liked)) == 2
    assert interests_of(disliked) == {}


def vectors_of(*events: tuple[Action, str, float], rating: int = 0) -> Floats:
    """Return the long and the short vector of one user."""
    (portrait,) = paint(ring_of(*events, rating=rating), catalogue())
    vectors: Floats = portrait["vectors"].astype(np.float32)
    return vectors


def test_a_low_rating_turns_the_vector_away() -> None:
    towels, milk = (Action.CLICK, "towels", 1.0), (Action.REVIEW, "milk", 0.0)
    row = catalogue().vectors.row(text_ref(ITEMS[0].text))

    before, after = vectors_of(towels), vectors_of(milk, towels, rating=10)

    likeness = catalogue().vectors.matrix[row]
    assert (after @ likeness < before @ likeness - 0.1).all()


def test_complaints_alone_are_no_taste() -> None:
    complaints = (Action.REVIEW, "milk", 0.0), (Action.RETURN, "tuna", 1.0)

    assert not vectors_of(*complaints, rating=20).any()
    assert vectors_of(*complaints, (Action.BROWSE, "towels", 9), rating=20).any(axis=1).all()


def test_one_odd_purchase_does_not_become_the_taste() -> None:
    clicks = [(Action.CLICK, "milk", 1.0 + place) for place in range(9)]
    tuna = (Action.PURCHASE, "tuna", 0.0)
    of_milk, of_tuna = (vectors_of((Action.CLICK, name, 0)) for name in ("milk", "tuna"))

    (_, short) = vectors_of(tuna, *clicks)
    (_, of_newcomer) = vectors_of(tuna, *clicks[: NEWCOMER - 1])

    assert short @ of_milk[SHORT] > 2 * (short @ of_tuna[SHORT])
    assert of_newcomer @ of_tuna[SHORT] > of_newcomer @ of_milk[SHORT]


@pytest.mark.parametrize(
    ("action", "is_bounded"),
    [(Action.PURCHASE, True), (Action.RETURN, True), (Action.SEARCH, False), (Action.CLICK, False)],
)
def test_only_what_is_more_than_a_click_and_no_search_is_bounded(
    action: Action, *, is_bounded: bool
) -> None:
    clicks = [(Action.CLICK, "milk", 1.0 + place) for place in range(6)]
    ring = ring_of((action, "tuna", 0), *clicks)
    events = Events.of_ring(ring, ring["at"] > 0)

    plain, within = weights(events), vector_weights(events)

    assert (abs(within[0, SHORT, 0]) < abs(plain[0, SHORT, 0])) == is_bounded
    np.testing.assert_array_equal(within[:, LONG], plain[:, LONG])
    np.testing.assert_array_equal(within[0, SHORT, 1:], plain[0, SHORT, 1:])


def test_a_long_row_of_purchases_is_as_it_was() -> None:
    ring = ring_of(*[(Action.PURCHASE, "milk", float(age)) for age in range(RING)])
    events = Events.of_ring(ring, ring["at"] > 0)

    np.testing.assert_allclose(vector_weights(events), weights(events), rtol=1e-5)


def test_an_interest_that_grows_has_a_positive_trend() -> None:
    newest = [(Action.CLICK, "tuna", float(day)) for day in range(4)]
    oldest = [(Action.CLICK, "milk", float(day)) for day in range(8, 16)]
    built = catalogue()

    (portrait,) = paint(ring_of(*newest, *oldest), built)

    trends = {int(i["category"]): float(i["trend"]) for i in portrait["interests"]}
    # Of 4 late visits and 8 early ones all are of one kind; a third of all are about cats.
    assert trends[name_ref("Pets > Cat")] == pytest.approx(8 / 3 / 12 + 8 / 3 / 16)
    assert trends[name_ref("Grocery > Dairy")] == pytest.approx(-8 / 3 / 12 - 8 / 3 / 16)


def test_the_evidence_of_an_interest_is_its_heaviest_events() -> None:
    ring = ring_of(
        (Action.BROWSE, "milk", 0),
        (Action.CLICK, "tuna", 0),
        (Action.PURCHASE, "cheese", 0),
        (Action.CART, "milk", 0),
        (Action.CLICK, "cheese", 0),
    )

    (portrait,) = paint(ring, catalogue())

    strongest, second = portrait["interests"][:2]
    assert strongest["evidence"].tolist() == [2, 3, 4]
    assert second["evidence"].tolist() == [1, NO_EVIDENCE, NO_EVIDENCE]


def test_a_search_counts_towards_the_category_it_is_about() -> None:
    ring = ring_of((Action.SEARCH, "cat pets", 0))

    assert interests_of(ring, searches=("cat pets",)) == pytest.approx({"Pets > Cat": 1})


def test_a_search_about_nothing_we_sell_is_no_interest() -> None:
    ring = ring_of((Action.SEARCH, "quantum physics", 0))

    assert interests_of(ring, searches=("quantum physics",)) == {}


def test_a_search_is_placed_again_when_a_nearer_category_is_met() -> None:
    ring = ring_of((Action.SEARCH, "cat pets", 0))
    cat_food = ITEMS[3]
    built = catalogue(ITEMS[4], searches=("cat pets",))
    read(built, cat_food)
    (before,) = paint(ring, built)["interests"]["category"][:, 0]
    built.put(cat_food)

    (after,) = paint(ring, built)["interests"]["category"][:, 0]

    assert (before, after) == (name_ref("Pets > Dog"), name_ref("Pets > Cat"))


def test_unknown_items_carry_no_weight() -> None:
    known = ring_of((Action.PURCHASE, "milk", 0))
    with_unknown = ring_of((Action.PURCHASE, "milk", 0), (Action.PURCHASE, "nobody knows", 1))

    first, second = paint(known, catalogue()), paint(with_unknown, catalogue())

    assert first["vectors"].tobytes() == second["vectors"].tobytes()
    assert interests_of(with_unknown) == interests_of(known)


def test_brands_and_price_band_come_from_what_was_wanted() -> None:
    ring = ring_of(
        (Action.PURCHASE, "milk", 0), (Action.PURCHASE, "cheese", 0), (Action.CLICK, "beef", 0)
    )

    (portrait,) = paint(ring, catalogue())

    shares = {int(b["brand"]): float(b["share"]) for b in portrait["brands"] if b["brand"]}
    assert shares == pytest.approx({name_ref("Farm"): 8 / 8.5, name_ref("Woof"): 0.5 / 8.5})
    assert portrait["price"].tolist() == [1, 4, 4]


@pytest.mark.parametrize(
    ("prices", "band"),
    [((0.0, 0.0, 0.0), [0, 0, 0]), ((FREE,) * 3, [FREE] * 3), ((FREE, FREE, 9.0), [FREE, FREE, 9])],
)
def test_what_was_free_is_in_the_price_band_and_what_is_not_known_is_not(
    prices: tuple[float, ...], band: list[float]
) -> None:
    priceless = [item.model_copy(update={"price": None}) for item in ITEMS]
    ring = ring_of(*((Action.PURCHASE, "milk", place) for place in range(3)))
    ring["price"][0, :3] = prices

    (portrait,) = paint(ring, catalogue(*priceless))

    assert portrait["price"].tolist() == band


def test_nothing_known_paints_an_empty_portrait() -> None:
    (portrait,) = paint(np.zeros((1, RING), EVENT), catalogue())

    assert not portrait["vectors"].any()
    assert not portrait["interests"]["category"].any()
    assert bytes(portrait["space"]).decode() == SPACE.id


def weighed(ring: Ring) -> NDArray[np.float32]:
    """Weigh events whose items are all known."""
    return weights(Events.of_ring(ring, ring["at"] > 0))


def test_the_short_term_half_life_is_three_events() -> None:
    weight = weighed(ring_of(*[(Action.PURCHASE, "milk", 0.0)] * 4))

    assert weight[0, SHORT, 3] == pytest.approx(weight[0, SHORT, 0] / 2)


def test_the_long_term_half_life_is_thirty_days() -> None:
    weight = weighed(ring_of((Action.PURCHASE, "milk", 0), (Action.PURCHASE, "milk", 30)))

    assert weight[0, LONG, 1] == pytest.approx(weight[0, LONG, 0] / 2)


@st.composite
def rings(draw: st.DrawFn) -> Ring:
    """Draw rings (U, RING), each with its own number of events."""
    users = draw(st.integers(1, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    ring = np.zeros((users, RING), EVENT)
    refs = np.array([item_ref(item.id) for item in ITEMS], np.uint64)
    for row, count in enumerate(generator.integers(0, RING + 1, users)):
        ages = np.sort(generator.integers(0, 90 * DAY_MS, count))
        ring["at"][row, :count] = NOW - ages
        ring["ref"][row, :count] = generator.choice(refs, count)
        ring["action"][row, :count] = generator.integers(0, len(Action), count)
    return ring


@given(rings(), st.data())
def test_how_users_are_batched_changes_no_bit(ring: Ring, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(ring)))
    built = catalogue()

    together = paint(ring, built).tobytes()

    assert paint(ring[:cut], built).tobytes() + paint(ring[cut:], built).tobytes() == together


@given(rings(), st.permutations(ITEMS))
def test_the_order_in_which_a_catalogue_was_met_changes_no_bit(
    ring: Ring, items: list[Item]
) -> None:
    assert paint(ring, catalogue(*items)).tobytes() == paint(ring, catalogue()).tobytes()


def test_interests_of_equal_weight_stand_in_the_order_of_their_refs() -> None:
    ring = ring_of((Action.CLICK, "milk", 0), (Action.CLICK, "tuna", 0), (Action.CLICK, "beef", 0))

    for items in (ITEMS, ITEMS[::-1]):
        (portrait,) = paint(ring, catalogue(*items))
        refs = portrait["interests"]["category"][:3].tolist()
        assert refs == sorted(refs)


@given(rings())
def test_shares_of_interests_are_between_zero_and_one(ring: Ring) -> None:
    portrait = paint(ring, catalogue())

    assert (portrait["interests"]["score"] >= 0).all()
    assert (portrait["interests"]["score"].sum(axis=1) <= 1 + 1e-5).all()
    assert (np.diff(portrait["interests"]["score"], axis=1) <= 0).all()


@given(rings())
def test_the_vectors_are_the_plain_weighted_sum(ring: Ring) -> None:
    built = catalogue()
    portrait = paint(ring, built)
    _, texts = built.locate(ring)
    weight = vector_weights(Events.of_ring(ring, texts >= 0))

    for row in range(len(ring)):
        known = texts[row] >= 0
        plain = weight[row][:, known] @ built.vectors.matrix[texts[row][known]]
        length = np.linalg.norm(plain, axis=1, keepdims=True)
        expected = np.divide(plain, length, out=np.zeros_like(plain), where=length > 1e-5)
        near = length[:, 0] > 1e-2  # below, cancellation leaves nothing but rounding
        np.testing.assert_allclose(portrait["vectors"][row][near], expected[near], atol=3e-3)


def test_a_ring_is_cut_to_widths_that_end_with_the_whole() -> None:
    assert WIDTHS[-1] == RING
    assert sorted(WIDTHS) == list(WIDTHS)
