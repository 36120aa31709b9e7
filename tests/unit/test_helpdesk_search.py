"""Searching passages: by words, by meaning, and both fused."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.helpdesk.search import Passages, WordIndex, fused, terms_of
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

    assert (best.row, best.by_words, best.by_meaning) == (0, 1, 1)
    assert best.score == 1.0


def test_what_no_encoder_reads_is_found_by_its_words() -> None:
    (found,) = passages().find("配送要多长时间", None, 3)

    assert (found.row, found.by_meaning) == (2, None)


def test_nothing_alike_finds_nothing() -> None:
    assert passages().find("bicycle", unit(np.ones(384, np.float32)), 3) == []
    assert Passages([], np.zeros((0, 384), np.float32)).find("x", None, 3) == []


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_fusion_is_the_sum_of_reciprocal_ranks(words: list[int], meaning: list[int]) -> None:
    found = fused(np.array(words), np.array(meaning))

    scores = {row: 1 / (61 + words.index(row)) + 1 / (61 + meaning.index(row)) for row in range(6)}
    assert [each.row for each in found] == sorted(scores, key=lambda row: (-scores[row], row))
    np.testing.assert_allclose([e.score * 2 / 61 for e in found], [scores[e.row] for e in found])
