"""Figures of classifiers: each as worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import Flags, Floats
from portrait.evaluation.classification import (
    average_precision,
    binary_figures,
    brier,
    ece,
    ece_by_chance,
    lead_in_loss,
    lead_in_precision,
    macro_average_precision,
    multiclass_figures,
    precision_recall_f1,
    reliability,
)

YES, NO = True, False

said_and_held = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30).map(
    lambda pairs: (
        np.array([held for _, held in pairs]),
        np.array([said for said, _ in pairs], np.float32) / 8,
    )
)


def flags(*values: bool) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array(values)


def test_precision_recall_and_f1_of_two_right_of_three_said_and_four_held() -> None:
    held = flags(YES, YES, YES, YES, NO, NO)
    said = flags(YES, YES, NO, NO, YES, NO)

    figures = precision_recall_f1(held, said)

    assert figures == pytest.approx({"precision": 2 / 3, "recall": 0.5, "f1": 4 / 7})


def test_nothing_said_is_no_division_by_zero() -> None:
    figures = precision_recall_f1(flags(YES, NO), flags(NO, NO))

    assert figures == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_average_precision_is_the_mean_precision_at_the_positives() -> None:
    held = flags(YES, NO, YES, NO)
    scores = np.array([0.9, 0.8, 0.7, 0.1])

    assert average_precision(held, scores) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_one_step_whatever_their_order() -> None:
    scores = np.array([0.5, 0.5, 0.5, 0.5])

    assert average_precision(flags(YES, NO, NO, NO), scores) == pytest.approx(0.25)
    assert average_precision(flags(NO, NO, NO, YES), scores) == pytest.approx(0.25)


def test_without_positives_there_is_no_precision() -> None:
    assert average_precision(flags(NO, NO), np.array([0.1, 0.2])) == 0.0


@given(said_and_held)
def test_average_precision_is_what_each_step_of_the_score_finds_times_its_precision(
    drawn: tuple[Flags, Floats],
) -> None:
    held, scores = drawn
    area, found = 0.0, 0
    for step in np.unique(scores)[::-1]:
        shown = scores >= step
        area += (held[shown].sum() - found) * held[shown].mean()
        found = held[shown].sum()

    assert average_precision(held, scores) == pytest.approx(area / max(1, found), abs=1e-9)


@given(said_and_held)
def test_figures_of_what_is_said_are_counted(
    drawn: tuple[Flags, Floats],
) -> None:
    held, scores = drawn
    said = scores >= 0.5
    right = int((held & said).sum())

    figures = precision_recall_f1(held, said)

    precision, recall = right / max(1, said.sum()), right / max(1, held.sum())
    f1 = 2 * precision * recall / (precision + recall) if right else 0
    expected = {"precision": precision, "recall": recall, "f1": f1}
    assert figures == pytest.approx(expected, abs=1e-9)


def test_the_mean_over_labels_is_of_those_that_hold_somewhere() -> None:
    held = np.array([[YES, NO, NO], [NO, NO, YES]])
    said = np.array([[0.9, 0.2, 0.8], [0.6, 0.8, 0.7]])

    assert macro_average_precision(held, said) == pytest.approx((1 + 0.5) / 2)


def test_brier_is_the_mean_squared_error() -> None:
    assert brier(flags(YES, NO), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.16) / 2)


@pytest.mark.parametrize("examples", [100, 3_000])
def test_a_perfectly_calibrated_classifier_stays_below_what_chance_explains(examples: int) -> None:
    draw = np.random.default_rng(0)
    said = draw.beta(1, 4, examples)
    errors = [ece(draw.random(examples) < said, said) for _ in range(400)]

    explained = ece_by_chance(said)

    assert 0.91 < np.mean(np.array(errors) < explained) < 0.99  # .95, within four deviations
    assert ece(draw.random(examples) < said + 0.3, said) > explained


def test_ece_weighs_each_bins_gap_by_its_examples() -> None:
    held = flags(NO, NO, YES, YES, YES, NO)
    said = np.array([0.1, 0.1, 0.2, 0.9, 0.9, 0.9])

    # bins of three: said .1333, came 1/3; said .9, came 2/3
    assert ece(held, said, bins=2) == pytest.approx((0.2 + (0.9 - 2 / 3)) / 2)


def test_reliability_has_bins_of_equal_mass_lowest_first() -> None:
    low, high = reliability(flags(NO, YES, YES, NO), np.array([0.9, 0.2, 0.8, 0.1]), bins=2)

    assert [low.predicted, high.predicted] == pytest.approx([0.15, 0.85])
    assert [low.observed, high.observed] == [0.5, 0.5]
    assert [low.examples, high.examples] == [2, 2]


def test_several_labels_are_pooled() -> None:
    held = np.array([[YES, NO], [NO, YES]])
    said = np.array([[0.9, 0.2], [0.6, 0.8]])

    figures = binary_figures(held, said)

    assert figures["accuracy"] == 0.75
    assert figures["base_rate"] == 0.5
    assert figures["average_precision"] == 1.0


def test_of_several_classes_one_holds() -> None:
    said = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.8, 0.0]])

    figures = multiclass_figures(np.array([0, 1, 1]), said)

    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["precision"] == pytest.approx((0.5 + 1) / 2)
    assert figures["recall"] == pytest.approx((1 + 0.5) / 2)
    assert figures["f1"] == pytest.approx(2 / 3)
    assert figures["log_loss"] == pytest.approx(-np.log([0.7, 0.3, 0.8]).mean())
    brier_of_rows = [0.09 + 0.04 + 0.01, 0.36 + 0.49 + 0.01, 0.04 + 0.04]
    assert figures["brier"] == pytest.approx(np.mean(brier_of_rows))


def test_a_clear_lead_is_real_and_a_lead_over_itself_is_not() -> None:
    random = np.random.default_rng(0)
    user = np.repeat(np.arange(200), 5)
    held = random.random(1_000) < 0.3
    good, poor = held + random.normal(0, 0.7, 1_000), held + random.normal(0, 3.0, 1_000)

    clear, none = (lead_in_precision(held, good, other, user) for other in (poor, good))

    assert clear.real
    assert clear.low < clear.difference < clear.high
    assert clear.difference == average_precision(held, good) - average_precision(held, poor)
    assert not none.real
    assert none.difference == 0


def test_examples_of_one_user_count_as_one() -> None:
    """A thousand copies of one user's luck are not a thousand proofs."""
    gain = np.r_[np.full(1_000, 1.0), np.full(5, -1.0)]
    same_user = np.r_[np.zeros(1_000), np.arange(1, 6)].astype(np.int64)

    lead = lead_in_loss(np.zeros(1_005), gain, same_user)

    assert lead.difference > 0.9
    assert not lead.real
