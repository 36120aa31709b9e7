"""Erasure: whose rows are gone, and up to when."""

import numpy as np
from numpy.typing import NDArray

from portrait.events.erasure import Erasures


def refs(*values: int) -> NDArray[np.uint64]:
    return np.array(values, np.uint64)


def moments(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def test_what_was_received_up_to_the_moment_is_erased_and_what_comes_later_is_not() -> None:
    erasures = Erasures.of({5: 100, 9: 50})

    covered = erasures.cover(refs(5, 5, 9, 9, 7), moments(100, 101, 50, 51, 1))

    assert covered.tolist() == [True, False, True, False, False]


def test_nobody_is_erased_by_an_empty_list() -> None:
    assert Erasures.of({}).cover(refs(1, 2), moments(1, 2)).tolist() == [False, False]


def test_of_two_erasures_of_a_user_the_later_counts() -> None:
    merged = Erasures.merged(refs(5, 3, 5), moments(100, 1, 200))

    assert (merged.users.tolist(), merged.until.tolist()) == ([3, 5], [1, 200])


def test_a_difference_is_what_the_other_does_not_cover() -> None:
    left = Erasures.of({1: 10, 2: 20, 3: 30}).differ(Erasures.of({1: 10, 2: 19}))

    assert left.users.tolist() == [2, 3]


def test_only_old_erasures_are_before_a_moment() -> None:
    assert Erasures.of({1: 10, 2: 20}).before(20).users.tolist() == [1]
