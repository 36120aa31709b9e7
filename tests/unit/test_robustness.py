"""Robustness figures, on encoders and histories small enough to work out by hand."""

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING, Codes, Floats
from portrait.evaluation.robustness import (
    burst_robustness,
    odd_texts_failed,
    spoil,
    text_robustness,
)
from portrait.model.space import Vectors, unit


class Letters:
    """An encoder that counts letters."""

    name = "letters"
    dim = 128

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Count the ASCII characters of each text, and one for being a text."""
        counts = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            counts[row, 127] = 1
            for character in text:
                counts[row, ord(character) % 127] += 1
        return unit(counts)

    def unread(self, texts: Sequence[str]) -> Floats:
        """Say that it reads everything."""
        return np.zeros(len(texts), np.float32)


class Blind(Letters):
    """An encoder that has no vector for texts with a picture in them."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return zeros for what it cannot read."""
        vectors = super().encode(texts)
        readable = np.array([max(text, default="") < "\U00010000" for text in texts])
        vectors[~readable] = 0
        return vectors


TEXTS = [f"a blue lamp of {number} watts with a long green cable" for number in range(40)]


def test_a_twentieth_of_the_characters_is_spoiled() -> None:
    letters = np.random.default_rng(1).integers(ord("a"), ord("z"), 1_000)
    long = "".join(map(chr, letters))

    spoiled = spoil(long, np.random.default_rng(0))

    alike = SequenceMatcher(None, long, spoiled, autojunk=False).ratio()
    assert 0.92 < alike < 0.97
    assert spoil(long, np.random.default_rng(0)) == spoiled


def test_nothing_to_spoil_stays() -> None:
    assert spoil("", np.random.default_rng(0)) == ""
    assert spoil("abc", np.random.default_rng(0), share=0) == "abc"


@given(st.text(max_size=60), st.integers(0, 99))
def test_any_text_can_be_spoiled_wholly(text: str, seed: int) -> None:
    assert len(spoil(text, np.random.default_rng(seed), share=1)) <= 2 * len(text)


def test_an_encoder_of_letters_barely_minds() -> None:
    figures = text_robustness(Letters(), TEXTS)

    assert 0.9 < figures["cosine_mean"] < 1
    assert figures["odd_texts_failed"] == 0
    assert "hr@10_lost" not in figures


def test_texts_without_a_vector_are_named() -> None:
    assert odd_texts_failed(Blind()) == ["emoji"]
    assert text_robustness(Blind(), TEXTS)["odd_texts_failed"] == 1


def test_the_hit_rate_compares_spoiled_histories_with_a_clean_catalogue() -> None:
    clean = Letters().encode(TEXTS)

    def hit_rate(histories: Vectors, ranked: Vectors) -> float:
        np.testing.assert_array_equal(ranked, clean)
        return 0.2 if np.array_equal(histories, clean) else 0.15

    figures = text_robustness(Letters(), TEXTS, hit_rate)

    assert figures["hr@10_clean"] == 0.2
    assert figures["hr@10_spoiled"] == 0.15
    assert figures["hr@10_lost"] == pytest.approx(0.25)


ITEMS = unit(np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32))
ROWS = np.random.default_rng(1).integers(60, size=(20, 12))


def mean_state(rows: Codes) -> Vectors:
    present = (rows != MISSING)[..., None]
    return unit(np.where(present, ITEMS[rows], 0).sum(axis=1).astype(np.float32))


def no_memory(rows: Codes) -> Vectors:
    return np.tile(ITEMS[0], (len(rows), 1))


def last_item_once(rows: Codes) -> Vectors:
    """Count an item once however often it comes: what a defence would do."""
    return unit(np.stack([ITEMS[np.unique(row[row != MISSING])].sum(axis=0) for row in rows]))


def test_a_model_that_ignores_events_is_not_moved() -> None:
    figures = burst_robustness(ROWS, ITEMS, no_memory)

    assert figures["unlike_moved_mean"] == 0
    assert figures["unlike_top10_kept"] == 1


def test_a_flood_fills_the_memory() -> None:
    figures = burst_robustness(ROWS, ITEMS, mean_state)

    assert figures["events"] == 100
    assert figures["remembered_of_before"] == 0
    assert figures["unlike_moved_mean"] > 0.1


def test_a_few_events_move_less_than_many() -> None:
    few = burst_robustness(ROWS, ITEMS, mean_state, burst=1)
    many = burst_robustness(ROWS, ITEMS, mean_state, burst=30)
    once = burst_robustness(ROWS, ITEMS, last_item_once, burst=30)

    assert few["remembered_of_before"] == 1
    assert few["unlike_moved_mean"] < many["unlike_moved_mean"]
    assert once["unlike_moved_mean"] < many["unlike_moved_mean"]
