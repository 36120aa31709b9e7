"""Ranking metrics, on cases worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.evaluation.ranking import (
    FREQUENCY_EDGES,
    Slice,
    coverage,
    gains,
    gini,
    hits,
    holm,
    mean_popularity,
    paired_bootstrap,
    ranking_figures,
    ranks,
    reciprocals,
    slices,
    top_items,
)

SCORES = np.array([[0.9, 0.5, 0.7, 0.1], [0.2, 0.2, 0.2, 0.2]], np.float32)


def test_the_rank_counts_the_items_above() -> None:
    assert ranks(SCORES[:1], np.array([1])).tolist() == [3]
    assert ranks(SCORES[:1], np.array([0])).tolist() == [1]


def test_equal_scores_share_the_middle_of_their_ranks() -> None:
    assert ranks(SCORES[1:], np.array([0])).tolist() == [2.5]


def test_seen_items_leave_the_ranking_above_and_beside_the_target() -> None:
    seen = (np.array([0, 1]), np.array([0, 3]))

    assert ranks(SCORES, np.array([1, 0]), seen).tolist() == [2, 2]


def test_a_seen_item_below_the_target_changes_nothing() -> None:
    assert ranks(SCORES[:1], np.array([1]), (np.array([0]), np.array([3]))).tolist() == [3]


def test_a_target_that_was_seen_is_a_miss_when_seen_items_are_masked() -> None:
    place = ranks(SCORES[:1], np.array([0]), (np.array([0]), np.array([0])))

    assert place.tolist() == [np.inf]
    assert [m(place, 10).item() for m in (hits, gains, reciprocals)] == [0, 0, 0]


def test_hits_gains_and_reciprocals_of_ranks_one_three_and_eleven() -> None:
    place = np.array([1.0, 3.0, 11.0])

    assert hits(place, 10).tolist() == [1, 1, 0]
    assert gains(place, 10) == pytest.approx([1, 0.5, 0])
    assert reciprocals(place, 10) == pytest.approx([1, 1 / 3, 0])


def test_the_last_place_still_counts() -> None:
    place = np.array([10.0, 10.5])

    assert hits(place, 10).tolist() == [1, 0]
    assert gains(place, 10) == pytest.approx([1 / np.log2(11), 0])
    assert reciprocals(place, 10) == pytest.approx([0.1, 0])


def test_figures_are_the_means_by_name() -> None:
    figures = ranking_figures(np.array([1.0, 3.0, 11.0, 60.0]))

    assert figures["hr@10"] == 0.5
    assert figures["hr@50"] == 0.75
    assert figures["ndcg@10"] == pytest.approx(0.375)
    assert figures["ndcg@50"] == pytest.approx((1.5 + 1 / np.log2(12)) / 4)
    assert figures["mrr@10"] == pytest.approx(1 / 3)


@given(st.integers(0, 2**32 - 1))
def test_masking_by_counting_equals_masking_by_taking_the_items_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 4, (5, 8)).astype(np.float32)
    targets = random.integers(0, 8, 5)
    rows, columns = np.nonzero(random.random((5, 8)) < 0.3)

    naive = []
    for user, target in enumerate(targets):
        taken = columns[rows == user]
        left = np.delete(scores[user], taken)
        score = scores[user, target]
        middle = 1 + (left > score).sum() + ((left == score).sum() - 1) / 2
        naive.append(np.inf if target in taken else middle)

    assert ranks(scores, targets, (rows, columns)).tolist() == naive


def test_models_that_differ_by_a_constant_differ_for_certain() -> None:
    theirs = np.array([0.0, 0.5, 1.0, 0.0])

    comparison = paired_bootstrap(theirs + 0.25, theirs, samples=99)

    assert comparison.difference == comparison.low == comparison.high == 0.25
    assert comparison.not_better == 0
    assert comparison.p_value == 0.02  # none of 99 samples is at most 0: 2 * (0 + 1) / 100


def test_a_model_does_not_differ_from_itself() -> None:
    same = np.array([0.0, 1.0, 1.0])

    comparison = paired_bootstrap(same, same)

    assert comparison.p_value == comparison.not_better == 1


def test_the_interval_of_the_bootstrap_is_that_of_the_mean() -> None:
    theirs = np.zeros(10_000)
    ours = np.tile([0.0, 1.0], 5_000)  # mean 1/2, standard error 1/200

    comparison = paired_bootstrap(ours, theirs, samples=2_000)

    assert comparison.low == pytest.approx(0.5 - 1.96 / 200, abs=0.0008)
    assert comparison.high == pytest.approx(0.5 + 1.96 / 200, abs=0.0008)


def test_slices_name_their_ranges_and_an_empty_one_is_zero() -> None:
    found = slices(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0, 4, 1, 20]), FREQUENCY_EDGES)

    assert found == {
        "0": Slice(1, 1.0),
        "1-4": Slice(2, 0.5),
        "5-19": Slice(0, 0.0),
        "20+": Slice(1, 1.0),
    }


def test_the_best_items_come_first_and_seen_ones_not_at_all() -> None:
    assert top_items(SCORES[:1], 3).tolist() == [[0, 2, 1]]
    assert top_items(SCORES[:1], 3, (np.array([0]), np.array([2]))).tolist() == [[0, 1, 3]]
    assert top_items(SCORES[:1], 9).tolist() == [[0, 2, 1, 3]]
    assert SCORES[0, 2] == np.float32(0.7)  # the scores stay as they were


def test_coverage_and_popularity_of_what_was_shown() -> None:
    shown = np.array([[0, 1], [1, 0]])

    assert coverage(shown, 8) == 0.25
    assert mean_popularity(shown, np.array([6, 2, 0, 0])) == 4


def test_gini_is_nought_for_equal_shares_and_grows_to_one() -> None:
    assert gini(np.array([3, 3, 3])) == 0
    assert gini(np.array([0, 0, 0, 8])) == 0.75
    assert gini(np.array([1, 3])) == 0.25
    assert gini(np.zeros(3, np.int64)) == 0


def test_holm_rejects_step_by_step() -> None:
    assert holm([0.02, 0.6, 0.03, 0.001], 0.1) == [True, False, True, True]
    assert holm([0.026, 0.6, 0.03, 0.5], 0.1) == [False] * 4  # .1 / 4 is the first step
    assert holm([], 0.1) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(0, 5), st.floats(0, 1))
def test_surer_falls_are_never_rejected_less(p: list[float], place: int, by: float) -> None:
    surer = [each * by if n == place % len(p) else each for n, each in enumerate(p)]

    assert all(
        after or not before for before, after in zip(holm(p, 0.1), holm(surer, 0.1), strict=True)
    )


def test_five_true_hypotheses_are_rejected_by_accident_as_seldom_as_one() -> None:
    p_values = np.random.default_rng(0).random((4_000, 5))

    accidents = np.mean([any(holm(row.tolist(), 0.1)) for row in p_values])

    assert 0.08 < accidents < 0.115
    assert (p_values < 0.1).any(axis=1).mean() > 0.4  # without the correction
