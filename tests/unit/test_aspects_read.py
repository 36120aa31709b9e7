"""Aspects by BERT: what it is sure of stands beside the words, and it finds more than they do.

`tests/support/said` has clauses of shoppers, written by hand for these tests and by nobody looked
at while the examples were written that the head is learned from.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pytest

from portrait.evaluation.classification import precision_recall_f1
from portrait.model.space import Vectors
from portrait.model.task_head import TaskHead
from portrait.opinions.aspects import Aspect, AspectSaid, ClauseRead, Tone, aspects_of
from portrait.text.task_reader import TaskReader
from portrait.text.text_encoder import BUNDLED, load_encoder, path_of
from portrait.text.tone_reader import ToneReader
from portrait.training.tasks.aspect import LABELS, NONE, PRECISION, examples, fit_aspects
from portrait.training.tasks.threshold import NEVER
from tests.support.fakes import HashEncoder

SAID = Path(__file__).parents[1] / "support" / "said"
ENCODERS = {
    "en": Path(path_of(BUNDLED)),
    "zh": Path(__file__).parents[2] / "build" / "encoder-zh",  # after `make encoder-zh`
}


def said(language: str) -> tuple[list[str], list[set[str]]]:
    """Return clauses, and the aspects that are judged in each."""
    lines = (SAID / f"aspects.{language}.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return [text for _, _, text in rows], [{*about.split(",")} - {NONE} for about, _, _ in rows]


def figures(found: Sequence[Collection[str]], truth: Sequence[Collection[str]]) -> dict[str, float]:
    flags = [
        np.array([[aspect.value in each for aspect in Aspect] for each in one]).ravel()
        for one in (truth, found)
    ]
    return dict(precision_recall_f1(*flags))


def names(aspects: Sequence[AspectSaid]) -> set[str]:
    return {each.aspect.value for each in aspects}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_more_aspects_are_found_than_by_words_and_as_rightly(language: str) -> None:
    if not (ENCODERS[language] / "config.json").exists():
        pytest.skip("asks for make encoder-zh")
    encoder = load_encoder(str(ENCODERS[language]), backend="torch")
    head, told = fit_aspects(encoder.name, encoder.encode, [language])
    assert head is not None, told
    texts, truth = said(language)

    read = head.said(head(encoder.encode(texts)))
    clauses = {
        text: ClauseRead(None if code < 0 else Aspect(LABELS[code]), None)
        for text, code in zip(texts, read.tolist(), strict=True)
    }
    words = figures([names(aspects_of(text)) for text in texts], truth)
    both = figures(
        [names(aspects_of(text)) | {clauses[text].aspect or ""} - {""} for text in texts],
        truth,
    )

    assert both["recall"] > 1.4 * words["recall"]
    assert both["precision"] > words["precision"] - 0.03


def test_examples_are_of_every_aspect_and_none_of_them_judges() -> None:
    for language in ENCODERS:
        texts, codes = examples([language])
        held_out, _ = said(language)

        assert (np.bincount(codes, minlength=len(LABELS)) >= 20).all()
        assert not {*texts} & {*held_out}
        assert len({*texts}) == len(texts)


def test_what_tells_no_aspect_from_another_is_not_kept() -> None:
    encoder = HashEncoder()

    head, told = fit_aspects(encoder.name, encoder.encode, ["en"])

    assert head is None
    assert told["kept"] is False


def test_words_say_the_tone_and_bert_where_they_have_none() -> None:
    read = {
        "it keeps nothing warm": ClauseRead(Aspect.USE, Tone.NEGATIVE),
        "expensive": ClauseRead(Aspect.PRICE, Tone.POSITIVE),
    }

    aspects = aspects_of("It keeps nothing warm. Expensive.", read)

    assert {each.aspect: each.tone for each in aspects} == {
        Aspect.USE: Tone.NEGATIVE,
        Aspect.PRICE: Tone.NEGATIVE,
    }


class TwoWays(HashEncoder):
    """An encoder that knows who speaks of warmth."""

    name = "two-ways"
    dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return np.array([[1, 0] if "warm" in text else [0, 1] for text in texts], np.float32)


def head_of(labels: tuple[str, ...], warm: int, least: float) -> TaskHead:
    """Return a head that says one label of what is warm, and the last of all else."""
    weights = np.zeros((2, len(labels)), np.float32)
    weights[0, warm] = weights[1, -1] = 9
    every = np.full(len(labels), least, np.float32)
    every[-1] = NEVER
    zeros, ones = np.zeros(len(labels), np.float32), np.ones(1, np.float32)
    return TaskHead("two-ways", "one", labels, weights, zeros, ones, every)


def test_a_reader_reads_every_clause_once_and_says_where_it_is_sure() -> None:
    encoder = TwoWays()
    heads = {
        "tone": head_of(("bad", "middling", "good"), 0, 0.5),
        "aspect": head_of(LABELS, LABELS.index("use"), PRECISION),
    }
    reader = ToneReader(TaskReader(encoder, heads))

    first, second = reader.aspects(["It keeps nothing warm. I am tall.", "I am tall."])

    assert [(each.aspect, each.tone) for each in first] == [(Aspect.USE, Tone.NEGATIVE)]
    assert second == ()
    assert sorted(encoder.read) == ["i am tall", "it keeps nothing warm"]
    assert ToneReader(TaskReader(encoder, {"tone": heads["tone"]})).aspects(["warm"]) == [()]
