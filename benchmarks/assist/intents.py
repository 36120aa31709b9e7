"""Intents read: by their words, by ten labels of each, by all; and what is believed."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.assist.few_labels import of_words, right
from benchmarks.assist.sets import Part, Task, few_of_each
from portrait.arrays import Flags, Floats
from portrait.evaluation.classification import ece
from portrait.training.heads.fit_intents import PRECISION, fit_intents

FEW, SEEDS = 10, (0, 1, 2)
CHARACTERS = (2, 5)  # n-grams of the baseline, inside words
STRENGTH = 30.0  # of the baseline

Figures = dict[str, float]


def read_intents(task: Task) -> dict[str, Figures]:
    """Judge every way on the test messages; all choices are made on the labels."""
    few = [few_of_each(task.train, FEW, seed) for seed in SEEDS]
    return {
        "words alone": _by_words(task),
        f"{FEW} labels of each, n-grams": _mean([_by_ngrams(each, task.test) for each in few]),
        f"{FEW} labels of each": _mean([_by_labels(task, each) for each in few]),
        "all labels, n-grams": _by_ngrams(task.train, task.test),
        "all labels": _by_labels(task, task.train),
    }


def _by_words(task: Task) -> Figures:
    head = of_words(task, task.class_vectors)
    said = head(task.test.vectors)
    return {"accuracy": right(head, task.test), **_sureness(said, task.test, head.certain)}


def _by_labels(task: Task, part: Part) -> Figures:
    head = fit_intents(task.encoder, task.classes, part.vectors, part.codes).head
    said = head(task.test.vectors)
    return {"accuracy": right(head, task.test), **_sureness(said, task.test, head.certain)}


def _by_ngrams(part: Part, test: Part) -> Figures:
    counted = TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, sublinear_tf=True)
    inputs = counted.fit_transform(part.texts)
    model = LogisticRegression(C=STRENGTH, max_iter=200).fit(inputs, part.codes)
    said = model.predict(counted.transform(test.texts))
    return {"accuracy": float((said == test.codes).mean())}


def _sureness(said: Floats, test: Part, certain: float) -> Figures:
    """Say how much is believed, how much of it is right, and how much could be believed."""
    likeliest, is_right = said.max(axis=1), said.argmax(axis=1) == test.codes
    believed = likeliest >= certain
    return {
        "ece": ece(is_right, likeliest),
        "certain_from": certain,
        "believed": float(believed.mean()),
        "right_of_believed": float(is_right[believed].mean()) if believed.any() else 0.0,
        "coverage_at_98": _coverage(likeliest, is_right),
    }


def _coverage(likeliest: Floats, is_right: Flags) -> float:
    """Return the largest share of which 98 of 100 are right, by a threshold that knew the test."""
    order = np.argsort(-likeliest, kind="stable")
    precise = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1) >= PRECISION
    return float((np.flatnonzero(precise)[-1] + 1) / len(order)) if precise.any() else 0.0


def _mean(figures: list[Figures]) -> Figures:
    return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}
