"""Searching passages: by words, by meaning, and by both."""

import numpy as np
import pytest

from portrait.helpdesk.search import Passages, WordIndex, terms_of
from portrait.model.space import unit
from tests.support.fakes import HashEncoder

TEXTS = [
    "How long delivery takes. Three working days.",
    "Returns. Send anything back within thirty days.",
    "配送时间。下单后三个工作日送达。",
    "Invoices. Find invoices in your account.",
]


def passages() -> Passages:
    return Passages(TEXTS, HashEncoder().encode(TEXTS))


def test_chinese_is_found_by_pairs_of_signs() -> None:
    assert [*terms_of("配送时间 iPhone15")] == ["配送", "送时", "时间", "iphone15"]


def test_signs_of_full_width_are_as_others() -> None:
    assert [*terms_of("ＡＢＣ１２")] == ["abc12"]  # noqa: RUF001 - that is what it is about


def test_bm25_is_as_worked_out_by_hand() -> None:
    index = WordIndex(["a a b", "b"])

    # idf(a) = ln(1 + 1.5/1.5); tf 2, length 3 of 2 on average: 2*2.2/(2 + 1.2*(.25+.75*1.5))
    expected = np.log(2) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))
    np.testing.assert_allclose(index.scores("a"), [expected, 0], rtol=1e-6)


def test_what_shares_words_and_meaning_is_first_with_a_score_of_one() -> None:
    question = "how many days delivery takes"

    best, *_ = passages().find(question, HashEncoder().encode([question])[0], 3)

    assert best.row == 0
    assert best.score == pytest.approx(1)


def test_what_no_encoder_reads_is_found_by_its_words() -> None:
    (found,) = passages().find("配送要多长时间", None, 3)

    assert found == (2, 1.0)


def test_nothing_alike_finds_nothing() -> None:
    assert passages().find("bicycle", unit(np.ones(384, np.float32)), 3) == []
    assert Passages([], np.zeros((0, 384), np.float32)).find("x", None, 3) == []


def test_meaning_counts_five_times_as_much_as_words() -> None:
    texts, vectors = ["red shoes", "blue hat", "green"], np.eye(3, dtype=np.float32)
    near = unit(np.array([0.5, 0.8, 0], np.float32))

    found = Passages(texts, vectors).find("red shoes", near, 3)

    mean = near.mean()
    shared = (near[0] - mean) / (near[1] - mean)
    assert [each.row for each in found] == [1, 0]
    np.testing.assert_allclose(found[1].score, (shared + 0.2) / 1.2, rtol=1e-5)


def test_the_only_passage_is_found_if_it_has_to_do_with_the_message() -> None:
    passages = Passages(["return shoes"], HashEncoder().encode(["return shoes"]))

    assert passages.find("return", HashEncoder().encode(["return"])[0], 3)
    assert passages.find("bicycle", HashEncoder().encode(["bicycle"])[0], 3) == []
