"""Products of some rows with a vector: to the last bit those of rows that are gathered at once."""

import numpy as np
import pytest

from portrait.arrays import GATHERED, MISSING, products


@pytest.mark.parametrize("count", [0, 1, GATHERED, GATHERED + 1, 3 * GATHERED - 1])
def test_they_are_those_of_all_rows_in_the_order_that_is_asked_for(count: int) -> None:
    draw = np.random.default_rng(count)
    matrix = draw.standard_normal((50, 24), np.float32)
    vector = draw.standard_normal(24, np.float32)
    rows = draw.integers(MISSING, 50, count)  # MISSING reads the last row, as an index does

    found = products(matrix, rows, vector)

    np.testing.assert_array_equal(found, np.vecdot(matrix[rows], vector))
    assert found.dtype == np.float32
