"""Rows of arrays: their products with a vector, and which of them there are."""

import numpy as np
import pytest

from portrait.arrays import GATHERED, MISSING, marked, products


@pytest.mark.parametrize("count", [0, 1, GATHERED, GATHERED + 1, 3 * GATHERED - 1])
def test_products_are_those_of_all_rows_in_the_order_that_is_asked_for(count: int) -> None:
    draw = np.random.default_rng(count)
    matrix = draw.standard_normal((50, 24), np.float32)
    vector = draw.standard_normal(24, np.float32)
    rows = draw.integers(MISSING, 50, count)  # MISSING reads the last row, as an index does

    found = products(matrix, rows, vector)

    np.testing.assert_array_equal(found, np.vecdot(matrix[rows], vector))
    assert found.dtype == np.float32


def test_each_row_is_marked_once_in_order() -> None:
    assert marked(np.array([4, 0, 4, 2]), 6).tolist() == [0, 2, 4]
    assert marked(np.zeros(0, np.int64), 6).tolist() == []
