"""Fidelity: agreement of two encodings, on cases worked by hand."""

import numpy as np
import pytest

from benchmarks.fidelity import fidelity
from portrait.model.space import Vectors, unit


def circle(count: int) -> Vectors:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_an_encoding_agrees_with_itself() -> None:
    same = fidelity(circle(21), circle(21))

    assert same.mean_cosine == pytest.approx(1)
    assert same.least_cosine == pytest.approx(1)
    assert same.overlap == 1


def test_a_rotation_keeps_the_ranking_and_shows_in_the_cosine() -> None:
    turned = np.roll(circle(8 * 3), 8, axis=0)  # by a third of a circle

    found = fidelity(turned, circle(24))

    assert found.mean_cosine == pytest.approx(-0.5)
    assert found.overlap == 1


def test_one_stray_text_costs_what_it_should() -> None:
    exact = circle(21)
    fast = exact.copy()
    fast[0] = -fast[0]

    found = fidelity(fast, exact)

    assert found.least_cosine == pytest.approx(-1)
    assert found.mean_cosine == pytest.approx(19 / 21)
    # Its own ten are ten others; ten neighbours lost it, and ten gained it: one in ten each.
    assert found.overlap == pytest.approx((0 + 10 * 0.9 + 10 * 1.0) / 21, abs=0.05)


def test_a_large_set_is_compared_in_pieces() -> None:
    generator = np.random.default_rng(0)
    exact = unit(generator.normal(size=(1_100, 8)).astype(np.float32))
    noisy = unit(exact + generator.normal(size=exact.shape, scale=1e-4).astype(np.float32))

    assert fidelity(noisy, exact).overlap > 0.99
