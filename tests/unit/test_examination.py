"""Examination: a planted curve is found, whatever lists put on top; what a label counts by it."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from portrait.arrays import Doubles
from portrait.dataset.examination import (
    LEAST_TOUCHES,
    MOST,
    NOTHING,
    PLACES,
    Counts,
    counts_of,
    examination,
    falling,
)

TRUTH = 1 / np.arange(1, PLACES + 1) ** 0.8
ITEMS, LENGTH = 200, 12
FEW = np.tile(np.arange(PLACES, 0, -1.0), (9, 1))  # of 945 touches: a steep curve, if it were one


def lists(*, sorted_by: float, lists: int = 20_000, personal: float = 0, seed: int = 0) -> Counts:
    """Show lists that are sorted, more or less, by what suits everybody, or whoever sees them."""
    random = np.random.default_rng(seed)
    common = random.normal(size=ITEMS)
    counts = Counts(np.zeros((ITEMS, PLACES)), np.zeros((ITEMS, PLACES)))
    for _ in range(lists // 1_000):
        liked = common + personal * random.normal(size=(1_000, ITEMS))
        score = sorted_by * liked + random.normal(size=liked.shape)
        shown = np.argsort(-score, axis=1)[:, :LENGTH]
        chance = 0.1 * np.exp(np.take_along_axis(liked, shown, axis=1))
        touched = random.random(shown.shape) < np.minimum(1, chance) * TRUTH[:LENGTH]
        place = np.broadcast_to(np.arange(LENGTH), shown.shape)
        np.add.at(counts.shown, (shown, place), 1)
        np.add.at(counts.touched, (shown[touched], place[touched]), 1)
    return counts


def raw(counts: Counts) -> Doubles:
    """Return touches of what was shown at each place, beside the first."""
    rate = (counts.touched.sum(axis=0) / np.maximum(1, counts.shown.sum(axis=0)))[:LENGTH]
    relative: Doubles = rate / rate[0]
    return relative


@pytest.mark.parametrize("sorted_by", [0.5, 2])
def test_what_everybody_wants_may_stand_on_top_and_the_planted_curve_is_found(
    sorted_by: float,
) -> None:
    counts = lists(sorted_by=sorted_by)

    found = examination(counts)[:LENGTH] / TRUTH[:LENGTH]

    assert np.abs(found - 1).max() < 0.12
    assert (raw(counts) / TRUTH[:LENGTH]).min() < 0.78  # as plain rates have it


def test_what_this_person_wants_on_top_bends_the_curve_and_labels_stay_bounded() -> None:
    counts = lists(sorted_by=1, personal=1)

    curve = examination(counts)

    found = curve[:LENGTH] / TRUTH[:LENGTH]
    assert (found[1:] < 1).all()
    assert 0.7 < found.min() < 0.8  # a quarter too steep
    weights = counts_of(curve, np.arange(1, LENGTH + 1, dtype=np.uint8))
    assert weights.max() / weights.min() == pytest.approx(MOST)


def test_it_never_rises_and_where_little_is_known_is_as_the_place_before() -> None:
    counts = lists(sorted_by=1, lists=3_000)
    counts.touched[:, LENGTH - 1] *= 3

    curve = examination(counts)

    assert curve[0] == 1
    assert (np.diff(curve) <= 0).all()
    assert (curve[LENGTH:] == curve[LENGTH - 1]).all()  # where nothing was shown


@pytest.mark.parametrize("counts", [NOTHING, Counts(np.full_like(FEW, 100), FEW / 2)])
def test_of_few_touches_all_places_are_alike(counts: Counts) -> None:
    assert counts.touches < LEAST_TOUCHES
    assert (examination(counts) == 1).all()


def test_falling_values_are_the_nearest_by_weighted_squares() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        values, weights = random.random(PLACES), random.uniform(0.1, 5, PLACES)

        found = falling(values, weights)

        nearest = IsotonicRegression(increasing=False).fit_transform(
            np.arange(PLACES), values, sample_weight=weights
        )
        np.testing.assert_allclose(found, nearest)


def test_labels_of_lists_count_once_on_average_and_others_once() -> None:
    curve = np.array([1, 0.5, 0.4, *np.full(PLACES - 3, 0.01)])
    place = np.array([0, 1, 1, 2, 3, 200, 0], np.uint8)

    counts = counts_of(curve, place)

    assert (counts[[0, 6]] == 1).all()
    assert counts[1:6].mean() == pytest.approx(1)
    np.testing.assert_allclose(counts[1:6] / counts[1], [1, 1, 2, 2.5, MOST], rtol=1e-6)


def test_where_places_are_alike_or_nothing_came_of_lists_each_counts_once_to_the_bit() -> None:
    place = np.array([0, 3, 7, 1], np.uint8)

    assert (counts_of(np.ones(PLACES), place) == 1).all()
    assert (counts_of(TRUTH, np.zeros(5, np.uint8)) == 1).all()
