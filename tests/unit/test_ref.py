"""Refs: what remembers them stays within its bytes, whatever strings come."""

import tracemalloc
from collections.abc import Callable

import pytest

from portrait.ref import REMEMBERED, event_ref, item_ref, name_ref, search_ref, text_ref, user_ref

MOST_BYTES = 30_000_000  # as ref.py says
WIDEST = "\U0001f6d2"  # four bytes in memory and on the wire


def grown(name: Callable[[str], int], length: int, strings: int) -> int:
    """Name so many strings, and return the bytes that this leaves behind."""
    tracemalloc.start()
    try:
        for number in range(strings):
            name(f"{number:07d}" + WIDEST * (length - 7))
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [event_ref, item_ref, text_ref, search_ref, user_ref, name_ref])
def test_long_strings_leave_nothing_behind(name: Callable[[str], int]) -> None:
    assert grown(name, length=2_000, strings=3_000) < 100_000


def test_short_ids_are_remembered_up_to_a_bound_in_bytes() -> None:
    assert grown(item_ref, length=40, strings=REMEMBERED + 10_000) < MOST_BYTES


def test_a_remembered_ref_is_the_one_that_was_computed() -> None:
    assert item_ref("milk") == item_ref("milk") != text_ref("milk")
    assert item_ref("m" * 41) == item_ref("m" * 41) != item_ref("m" * 40)
