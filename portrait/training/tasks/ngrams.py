"""N-grams: what a task is worth without a BERT. TF-IDF and a logistic regression.

Source: Joachims, Text Categorization with Support Vector Machines, ECML 1998; character n-grams:
Cavnar and Trenkle, N-Gram-Based Text Categorization, 1994.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from portrait.arrays import Floats
from portrait.training.tasks.figures import deciding
from portrait.training.tasks.task import Task

SHAPES: tuple[tuple[str, tuple[int, int]], ...] = (
    ("char", (1, 3)),  # of scripts without spaces
    ("char_wb", (2, 5)),
    ("word", (1, 2)),
)
STRENGTH = 4.0  # inverse regularisation; as the benchmark of reviews has it
ROUNDS = 200
LEAST = 500  # texts, from which on what occurs once is left out


class Ngrams(Protocol):
    """Reads texts by their n-grams."""

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the probability of every label, (B, C)."""
        ...


def fit_ngrams(task: Task) -> Ngrams:
    """Fit each shape of n-grams; return the one that reads the validation texts best."""
    tried = [_fit(task, analyzer, lengths) for analyzer, lengths in SHAPES]
    valid = task.valid
    best = [deciding(task.kind, valid.targets, read(valid.texts)) for read in tried]
    return tried[int(np.argmax(best))]


def _fit(task: Task, analyzer: str, lengths: tuple[int, int]) -> Ngrams:
    weigh = "balanced" if task.balanced else None
    regression: Any = LogisticRegression(C=STRENGTH, max_iter=ROUNDS, class_weight=weigh)
    if task.kind == "many":
        regression = OneVsRestClassifier(regression)
    least = 2 if len(task.train) > LEAST else 1
    counted = TfidfVectorizer(
        analyzer=analyzer, ngram_range=lengths, min_df=least, sublinear_tf=True
    )
    pipeline: Pipeline = make_pipeline(counted, regression)
    pipeline.fit(task.train.texts, task.train.targets)

    def read(texts: Sequence[str]) -> Floats:
        likely = np.asarray(pipeline.predict_proba(texts), np.float32)
        if task.kind == "many":
            return likely
        whole = np.zeros((len(texts), len(task.labels)), np.float32)
        whole[:, pipeline.classes_] = likely  # a label may have no example
        return whole

    return read
