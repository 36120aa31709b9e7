"""Drift: seen when it was planted, not seen when it was not."""

import subprocess
import sys

import numpy as np
import pytest

from portrait.adapters.river_drift import AdwinDrift
from portrait.arrays import Doubles
from portrait.monitoring.drift import LEAST_VALUES, Reference, moved


def lengths(seed: int, count: int = 2_000, shift: float = 0.0) -> Doubles:
    return np.random.default_rng(seed).gamma(4, 1 + shift, count)


def misses(seed: int, count: int, rate: float) -> Doubles:
    return (np.random.default_rng(seed).random(count) < rate).astype(np.float64)


def test_a_planted_shift_is_named() -> None:
    references = {"vector lengths": Reference.of(lengths(1)), "churn": Reference.of(lengths(2))}

    reason = moved(references, {"vector lengths": lengths(3), "churn": lengths(4, shift=0.5)})

    assert reason is not None
    assert reason.startswith("The distribution of churn has moved: PSI 0.")


def test_the_same_distribution_is_no_drift_whatever_the_sample() -> None:
    indices = [
        Reference.of(lengths(seed, 1_000)).psi(lengths(seed + 500, LEAST_VALUES))
        for seed in range(200)
    ]

    assert np.mean(indices) == pytest.approx(0, abs=0.01)
    assert max(indices) < 0.15


def test_the_further_it_moves_the_higher_the_index() -> None:
    reference = Reference.of(lengths(1))

    indices = [reference.psi(lengths(2, shift=shift)) for shift in (0, 0.2, 0.5, 2)]

    assert indices == sorted(indices)
    assert indices[0] < 0.1
    assert indices[-1] > 0.25


def test_a_constant_has_a_distribution_too() -> None:
    reference = Reference.of(np.ones(1_000))

    assert reference.psi(np.ones(1_000)) < 0.1
    assert 1 < reference.psi(np.full(1_000, 0.5)) < 20


def test_few_values_and_unknown_names_say_nothing() -> None:
    references = {"lengths": Reference.of(lengths(1))}

    assert moved(references, {"lengths": np.full(LEAST_VALUES - 1, 99.0)}) is None
    assert moved(references, {"other": np.full(LEAST_VALUES, 99.0)}) is None
    assert moved(references, {"lengths": np.full(LEAST_VALUES, 99.0)}) is not None


def test_a_reference_survives_a_manifest() -> None:
    reference = Reference.of(lengths(1))

    read = Reference.from_lists(reference.as_lists())

    assert read.psi(lengths(2)) == reference.psi(lengths(2))


def test_a_rising_error_is_drift() -> None:
    drift = AdwinDrift()

    assert not drift.add(misses(1, 5_000, 0.90))
    assert drift.add(misses(2, 3_000, 0.96))
    assert drift.mean == pytest.approx(0.96, abs=0.02)


def test_a_falling_error_is_none_and_neither_is_chance() -> None:
    falling = AdwinDrift()
    falling.add(misses(1, 5_000, 0.96))

    assert not falling.add(misses(2, 5_000, 0.80))
    assert not any(AdwinDrift().add(misses(seed, 5_000, 0.9)) for seed in range(10))


def test_the_part_without_river_does_not_import_it() -> None:
    script = "import sys, portrait.monitoring.drift; sys.exit('river' in sys.modules)"

    finished = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - ours

    assert finished.returncode == 0
