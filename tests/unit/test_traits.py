"""Traits: the category and the price level of items, and what they say of a user's taste."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.traits import LEVELS, NO_LEVEL, Traits, levels_of, traits_of
from portrait.events.item import Item
from portrait.inference.leaning import Leaning, leanings
from portrait.model.learned import FIRST
from portrait.ref import item_ref
from tests.support.catalogues import MODEL

PANS, KNIVES, TENTS = "Kitchen > Pans", "Kitchen > Knives", "Outdoor > Tents"
CHEAP, DEAR = 0, LEVELS - 1

prices = st.lists(st.integers(0, 30), min_size=1, max_size=40)
events = st.lists(
    st.tuples(
        st.integers(MISSING, 4),  # category
        st.integers(0, NO_LEVEL),
        st.floats(-4, 4, width=32),  # weights: long, short
        st.floats(-4, 4, width=32),
    ),
    min_size=1,
    max_size=12,
)


def known(category: list[int], level: list[int]) -> Traits:
    """Say of items that they are of these categories, of tops 0, 0, 1, 1 and 2, and levels."""
    tops = np.array([0, 0, 1, 1, 2])
    return Traits(np.array(category), np.array(level, np.uint8), tops)


def weights_of(*long: float) -> NDArray[np.float32]:
    return np.array([long, long], np.float32)


@given(prices)
def test_a_level_is_a_percentile_within_the_category(drawn: list[int]) -> None:
    price = np.array(drawn, np.float32)
    category = np.arange(len(price)) % 2

    levels = levels_of(category, price)

    for row in range(len(price)):
        others = price[(category == category[row]) & (price > 0)]
        below, alike = (others < price[row]).sum(), (others == price[row]).sum()
        place = (below + alike / 2) / max(len(others), 1)
        expected = min(int(place * LEVELS), LEVELS - 1) if price[row] else NO_LEVEL
        assert levels[row] == expected


def test_dear_for_its_category_is_dear_whatever_the_category_costs() -> None:
    items = [
        Item(id=f"{category}-{price}", category=category, price=price)
        for category, costs in ((PANS, (1, 2, 3)), (TENTS, (100, 200, 300)))
        for price in costs
    ]

    levels = traits_of(items, np.array([item_ref(item.id) for item in items], np.uint64)).level

    assert (levels[:3] == levels[3:]).all()
    assert (np.diff(levels[:3].astype(int)) > 0).all()


def test_what_has_no_price_or_no_category_is_of_no_level() -> None:
    items = [
        Item(id="bare", price=3),
        Item(id="free", category=PANS),
        Item(id="pan", category=PANS),
    ]

    told = traits_of(items, np.array([item_ref("bare"), item_ref("free"), 7], np.uint64))

    assert (told.level == NO_LEVEL).all()
    assert (told.category == MISSING).tolist() == [True, False, True]


def test_the_catalogue_and_the_trainer_tell_the_same_traits() -> None:
    items = [
        Item(id=str(number), category=category, price=1 + number % 4)
        for number, category in enumerate([PANS, KNIVES, TENTS, PANS, KNIVES, PANS, "", PANS])
    ]
    built = Catalogue(MODEL)
    for item in items:
        built.put(item)

    here = built.traits
    there = traits_of(items, np.array([item_ref(item.id) for item in items], np.uint64))

    for name in ("category", "level", "top_of"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))


def test_a_new_price_moves_the_levels_of_its_category() -> None:
    built = Catalogue(MODEL)
    for number in range(4):
        built.put(Item(id=str(number), category=PANS, price=1 + number))
    before = built.traits

    built.put(Item(id="0", category=PANS, price=9, title="renamed"))

    assert built.traits.level[0] > before.level[0]
    assert built.traits.level[3] < before.level[3]
    assert built.traits is built.traits  # sorted once


@given(events, st.sampled_from([(0.3, 0.7), (0, 1)]))
def test_shares_add_up_to_the_score(
    drawn: list[tuple[int, int, float, float]], mix: tuple[float, float]
) -> None:
    category, level, long, short = zip(*drawn, strict=True)
    items = known([*range(5), MISSING], [0, 4, 9, 14, 19, NO_LEVEL])
    weight = np.array([long, short], np.float32)
    leaning = Leaning(FIRST, known([*category], [*level]), weight, mix)

    scores, shares = leaning.scores(items), leaning.shares(items)

    np.testing.assert_allclose(shares.sum(axis=1), scores, atol=1e-5)
    assert scores[-1] == 0  # nothing is known of it


def test_one_user_leans_as_among_others() -> None:
    draw = np.random.default_rng(0)
    category, level = draw.integers(MISSING, 5, (3, 6)), draw.integers(0, LEVELS, (3, 6))
    weight = draw.standard_normal((3, 2, 6)).astype(np.float32)
    items = known([*range(5)], [0, 4, 9, 14, 19])
    together = leanings(Traits(category, level.astype(np.uint8), items.top_of), weight, (0.3, 0.7))

    for user in range(3):
        alone = known(category[user].tolist(), level[user].tolist())
        leaning = Leaning(FIRST, alone, weight[user], (0.3, 0.7))
        summed = FIRST.of_traits(together.kin_of(items)[user], together.price_of(items)[user])
        np.testing.assert_allclose(leaning.scores(items), summed, atol=1e-6)


def test_kin_is_nearer_than_a_stranger_and_the_same_category_nearest() -> None:
    leaning = Leaning(FIRST, known([0], [NO_LEVEL]), weights_of(1), (0.3, 0.7))

    same, kin, stranger = leaning.scores(known([0, 1, 2], [NO_LEVEL] * 3))

    assert same > kin > stranger == 0


@pytest.mark.parametrize("level", [CHEAP, DEAR])
def test_whoever_buys_at_one_price_is_offered_that_price(level: int) -> None:
    other = CHEAP + DEAR - level
    leaning = Leaning(FIRST, known([0, 1], [level, level]), weights_of(4, 4), (0.3, 0.7))

    (near, far) = leaning.prices(known([2, 2], [level, other]))

    assert near > 0.05 > -0.05 > far


def test_few_events_say_little_of_prices() -> None:
    click, row = (
        Leaning(FIRST, known([0] * count, [DEAR] * count), weights_of(*[0.5] * count), (0, 1))
        for count in (1, 40)
    )
    dear = known([1], [DEAR])

    assert 0 < click.prices(dear)[0] < row.prices(dear)[0] / 4


def test_whoever_buys_at_every_price_favours_none() -> None:
    every = Leaning(FIRST, known([0] * LEVELS, [*range(LEVELS)]), weights_of(*[1] * LEVELS), (0, 1))

    said = every.prices(known([1] * LEVELS, [*range(LEVELS)]))

    assert np.ptp(said) < 0.05
