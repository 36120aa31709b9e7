"""What to label next: the least sure, unlike each other and what is labelled."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.helpdesk.choosing import next_to_label, uncertainty
from portrait.model.space import unit

EYE = np.eye(6, dtype=np.float32)


def test_a_small_lead_is_unsure_and_a_large_one_is_not() -> None:
    said = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.4, 0.3, 0.3]], np.float32)

    np.testing.assert_allclose(uncertainty(said), [1, 0.2, 0.9], atol=1e-6)


def test_two_alike_are_not_both_chosen() -> None:
    vectors = unit(np.stack([EYE[0], EYE[0] + 0.01 * EYE[1], EYE[2]]))

    rows = next_to_label(vectors, np.array([1, 1, 0.5], np.float32), EYE[5:], 2)

    assert rows.tolist() == [0, 2]


def test_what_is_like_a_labelled_one_comes_last() -> None:
    rows = next_to_label(EYE[:3], np.ones(3, np.float32), EYE[:1], 3)

    assert rows.tolist()[-1] == 0


def test_where_nothing_is_labelled_the_least_sure_is_first() -> None:
    rows = next_to_label(EYE[:3], np.array([0.1, 0.9, 0.5], np.float32), EYE[:0], 1)

    assert rows.tolist() == [1]


@given(st.integers(0, 12), st.integers(1, 8))
def test_as_many_as_are_wanted_and_there_are_each_once(there: int, wanted: int) -> None:
    drawn = np.random.default_rng(there)
    vectors = unit(drawn.standard_normal((there, 5)).astype(np.float32))

    rows = next_to_label(vectors, drawn.random(there).astype(np.float32), vectors[:0], wanted)

    assert len({*rows.tolist()}) == len(rows) == min(there, wanted)
