"""Wording: what means the same is read and found alike, and shown as it was written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.catalogue.lexical import Lexicon
from portrait.catalogue.texts import TextReader
from portrait.events.item import Item
from portrait.ref import search_ref, text_ref
from portrait.wording import worded
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder, MemoryCatalogue

ALIKE = [
    ("紅茶禮盒", "红茶礼盒"),
    ("鐵觀音 １００克", "铁观音 100克"),
    ("\uff35\uff33\uff22 充電線", "USB 充电线"),
    ("cafe\u0301", "café"),
    ("ｶﾒﾗ", "カメラ"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_the_same_in_other_characters_is_the_same_search(one: str, other: str) -> None:
    assert worded(one) == worded(other)
    assert search_ref(one) == search_ref(other)
    assert text_ref(Item(id="1", title=one).text) == text_ref(Item(id="2", title=other).text)


def test_what_people_see_stays_as_it_was_written() -> None:
    assert Item(id="1", title="紅茶禮盒").title == "紅茶禮盒"


@given(st.text(max_size=60))
def test_once_is_enough_and_english_stays(text: str) -> None:
    assert worded(worded(text)) == worded(text)
    assert not text.isascii() or worded(text) == text


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_words_find_it_in_either(one: str, other: str) -> None:
    lexicon = Lexicon()
    lexicon.learn([Item(id="1", title="绿茶"), Item(id="2", title=other)], np.array([0, 1]))

    assert lexicon.match(one)[0].tolist()[:1] == [1]


def test_characters_that_stand_together_are_more_than_either_alone() -> None:
    lexicon = Lexicon()
    titles = ["杯茶", "茶杯", "茶", "杯"]
    lexicon.learn([Item(id=each, title=each) for each in titles], np.arange(4))

    assert titles[int(lexicon.match("茶杯")[0][0])] == "茶杯"
    assert {titles[row] for row in lexicon.match("茶")[0].tolist()} == {"杯茶", "茶杯", "茶"}


async def test_the_encoder_reads_it_in_one_form() -> None:
    store, encoder = MemoryCatalogue(), HashEncoder()
    reader = TextReader(encoder, SPACE, store)

    await reader.read(searches=["紅茶"])

    (found,) = await store.get_vectors(SPACE.id, [search_ref("红茶")], SPACE.dim)
    expected = SPACE.place_searches(encoder.encode(["红茶"]))[0]
    assert found is not None
    assert found == pytest.approx(expected, abs=1e-3)
