"""The benchmark of next baskets: its split, its peers and its figures, worked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from benchmarks.recommend.baskets import Baskets, Trial, baskets_of, trial_of
from benchmarks.recommend.figures import against
from benchmarks.recommend.frequency import PersonalTop
from benchmarks.recommend.measure import Told, gains, hits, lists, measure, repeats_of, told
from benchmarks.recommend.ours import WHOLE, Portrait, in_order
from benchmarks.recommend.tifu import TifuKnn
from benchmarks.recommend.up_cf import UpCf
from portrait.dataset.interactions import from_columns
from portrait.events.columns import PURCHASE, RETURN
from portrait.times import DAY_MS
from tests.support.shopping import purchases, shop_of_habits

ITEMS = 6


def baskets(*users: list[set[int]]) -> Baskets:
    """Return what users bought, a day apart."""
    return baskets_of(purchases(*users, items=ITEMS))


def test_what_is_bought_at_one_moment_is_a_basket_and_what_is_sent_back_is_in_none() -> None:
    events = from_columns(
        user=np.array([0, 0, 0, 0, 1]),
        item=np.array([2, 1, 2, 3, 2]),
        action=np.array([PURCHASE, PURCHASE, PURCHASE, RETURN, PURCHASE], np.uint8),
        at=np.array([5, 5, 5, 6, 5]),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=2,
    )

    found = baskets_of(events)

    assert found.user.tolist() == [0, 1]
    assert found.item.tolist() == [1, 2, 2]
    assert found.starts.tolist() == [0, 2, 3]


def test_the_last_basket_is_the_test_and_nothing_of_it_is_known_before() -> None:
    shop = baskets([{0}, {1}, {2}, {3}], [{4}, {5}])

    test, valid = trial_of(shop, 1), trial_of(shop, 2)

    assert (test.user.tolist(), valid.user.tolist()) == ([0], [0])  # who has two is not asked
    assert np.flatnonzero(test.truth.toarray()[0]).tolist() == [3]
    assert np.flatnonzero(valid.truth.toarray()[0]).tolist() == [2]
    assert test.before.item.tolist() == [0, 1, 2, 4, 5]
    assert valid.before.item.tolist() == [0, 1, 4, 5]
    assert (test.before.at[test.before.user == 0] < test.at[0]).all()


def test_figures_are_those_of_a_list_worked_by_hand() -> None:
    truth = csr_array(np.array([[1, 1, 0, 0, 1, 0]], np.float32))
    before = baskets([{0, 2}, {2}])
    trial = Trial(before, np.array([0]), np.array([9 * DAY_MS]), truth)
    shown = np.array([[0, 3, 4]])

    found = told(shown, trial, {})

    assert found.recall.tolist() == [2 / 3]
    assert found.recall_of_repeats.tolist() == [1.0]  # of 0
    assert found.recall_of_new.tolist() == [0.5]  # of 1 and 4
    assert found.shown_again.tolist() == [1 / 3]
    assert repeats_of(trial).tolist() == [1 / 3]
    best = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    np.testing.assert_allclose(gains(hits(shown, truth), truth), [(1 + 1 / np.log2(4)) / best])


def test_portrait_is_compared_with_the_best_of_the_others() -> None:
    figures = {"TIFU-KNN": 0.3, "UP-CF@r": 0.2, "Portrait": 0.4, "Portrait, whole history": 0.5}
    results = {}
    for name, figure in figures.items():
        each = np.full(8, figure)
        results[name] = Told(each, each, each, each, each, {})

    found = against(results)

    assert {name: each["peer"] for name, each in found.items()} == {
        "Portrait": "TIFU-KNN",
        "Portrait, whole history": "TIFU-KNN",
    }
    assert found["Portrait"]["ndcg"]["difference"] == pytest.approx(0.1)


def test_personal_top_counts_baskets_and_takes_the_newest_of_equals() -> None:
    shop = baskets([{0, 1}, {1, 2}, {1}, {3}], [{4}])

    own = PersonalTop("", with_everybody=False).fit(shop, {})
    everybody = PersonalTop("", with_everybody=True).fit(shop, {})

    assert np.argsort(-own.scores(np.array([0]), np.array([0]))[0])[:4].tolist() == [1, 3, 2, 0]
    assert own.scores(np.array([0]), np.array([0]))[0, 4] == 0
    assert everybody.scores(np.array([0]), np.array([0]))[0, 4] > 0


def test_tifu_fades_within_groups_and_between_them() -> None:
    shop = baskets([{0}, {1}, {2}], [{0}, {5}])
    settings = {"size": 2, "within": 0.5, "between": 0.25, "near": 1}

    model = TifuKnn().fit(shop, settings)

    # The newest group has {1} and {2}, the one before it {0} alone: means within, then of both.
    own = np.array([0.25 * 1, 0.5 / 2, 1 / 2, 0, 0, 0]) / 2
    other = np.array([0.5 / 2, 0, 0, 0, 0, 1 / 2])
    share = next(iter(model.variants()))[0]["share"]
    scores = model.scores(np.array([0]), np.array([0]))[0]
    np.testing.assert_allclose(scores, share * own + (1 - share) * other, atol=1e-6)


def test_up_cf_gathers_the_newest_baskets_of_similar_users() -> None:
    shop = baskets([{0, 1}, {1}], [{1, 2}, {3}, {3}], [{5}])
    settings = {"recency": 2, "asymmetry": 0.5, "locality": 1}

    scores = UpCf().fit(shop, settings).scores(np.array([0]), np.array([0]))[0]

    similar = 1 / (2**0.5 * 3**0.5)  # one thing of two and of three
    np.testing.assert_allclose(scores, [0.5, 1, 0, similar, 0, 0], atol=1e-6)


@pytest.mark.parametrize("newest", [64, WHOLE])
def test_portrait_finds_what_people_with_habits_buy_next(newest: int) -> None:
    events = in_order(shop_of_habits(users=40, days=120))
    shop = baskets_of(events)
    valid, test = trial_of(shop, 2), trial_of(shop, 1)

    found = measure(Portrait(events, newest), valid, test)

    assert (lists(Portrait(events, newest).fit(test.before, {}), test)[:, 0] == 0).all()  # milk
    assert found.recall_of_repeats[~np.isnan(found.recall_of_repeats)].mean() > 0.9
