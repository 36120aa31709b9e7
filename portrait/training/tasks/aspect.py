"""Aspects, read by the encoder that reads the tone: a linear head, learned from examples.

examples of each aspect ─▶ vectors ─▶ a head, each example read by one of the other folds
                                  └▶ from which probability on is .95 right, of what is said?

Words name what they name, and what a BERT is sure of is named beside them. It is kept where that
finds more of the examples than words alone; what was measured: decision 0062.
"""

import tomllib
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from portrait.arrays import Codes
from portrait.evaluation.classification import precision_recall_f1
from portrait.model.space import Vectors
from portrait.model.task_head import SILENT, TaskHead
from portrait.opinions import aspects
from portrait.opinions.aspects import Aspect, aspects_of
from portrait.training.heads.fit_intents import fit_intents
from portrait.training.tasks.figures import rounded
from portrait.training.tasks.outcome import Told
from portrait.training.tasks.threshold import LEAST_SAID, LIKELIER, NEVER, threshold_for

ASPECT = "aspect"
NONE = "none"
LABELS = (*(aspect.value for aspect in Aspect), NONE)
PRECISION = 0.95  # of what is said beside the words
EXAMPLES = Path(aspects.__file__).with_name("examples.toml")

Encode = Callable[[Sequence[str]], Vectors]


def fit_aspects(
    encoder: str, encode: Encode, languages: Collection[str]
) -> tuple[TaskHead | None, Told]:
    """Fit a head to the examples of some languages. Returns it if it is kept, and what is told.

    Args:
        encoder: Name of the encoder.
        encode: Reads B texts with it.
        languages: Of the reviews: an encoder that has read no other reads no other.
    """
    texts, codes = examples(languages)
    fitted = fit_intents(encoder, LABELS, encode(texts), codes)
    unseen = fitted.unseen[:, : len(Aspect)]
    sure, said = unseen.max(axis=1), unseen.argmax(axis=1)
    least = max(LIKELIER, threshold_for(said == codes, sure, PRECISION, LEAST_SAID))
    said = np.where(sure >= least, said, SILENT)
    by_words = [{aspect.value for aspect, _, _ in aspects_of(text)} for text in texts]
    both = [
        words | ({LABELS[code]} if code != SILENT else set())
        for words, code in zip(by_words, said.tolist(), strict=True)
    ]
    found = {"words": _figures(by_words, codes), "words and BERT": _figures(both, codes)}
    kept = found["words and BERT"]["f1"] > found["words"]["f1"]
    told: Told = {"kept": kept, "figures": {name: rounded(each) for name, each in found.items()}}
    every = np.full(len(LABELS), least, np.float32)
    every[LABELS.index(NONE)] = NEVER
    head = TaskHead(
        encoder,
        "one",
        LABELS,
        fitted.head.weights,
        fitted.head.bias,
        np.array([fitted.head.temperature], np.float32),
        every,
    )
    return (head if kept else None), told


def examples(languages: Collection[str]) -> tuple[list[str], Codes]:
    """Return the examples in some languages, and the place of each one's label."""
    pairs = [
        (text, code)
        for code, label in enumerate(LABELS)
        for language in sorted(languages)
        for text in _written()[label][language]
    ]
    return [text for text, _ in pairs], np.array([code for _, code in pairs], np.int64)


@cache
def _written() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(EXAMPLES.read_text("utf-8"))


def _figures(said: Sequence[Collection[str]], codes: Codes) -> dict[str, float]:
    """Return precision, recall and F1 of what is said, every aspect of every text a question."""
    names = LABELS[: len(Aspect)]
    truth = codes[:, None] == np.arange(len(names))
    guess = np.array([[name in each for name in names] for each in said])
    return dict(precision_recall_f1(truth.ravel(), guess.ravel()))
