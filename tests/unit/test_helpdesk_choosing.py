"""What to label next: the least sure, each for others like it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.helpdesk.choosing import next_to_label, uncertainty
from portrait.model.space import unit

EYE = np.eye(6, dtype=np.float32)


def around(direction: int, count: int, noise: float = 0.1) -> np.ndarray:
    drawn = np.random.default_rng(direction).standard_normal((count, 6)).astype(np.float32)
    return unit(EYE[direction] + noise * drawn)


def test_a_small_lead_is_unsure_and_a_large_one_is_not() -> None:
    said = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.4, 0.3, 0.3]], np.float32)

    np.testing.assert_allclose(uncertainty(said), [1, 0.2, 0.9], atol=1e-6)


def test_of_each_group_of_questions_one_is_chosen_the_largest_group_first() -> None:
    vectors = np.concatenate([around(0, 4), around(1, 12), around(2, 8)])

    rows = next_to_label(vectors, np.ones(24, np.float32), 3)

    assert [0 if row < 4 else 1 if row < 16 else 2 for row in rows.tolist()][:2] == [1, 2]


def test_the_middle_of_a_group_is_chosen_and_not_what_lies_apart() -> None:
    vectors = np.concatenate([around(0, 9, 0.3), EYE[:1]])

    (row,) = next_to_label(vectors, np.ones(10, np.float32), 1)

    assert row == 9


def test_what_is_sure_is_not_chosen_while_there_are_others() -> None:
    vectors = np.concatenate([around(0, 40), around(1, 40)])
    unsure = np.repeat(np.array([1, 0], np.float32), 40)

    assert next_to_label(vectors, unsure, 4).max() < 40


@given(st.integers(0, 30), st.integers(1, 8))
def test_no_more_than_are_wanted_each_once_and_all_where_there_are_few(
    there: int, wanted: int
) -> None:
    drawn = np.random.default_rng(there)
    vectors = unit(drawn.standard_normal((there, 5)).astype(np.float32))

    rows = next_to_label(vectors, drawn.random(there).astype(np.float32), wanted)

    assert len({*rows.tolist()}) == len(rows) <= wanted
    assert there > wanted or len(rows) == there


def test_the_same_again_and_again_is_one_question() -> None:
    assert len(next_to_label(np.repeat(EYE[:1], 50, axis=0), np.ones(50, np.float32), 5)) == 1
