"""Fitting the repeat part: what it learns of a shop with habits, and where it does not serve."""

from dataclasses import replace

import numpy as np
import pytest

from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.dataset.shopping import next_days, shopping_of
from portrait.model.bought import bought
from portrait.model.repeats import NEGATIVE, SIGNS
from portrait.times import DAY_MS
from portrait.training.ranker.fit_repeats import fit_repeats, rates_of, remembered
from portrait.training.ranker.judge_repeats import gains, learn_repeats
from tests.support.shopping import START, shop_of_habits

MILK, SOAP = 0, 1


@pytest.fixture(scope="module")
def shop() -> Interactions:
    return shop_of_habits()


def test_rates_are_what_people_do(shop: Interactions) -> None:
    rates = rates_of(shopping_of(shop), shop.items)

    milk, soap = rates.find(shop.items[[MILK, SOAP]])
    assert 6.8 < rates.interval[milk] < 7.2
    assert 26 < rates.interval[soap] < 29
    assert rates.rate[milk] > -0.05  # on nearly every day of purchases
    assert -1.6 < rates.rate[soap] < -1.2  # on every fourth
    assert np.isfinite(np.concatenate([rates.rate, rates.interval, rates.buyers])).all()


def test_what_few_people_bought_has_no_rates_of_its_own(shop: Interactions) -> None:
    few = shop.where((shop.item != SOAP) | (shop.user < 4))

    rates = rates_of(shopping_of(few), few.items)

    assert few.items[SOAP] not in rates.refs
    assert shop.items[SOAP] in rates_of(shopping_of(shop), shop.items).refs


def test_weights_keep_their_signs_and_the_same_events_give_the_same(shop: Interactions) -> None:
    fitted, again = fit_repeats(shop), fit_repeats(shop)

    assert fitted is not None
    assert again is not None
    for name, sign, weight in zip(SIGNS, SIGNS.values(), fitted.weights.tolist(), strict=True):
        assert weight * sign >= 0, name
    assert any(sign == NEGATIVE for sign in SIGNS.values())
    for name, array in fitted.to_arrays().items():
        np.testing.assert_array_equal(array, again.to_arrays()[name])


def test_what_comes_after_a_moment_changes_nothing_that_is_known_at_it(shop: Interactions) -> None:
    anchors = Anchors(np.array([3, 8]), np.array([START + 90 * DAY_MS, START + 33 * DAY_MS]))
    cut = shop.where(shop.at < anchors.at.max())

    for events in (shop, cut):
        had = bought(remembered(History(events))(anchors), anchors.at)
        lately = shopping_of(events).lately(np.array([MILK, SOAP]), anchors.at)
        if events is shop:
            known, counted = had, lately
    np.testing.assert_array_equal(known.ref, had.ref)
    np.testing.assert_array_equal(known.since, had.since)
    np.testing.assert_array_equal(counted, lately)


def test_lately_is_the_four_weeks_before(shop: Interactions) -> None:
    shopping = shopping_of(shop)
    moment = START + 100 * DAY_MS

    counted = shopping.lately(np.array([MILK]), np.array([moment]))

    milk = (shop.item == MILK) & (shop.at < moment) & (shop.at >= moment - 28 * DAY_MS)
    assert counted.tolist() == [milk.sum()]


def test_nobody_is_asked_about_their_first_day(shop: Interactions) -> None:
    shopping = shopping_of(shop)

    asked = next_days(shopping, from_ms=0)

    firsts = [int(shop.at[shop.user == user].min()) for user in range(shop.users)]
    assert (asked.anchors.at > np.array(firsts)[asked.anchors.user]).all()
    assert len(asked.anchors) == shop.users
    bought_then = (shop.user == asked.anchors.user[0]) & (shop.at == asked.anchors.at[0])
    assert asked.item[asked.question == 0].tolist() == np.unique(shop.item[bought_then]).tolist()


def test_a_part_that_beats_personal_top_frequency_serves(shop: Interactions) -> None:
    test_from = START + 150 * DAY_MS

    report = learn_repeats(shop.before(test_from), shop, test_from)

    assert report.served is not None, report.reason
    assert report.figures["ndcg@10"] > report.figures["personal_top_ndcg@10"]
    assert report.told["served"] is True


def test_a_shop_where_nothing_is_bought_again_has_no_part(shop: Interactions) -> None:
    once = replace(shop, item=np.arange(len(shop)), items=np.arange(1, 1 + len(shop)).astype("u8"))
    test_from = START + 150 * DAY_MS

    report = learn_repeats(once.before(test_from), once, test_from)

    assert report.served is None
    assert report.told == {"served": False, "reason": "too little is bought again"}


def test_habits_without_any_order_in_them_leave_frequency_in_service(shop: Interactions) -> None:
    # One of two things, by chance: there is nothing to be better at.
    milk = shop.where(shop.item == MILK)
    either = replace(milk, item=np.random.default_rng(5).integers(0, 2, len(milk)))
    test_from = START + 150 * DAY_MS

    report = learn_repeats(either.before(test_from), either, test_from)

    assert report.served is None
    assert "no better than personal top-frequency" in report.reason


def test_gains_are_those_of_a_list_worked_by_hand(shop: Interactions) -> None:
    asked = next_days(shopping_of(shop), from_ms=START + 150 * DAY_MS)
    had = bought(remembered(History(shop))(asked.anchors), asked.anchors.at)
    first = np.flatnonzero(had.question == 0)
    basket = int((asked.question == 0).sum())
    hit = np.zeros(len(had))
    hit[first[1]] = 1
    scores = -np.arange(len(had), dtype=np.float64)

    found = gains(had, scores, hit, asked)

    best = sum(1 / np.log2(2 + place) for place in range(min(10, basket)))
    np.testing.assert_allclose(found[0], 1 / np.log2(3) / best)
    assert not found[1:].any()
