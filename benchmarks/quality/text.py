"""Peers that read: the decayed mean of whitened text vectors, alone and beside co-occurrence.

Nothing is trained: this is how far counting and a pretrained BERT go.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from benchmarks.quality.counting import DECAYS, cosines
from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from benchmarks.quality.tune import combinations
from portrait.evaluation.ranking import Scores
from portrait.model.space import Vectors, unit

TEXT_DECAYS = (0.5, 0.6, 0.7, 0.8, 0.9)
TEXT_WEIGHTS = (0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class TextMean:
    """Scores are the cosines to the decayed mean of what the user took."""

    texts: Vectors  # (N, K), unit rows
    decay: float

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        mean = histories.decayed(self.decay, len(self.texts)) @ self.texts
        scores: Scores = unit(mean) @ self.texts.T
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each decay."""
        for decay in TEXT_DECAYS:
            yield {"decay": decay}, replace(self, decay=decay)


@dataclass(frozen=True, slots=True)
class KnnAndText:
    """Co-occurrence plus a share of text."""

    matrix: csr_array  # (N, N)
    text: TextMean
    decay: float
    weight: float

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        scores: Scores = np.float32(self.weight) * self.text.scores(histories)
        scores += (histories.decayed(self.decay, self.matrix.shape[0]) @ self.matrix).toarray()
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each decay and weight."""
        for settings in combinations({"decay": DECAYS[1:4], "weight": TEXT_WEIGHTS}):
            yield settings, replace(self, decay=settings["decay"], weight=settings["weight"])


class WhitenedText:
    """The user is the mean of the texts."""

    name = "whitened text"
    seeded = False

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Take the vectors as they are."""
        return TextMean(lesson.texts, TEXT_DECAYS[0])


class KnnText:
    """KNN + text."""

    name = "KNN + text"
    seeded = False

    def grid(self) -> Iterator[Settings]:
        """Yield each shrinkage."""
        return combinations({"shrink": (20, 50), "text_decay": (0.7,)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Count who took both."""
        matrix = cosines(lesson.train, lesson.items, settings["shrink"])
        text = TextMean(lesson.texts, settings["text_decay"])
        return KnnAndText(matrix, text, DECAYS[0], TEXT_WEIGHTS[0])
