"""Searched: the words of searches are kept as long as the ring holds them, and cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.profiles.searched import MOST_BYTES, encode_searched, read_searched
from portrait.ref import search_ref

CLICK, SEARCH = ACTION_CODE[Action.CLICK], ACTION_CODE[Action.SEARCH]
TEXTS = ("cat toys", "紫砂壶", "é" * 200, "x")

texts_of = st.lists(st.sampled_from(TEXTS), max_size=RING)


def ring_of(*texts: str) -> NDArray[np.void]:
    """Return a ring, (1, RING), of searches, newest first; an empty text is a click."""
    ring = np.zeros((1, RING), EVENT)
    for place, text in enumerate(texts):
        action = SEARCH if text else CLICK
        ring[0, place] = (1_000 - place, place + 1, search_ref(text), 0, 1, action, 0)
    return ring


def cut(text: str) -> str:
    """Return what is kept of a text."""
    return read_searched(written(ring_of(text), said(text)))[search_ref(text)]


def said(*texts: str) -> dict[int, str]:
    return {search_ref(text): text for text in texts}


def written(ring: NDArray[np.void], texts: dict[int, str], stored: bytes | None = None) -> bytes:
    (searched,) = encode_searched(ring, texts, [stored])
    return searched


@given(texts_of)
def test_what_was_searched_comes_back_cut(texts: list[str]) -> None:
    read = read_searched(written(ring_of(*texts), said(*TEXTS)))

    assert read == {search_ref(text): cut(text) for text in texts}


@given(texts_of, st.integers(0, RING))
def test_in_whatever_pieces_it_is_told_the_same_is_kept(texts: list[str], first: int) -> None:
    newer, older = texts[:first], texts[first:]

    before = written(ring_of(*older), said(*older))

    assert written(ring_of(*texts), said(*newer), before) == written(ring_of(*texts), said(*texts))


def test_what_the_ring_has_lost_is_kept_no_longer() -> None:
    before = written(ring_of("cat toys", "x"), said("cat toys", "x"))

    after = written(ring_of("", "cat toys"), {}, before)

    assert read_searched(after) == said("cat toys")
    assert written(ring_of(), {}, before) == b""


def test_nobody_gets_the_words_of_another() -> None:
    rings = np.concatenate([ring_of("x"), ring_of(), ring_of("cat toys", "x")])

    anns, nobodys, bobs = map(read_searched, encode_searched(rings, said("x"), [None] * 3))

    assert anns == bobs == said("x")
    assert nobodys == {}


def test_a_full_ring_of_long_texts_is_as_long_as_is_said() -> None:
    texts = [f"{place:02d}" + "w" * 2_000 for place in range(RING)]

    assert len(written(ring_of(*texts), said(*texts))) == 6_721


@pytest.mark.parametrize("text", ["short", "w" * 200, "壶" * 50, "é" * 50])
def test_a_text_is_cut_between_characters(text: str) -> None:
    kept = cut(text)

    assert text.startswith(kept)
    assert min(len(text.encode()), MOST_BYTES - 2) <= len(kept.encode()) <= MOST_BYTES


@given(texts_of, st.integers(0, 200), st.binary(max_size=20), st.integers(0, 200))
def test_a_damaged_value_ends_nothing_and_is_written_anew(
    texts: list[str], first: int, noise: bytes, rest: int
) -> None:
    whole = written(ring_of("x", *texts[1:]), said(*TEXTS))
    damaged = whole[:first] + noise + whole[rest:]

    read = read_searched(written(ring_of("x"), {}, damaged))

    assert read.keys() <= {search_ref("x")}
    again = read_searched(written(ring_of("x"), said("x"), damaged[: len(whole) - 1]))
    assert again == said("x")


def test_of_a_value_that_is_cut_off_nothing_is_read() -> None:
    whole = written(ring_of("cat toys", "x"), said(*TEXTS))

    assert [read_searched(whole[:size]) for size in (1, 8, 20, len(whole) - 1)] == [{}] * 4
    assert read_searched(None) == read_searched(b"") == {}


def test_an_entry_that_is_no_text_is_left_out() -> None:
    whole = written(ring_of("cat toys", "x"), said(*TEXTS))

    assert read_searched(whole[:-1] + b"\xff") == said("cat toys")
