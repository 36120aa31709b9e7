"""Attribute: what the words of a text are given adds up, and a word that matters is given most."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portrait.catalogue.words import WordShares
from portrait.model.space import Space, fit_space
from portrait.text.attribute import Attributer, words_in
from portrait.text.text_encoder import BertEncoder, Piece, load_encoder, load_pooled
from tests.support.tiny_bert import WORDS, write_tiny_bert

TEXTS = st.lists(st.sampled_from([*WORDS, "unheard", "-"]), min_size=1, max_size=12).map(" ".join)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> BertEncoder:
    folder = write_tiny_bert(tmp_path_factory.mktemp("tiny"))
    return load_encoder(str(folder), backend="torch")


@pytest.fixture(scope="module")
def attributer(encoder: BertEncoder) -> Attributer:
    return Attributer(load_pooled(encoder.path), encoder.tokenize)


@pytest.fixture(scope="module")
def space(encoder: BertEncoder) -> Space:
    return fit_space(encoder.name, encoder.encode([f"w{n} w{n + 1}" for n in range(59)]), 16)


def whole(found: WordShares) -> float:
    return sum(word.share for word in found.words) + found.rest + found.empty


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
@given(TEXTS, TEXTS)
def test_what_all_words_are_given_adds_up_to_how_near_the_text_lies(
    encoder: BertEncoder, attributer: Attributer, space: Space, text: str, other: str
) -> None:
    here, there = space.place(encoder.encode([text, other]))

    found = attributer.attribute(text, space, there)

    assert found.likeness == pytest.approx(float(here @ there), abs=1e-4)
    assert whole(found) == pytest.approx(found.likeness, abs=0.01)


def test_words_are_whole_and_in_order_and_dashes_are_none(
    attributer: Attributer, space: Space
) -> None:
    found = attributer.attribute("w1 - w22, unheard w3", space, np.eye(16, dtype=np.float32)[0])

    assert [word.text for word in found.words] == ["w1", "w22", "unheard", "w3"]
    assert found.rest != 0


def test_a_text_without_words_is_given_nothing_but_its_rest(
    attributer: Attributer, space: Space
) -> None:
    found = attributer.attribute("- -", space, np.eye(16, dtype=np.float32)[0])

    assert found.words == ()
    assert whole(found) == pytest.approx(found.likeness, abs=0.01)


def test_the_word_that_two_texts_share_matters_most(
    encoder: BertEncoder, attributer: Attributer, space: Space
) -> None:
    (there,) = space.place(encoder.encode(["w7 w7 w7"]))

    found = attributer.attribute("w1 w20 w7 w33", space, there)

    assert max(found.words, key=lambda word: word.share).text == "w7"


def test_pieces_are_joined_into_words_and_chinese_that_pulls_one_way_stands_together() -> None:
    text = "chocolate, 绿茶杯 tea-pot"
    spans = [(0, 0), (0, 5), (5, 9), (9, 10), (11, 12), (12, 13), (13, 14), (15, 18), (18, 19)]
    pieces = [Piece(1, *span) for span in [*spans, (19, 22), (0, 0)]]
    shares = np.array([0, 0.5, 0.25, 1, 0.5, 0.25, -0.5, 0.125, 2, 0.25, 0], np.float32)

    found = words_in(text, pieces, shares)

    assert found == [
        ("chocolate", 0.75),
        ("绿茶", 0.75),
        ("杯", -0.5),
        ("tea", 0.125),
        ("pot", 0.25),
    ]


def test_more_than_four_chinese_characters_are_no_word() -> None:
    text = "一二三四五六"
    pieces = [Piece(1, at, at + 1) for at in range(6)]

    found = words_in(text, pieces, np.ones(6, np.float32))

    assert found == [("一二三四", 4.0), ("五六", 2.0)]


def test_where_pieces_stand_is_said_without_what_an_encoder_puts_before(
    encoder: BertEncoder,
) -> None:
    pieces = encoder.tokenize.pieces("w1 w22")

    assert [piece.id for piece in pieces] == encoder.tokenize(["w1 w22"])[0]
    assert [(piece.start, piece.end) for piece in pieces] == [(0, 0), (0, 2), (3, 6), (0, 0)]
