"""PCTM: every item of a history votes for what came some steps after it, by smoothed log-evidence.

    C[b, a] = sum over distances d of d ** -.5 * (how often a came d steps after b)
    score[a] = sum over events of decay ** age * log(1 + C[event, a] * N / tau) + boost * log p[a]

Nothing is trained. The authors count forward only, and so does the published row; how much counts
backward is one more choice here, made on validation as all others: a shop may have no direction.

Source: Petrov et al., Do Sequential Recommendation Benchmarks Really Require Higher-Order Sequence
Modelling?, RecSys 2026; spotify-research/sequential-capacity-probes, docs/PROTOCOL.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from benchmarks.quality.tune import combinations
from portrait.evaluation.ranking import Scores
from portrait.training.ranker.co_occurrence import Window, evidence

DECAYS = (0.6, 0.75, 0.9)
BOOSTS = (0.0, -0.04)


@dataclass(frozen=True, slots=True)
class Votes:
    """Scores are the decayed history times the evidence, and a share of popularity."""

    matrix: csr_array  # (N, N)
    log_popularity: Scores  # (N,)
    decay: float
    boost: float

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        weights = histories.decayed(self.decay, self.matrix.shape[0])
        whole = np.maximum(weights.sum(axis=1), np.float32(1))
        scores: Scores = (weights @ self.matrix).toarray() / whole[:, None]
        scores += np.float32(self.boost) * self.log_popularity
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each decay and boost."""
        for settings in combinations({"decay": DECAYS, "boost": BOOSTS}):
            yield settings, replace(self, decay=settings["decay"], boost=settings["boost"])


class Pctm:
    """PCTM."""

    name = "PCTM"
    seeded = False

    def grid(self) -> Iterator[Settings]:
        """Yield each window, weight of what came before, and smoothing in multiples of N."""
        return combinations({"window": (10, 3), "backward": (0, 0.5, 1), "tau": (1, 8)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Count who came after whom."""
        train = lesson.train
        window = Window(int(settings["window"]), settings["backward"], settings["tau"])
        matrix = evidence(train.rows, train.flat, np.arange(len(train.flat)), lesson.items, window)
        counts = train.counts(lesson.items) + 1
        popularity = np.log(counts / counts.sum()).astype(np.float32)
        return Votes(matrix, popularity, DECAYS[0], BOOSTS[0])
