"""The benchmark of item pages and carts: its questions and its peers, worked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from benchmarks.recommend.about import SEEDS, answer, carts, item_pages, lists
from benchmarks.recommend.baskets import Baskets, baskets_of, trial_of
from benchmarks.recommend.narrow import Narrow
from benchmarks.recommend.pairs import CONFIDENCE, COSINE, Alike, Popular, pairs_of
from portrait.arrays import MISSING, Codes
from portrait.catalogue.traits import NO_LEVEL, Traits
from portrait.inference.parts import OF_THINGS
from tests.support.shopping import purchases

ITEMS = 240
VECTORS = np.eye(ITEMS, dtype=np.float32)
TRAITS = Traits(np.full(ITEMS, MISSING), np.full(ITEMS, NO_LEVEL, np.uint8), np.zeros(0, np.int64))


def baskets(*users: list[list[int]]) -> Baskets:
    return baskets_of(purchases(*users, items=ITEMS))


def scored(scores: Codes | object) -> list[float]:
    return [round(float(score), 3) for score in np.asarray(scores)[0, :4]]


def given(*items: int) -> Codes:
    return np.array([[*items, MISSING]])


LEARNED = baskets([[0, 1], [0, 1, 2], [0, 2], [3]])


def test_an_item_page_wants_the_rest_of_a_basket_and_a_cart_the_one_that_is_left_out() -> None:
    trial = trial_of(baskets([[0], [1], [2, 3, 4]], [[0], [1], [2]]), 1)

    for draw, looked_at in ((item_pages, 1), (carts, 2)):
        asked = draw(trial, 0)
        (shown,) = asked.given
        said = {*shown[shown != MISSING].tolist()}
        wanted = {*asked.truth.indices.tolist()}
        assert (len(said), said | wanted, said & wanted) == (looked_at, {2, 3, 4}, set())

    drawn = {tuple(item_pages(trial, seed).given[0]) for seed in range(20)}
    assert len(drawn) == 3


def test_pairs_are_counted_by_basket() -> None:
    assert pairs_of(LEARNED)[[0], :4].toarray().tolist() == [[0, 2, 2, 0]]


def test_peers_are_what_they_say() -> None:
    popular = Popular().fit(LEARNED, {})(given(0))
    chance = CONFIDENCE.fit(LEARNED, {"shrinkage": 0.0})(given(1))
    shrunk = CONFIDENCE.fit(LEARNED, {"shrinkage": 2.0})(given(1))
    both = CONFIDENCE.fit(LEARNED, {"shrinkage": 0.0})(given(0, 1))
    cosine = COSINE.fit(LEARNED, {"shrinkage": 0.0})(given(0))

    assert scored(popular) == [3, 2, 2, 1]
    assert scored(chance) == [1, 0, 0.5, 0]
    assert scored(shrunk) == [0.5, 0, 0.25, 0]
    assert scored(both) == [1, 0.667, 1.167, 0]
    assert scored(cosine) == [0, 0.816, 0.816, 0]


def test_texts_are_compared_with_all_that_is_given() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)

    found = Alike(vectors).fit(LEARNED, {})(given(0, 2))

    assert scored(found) == pytest.approx([1, 1.4, 1])


def test_no_list_has_what_it_is_about() -> None:
    trial = trial_of(baskets([[0], [1], [2, 3]]), 1)
    asked = item_pages(trial, 0)
    best_first = -np.arange(ITEMS, dtype=float)

    (shown,) = lists(lambda some: np.tile(best_first, (len(some), 1)), asked)

    (about,) = {2, 3} - {*asked.truth.indices.tolist()}
    assert shown.tolist() == [item for item in range(11) if item != about]


def test_portrait_finds_what_is_always_bought_together_and_is_asked_about_every_seed() -> None:
    """Pairs that everybody buys as pairs, in whatever order."""
    draw = np.random.default_rng(0)
    pairs = [[2 * pair, 2 * pair + 1] for pair in range(ITEMS // 2)]
    users = [[pairs[n] for n in draw.permutation(len(pairs))[:9]] for _ in range(200)]
    events = purchases(*users, items=ITEMS)
    shop = baskets_of(events)

    for surface in ("item", "cart"):
        ours = Narrow("Portrait", events, VECTORS, TRAITS, OF_THINGS)
        told = answer(ours, surface, trial_of(shop, 2), trial_of(shop, 1))
        chance = answer(Popular(), surface, trial_of(shop, 2), trial_of(shop, 1))

        assert told.ndcg.mean() == pytest.approx(1)
        assert len(told.ndcg) == 200
        assert chance.ndcg.mean() < 0.5
        assert {round(float(each) * SEEDS, 6) % 1 for each in chance.hit} == {0}


def test_a_truth_is_a_matrix_of_what_is_wanted() -> None:
    trial = trial_of(baskets([[0], [1], [2, 3]]), 1)

    assert isinstance(carts(trial, 1).truth, csr_array)
    assert carts(trial, 1).truth.sum() == 1
