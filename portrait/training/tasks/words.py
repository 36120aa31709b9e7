"""Words: what a tone is worth that is read by the list of words, as the stream does without a BERT.

text ─▶ blame less praise ─▶ how often each label stands beside as much of it, of the training texts
"""

from collections.abc import Sequence

import numpy as np

from portrait.arrays import Floats, Rows
from portrait.events.tone import blame_of
from portrait.training.tasks.ngrams import Ngrams
from portrait.training.tasks.task import Task

WORDS = "words"
MOST_PRAISE, MOST_BLAME = -4, 4  # more is taken for as much
SMOOTHING = 1.0  # texts of every label beside each amount. Source: Laplace's rule of succession


def fit_words(task: Task) -> Ngrams:
    """Count labels beside blame; the reading asks for nothing but the text."""
    beside = np.full((MOST_BLAME - MOST_PRAISE + 1, len(task.labels)), SMOOTHING)
    np.add.at(beside, (_blame(task.train.texts), task.train.targets), 1)
    shares = (beside / beside.sum(axis=1, keepdims=True)).astype(np.float32)

    def read(texts: Sequence[str]) -> Floats:
        likely: Floats = shares[_blame(texts)]
        return likely

    return read


def _blame(texts: Sequence[str]) -> Rows:
    """Return the row of each text's blame, (B,)."""
    blame = np.array([blame_of(text) for text in texts], np.int64)
    return np.clip(blame, MOST_PRAISE, MOST_BLAME) - MOST_PRAISE
