"""Tone: what is plainly negative is read as that, in English and Chinese, and nothing else is."""
# ruff: noqa: RUF001 - Chinese has commas of its own

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.tone import LONGEST_READ, READ_STARS, blame_of, reads_negative, stars_of
from portrait.profiles.profile import decode_profile
from tests.support.catalogues import catalogue
from tests.support.shop import record_of

BLAMES = (
    "Horrible. It leaks, and it smells.",
    "Returned it after a day: poorly made!",
    "The handle doesn't work and they ignored my mail",
    "not recommended",
    "I am not satisfied, and not happy either",
    "没想到这么差，要求退款",
    "假货！！！再也不来了",
    "又难看又难用，不推荐",
    "质量不好，而且异味",
)
NO_BLAMES = (
    "",
    "Great lamp, my wife loves it.",
    "It is a lamp.",
    "a bit slow, but I like it",
    "Never broke, no problems, and not bad for the money",
    "Beautiful but useless",
    "太好了，家人都喜欢",
    "不错，没有异味，不后悔",
    "漂亮是漂亮，就是太薄",
    "昨天收到了",
)
words = st.sampled_from([*" ".join(BLAMES + NO_BLAMES).split(), "not", "but", "不", "没有", "坏了"])
texts = st.one_of(st.lists(words, max_size=12).map(" ".join), st.text(max_size=40))


@pytest.mark.parametrize("text", BLAMES)
def test_what_is_plainly_negative_is_read_so(text: str) -> None:
    assert reads_negative(text)


@pytest.mark.parametrize("text", NO_BLAMES)
def test_what_is_not_sure_is_not_said(text: str) -> None:
    assert not reads_negative(text)


@pytest.mark.parametrize("text", ["快递", "好像是", "只好", "好几天", "过高", "赶快"])
def test_a_word_that_only_holds_one_of_praise_has_no_tone(text: str) -> None:
    assert blame_of(text) == 0
    assert blame_of(f"太慢，{text}") == blame_of("太慢") > 0


@given(texts, texts)
def test_what_is_said_in_two_sentences_adds_up(first: str, second: str) -> None:
    assert blame_of(f"{first}. {second}") == blame_of(first) + blame_of(second)


@given(texts)
def test_neither_capitals_nor_wide_letters_change_what_is_said(text: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)

    assert blame_of(text.upper().lower()) == blame_of(wide.upper().lower())


def test_a_long_text_costs_no_more_than_its_beginning() -> None:
    beginning = "It is a lamp. ".ljust(LONGEST_READ)

    assert reads_negative(f"Horrible. {beginning}")
    assert not reads_negative(f"{beginning} Horrible.")


def test_a_text_that_is_read_as_negative_counts_as_one_star_does() -> None:
    bought = {"type": "purchase", "item_id": "tuna"}
    history = (bought, {"type": "click", "item_id": "milk"})
    review = {"type": "review", "item_id": "tuna"}
    said = decode_profile(record_of("eve", *history, {**review, "rating": 1}, painted=catalogue()))
    read = decode_profile(
        record_of("eve", *history, {**review, "text": BLAMES[0]}, painted=catalogue())
    )

    assert read.portrait.tobytes() == said.portrait.tobytes()
    for name in ("at", "id", "ref", "action", "rating"):
        assert read.ring[name].tolist() == said.ring[name].tolist()


def test_stars_that_are_said_are_not_read() -> None:
    assert stars_of(5, BLAMES[0]) == (5, False)
    assert stars_of(None, BLAMES[0]) == stars_of(0, BLAMES[0]) == (READ_STARS, True)
    assert stars_of(None, NO_BLAMES[1]) == stars_of(None, None) == (0, False)
