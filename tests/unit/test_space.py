"""Spaces: whitening, and that two of them never mix."""

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait.catalogue.vectors import VectorTable
from portrait.errors import SpaceMismatchError
from portrait.model.space import Space, Vectors, fit_space, unit


def embeddings(rows: int, width: int = 64) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Unit rows whose variance falls from the first axis to the last, around a common middle."""
    generator = np.random.default_rng(3)
    scales = np.linspace(3, 0.1, width)
    return unit((generator.normal(size=(rows, width)) * scales + 2).astype(np.float32))


def test_whitened_axes_have_equal_variance() -> None:
    found = embeddings(20_000)

    space = fit_space("e", found, dim=16)

    projected = (found - space.mean) @ space.axes
    covariance = np.cov(projected.T)
    np.testing.assert_allclose(covariance, np.eye(16), atol=0.05)


def test_vectors_of_a_space_have_length_one() -> None:
    found = embeddings(500)

    placed = fit_space("e", found, dim=32).place(found)

    assert placed.shape == (500, 32)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)


def test_a_search_finds_what_the_encoder_finds_but_for_the_lengths_of_items() -> None:
    found = embeddings(2_000, width=16)
    space = fit_space("e", found, dim=16)
    searches, items = found[:5], found[5:50]

    placed = space.place_searches(searches)

    whitened = np.matmul(items - space.mean, space.axes, dtype=np.float32)
    centred = searches - space.mean, items - space.mean
    found_by_space = np.matmul(placed, whitened.T, dtype=np.float32)
    found_by_encoder = np.matmul(centred[0], centred[1].T, dtype=np.float32)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(unit(found_by_space), unit(found_by_encoder), atol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_tiny_catalogue_has_a_space_that_keeps_its_items_apart(rows: int) -> None:
    found = embeddings(rows)

    placed = fit_space("e", found).place(found)

    assert np.isfinite(placed).all()
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)
    assert len(np.unique(placed.round(3), axis=0)) == rows


def test_the_same_catalogue_gives_the_same_space() -> None:
    assert fit_space("e", embeddings(100)).id == fit_space("e", embeddings(100)).id


def test_another_encoder_or_catalogue_is_another_space() -> None:
    space = fit_space("e", embeddings(100))

    assert fit_space("other", embeddings(100)).id != space.id
    assert fit_space("e", embeddings(101)).id != space.id


def test_a_space_whose_parts_do_not_fit_is_refused() -> None:
    with pytest.raises(SpaceMismatchError):
        Space("e", np.zeros(3, np.float32), np.zeros((4, 2), np.float32))


def test_vectors_of_another_space_are_refused() -> None:
    with pytest.raises(SpaceMismatchError):
        VectorTable(8).put([1], np.zeros((1, 9), np.float32))


def test_the_first_vector_of_a_text_stays() -> None:
    table = VectorTable(2)
    table.put([5], np.array([[1, 0]], np.float32))
    table.put([5, 6], np.array([[0, 1], [0, 1]], np.float32))

    assert table.matrix[table.row(5)].tolist() == [1, 0]
    assert table.missing([5, 6, 7, 7]) == [7]


def test_a_table_grows() -> None:
    table = VectorTable(2)
    vectors = np.arange(6_000, dtype=np.float32).reshape(3_000, 2)
    table.put(range(1, 3_001), vectors)

    assert len(table) == 3_000
    assert table.matrix[table.row(3_000)].tolist() == [5_998, 5_999]


def test_the_axes_of_a_small_catalogue_are_not_its_noise() -> None:
    """Twenty categories in a few directions, and a little of everything beside them."""
    generator = np.random.default_rng(5)
    width, categories, goods = 384, 20, 15
    middles = np.zeros((categories, width))
    middles[:, :32] = generator.normal(size=(categories, 32))
    middles += 3 * generator.normal(size=width)  # what all texts have in common
    category = np.repeat(np.arange(categories), goods)
    noise = generator.normal(size=(len(category), width)) * np.geomspace(1, 0.05, width)
    found = unit((middles[category] + 0.6 * noise).astype(np.float32))

    placed = fit_space("e", found).place(found)

    assert _same_neighbours(placed, category) > 0.9  # with w = .25: .63


def _same_neighbours(vectors: Vectors, category: NDArray[np.int64]) -> float:
    """Which share of the five nearest is of the same category."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    nearest = np.argsort(-scores, axis=1)[:, :5]
    return float((category[nearest] == category[:, None]).mean())
