"""Calibration: what is said comes true as often as it is said."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portrait.arrays import Floats
from portrait.evaluation.classification import average_precision, ece
from portrait.model.calibration import AS_IT_IS, Calibration, sigmoid, softmax
from portrait.training.heads.fit_calibration import (
    ISOTONIC_POSITIVES,
    MOST_KNOTS,
    calibrate,
    calibrate_forward,
    calibrate_softmax,
)

Drawn = tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]


def overconfident(examples: int, seed: int = 0, sharpness: float = 3.0) -> Drawn:
    """Scores that are three times as sure as they should be."""
    random = np.random.default_rng(seed)
    honest = random.normal(-1, 1.5, examples)
    held = random.random(examples) < 1 / (1 + np.exp(-honest))
    return (honest * sharpness).astype(np.float32), held


def test_few_examples_get_a_temperature_that_undoes_overconfidence() -> None:
    logits, held = overconfident(2_000)

    calibration = calibrate(logits, held)

    assert not len(calibration.scores)
    assert calibration.temperature[0] == pytest.approx(3, rel=0.15)


def test_many_examples_get_a_rising_curve() -> None:
    logits, held = overconfident(20_000)

    calibration = calibrate(logits, held)

    assert len(calibration.scores) > 10
    assert (np.diff(calibration.scores) > 0).all()
    assert (np.diff(calibration.probabilities) >= 0).all()


@pytest.mark.parametrize("examples", [2_000, 20_000])
def test_calibration_lowers_the_error_on_examples_not_seen(examples: int) -> None:
    calibration = calibrate(*overconfident(examples))
    logits, held = overconfident(20_000, seed=1)

    assert ece(held, calibration(logits)) < 0.2 * ece(held, sigmoid(logits))


@pytest.mark.parametrize("examples", [2_000, 20_000])
def test_calibration_keeps_the_ranking(examples: int) -> None:
    calibration = calibrate(*overconfident(examples))
    logits, held = overconfident(5_000, seed=1)

    after = average_precision(held, calibration(logits))

    assert after == pytest.approx(average_precision(held, logits), abs=0.003)


def test_a_curve_never_says_never() -> None:
    """Of n that were all a "no", the next one is half in n + 1 (the rule of succession)."""
    logits = np.linspace(-5, 5, 4_400, dtype=np.float32)

    low, high = calibrate(logits, logits > 0)(np.array([-99, 99], np.float32))

    assert low == pytest.approx(0.5 / 2_201, rel=0.1)
    assert 1 - high == pytest.approx(0.5 / 2_201, rel=0.1)


@given(st.lists(st.integers(0, 100), min_size=MOST_KNOTS, max_size=MOST_KNOTS))
def test_a_curve_has_a_knot_for_each_pool_of_blocks_that_do_not_rise(positives: list[int]) -> None:
    """Counted in fractions: blocks that came true alike are one pool, however they round."""
    assume(ISOTONIC_POSITIVES <= sum(positives) <= 100 * MOST_KNOTS - ISOTONIC_POSITIVES)
    outcomes = np.concatenate([np.arange(100) < count for count in positives])
    pools: list[list[int]] = []  # examples, positives
    for count in positives:
        pools.append([100, count])
        while len(pools) > 1 and share_of(pools[-2]) >= share_of(pools[-1]):
            examples, held = pools.pop()
            pools[-1] = [pools[-1][0] + examples, pools[-1][1] + held]

    curve = calibrate(np.arange(len(outcomes), dtype=np.float32), outcomes)

    sizes = np.array([examples for examples, _ in pools])
    ends = np.cumsum(sizes)
    np.testing.assert_allclose(curve.scores, ends - sizes / 2 - 0.5)
    said = [(held + 0.5) / (examples + 1) for examples, held in pools]
    np.testing.assert_allclose(curve.probabilities, np.maximum.accumulate(said), rtol=1e-6)


def share_of(pool: list[int]) -> Fraction:
    examples, held = pool
    return Fraction(held, examples)


def test_what_helps_in_every_period_is_kept() -> None:
    calibration = calibrate_forward([overconfident(2_000, seed) for seed in range(3)])

    assert calibration.temperature[0] == pytest.approx(3, rel=0.15)


def test_what_does_not_help_in_the_next_period_is_left_alone() -> None:
    parts = [overconfident(2_000, 0), overconfident(2_000, 1, sharpness=0.5)]

    assert calibrate_forward(parts) is AS_IT_IS


def test_a_distribution_has_its_temperature_and_adds_up_to_one() -> None:
    random = np.random.default_rng(0)
    honest = random.normal(0, 1.5, (4_000, 3)).astype(np.float32)
    chosen = np.array([random.choice(3, p=shares / shares.sum()) for shares in softmax(honest)])

    calibration = calibrate_softmax(2 * honest, chosen)

    assert calibration.temperature[0] == pytest.approx(2, rel=0.1)
    said = softmax(2 * honest / calibration.temperature)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)


def test_far_scores_do_not_overflow() -> None:
    assert sigmoid(np.array([-1e9, 0, 1e9], np.float32)).tolist() == [0, 0.5, 1]
    assert isinstance(AS_IT_IS, Calibration)
