"""Peers: what is compared. A peer learns from a lesson; the model that it becomes scores items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.quality.histories import Histories
from benchmarks.quality.sets import Trial
from portrait.evaluation.ranking import Scores
from portrait.model.space import Vectors

Settings = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a peer may learn from: never the test."""

    ids: tuple[str, ...]  # (N,)
    texts: Vectors  # (N, K), unit rows: whitened embeddings
    train: Histories
    valid: Trial

    @property
    def items(self) -> int:
        """Size N of the catalogue."""
        return len(self.ids)


class Model(Protocol):
    """A fitted peer."""

    def scores(self, histories: Histories) -> Scores:
        """Score every item for each user, (U, N); all finite."""
        ...

    def variants(self) -> Iterator[tuple[Settings, "Model"]]:
        """Yield the model with each setting that needs no new fit; at least itself."""
        ...


class Peer(Protocol):
    """A way to rank. Fitting the same lesson with the same seed gives the same model."""

    name: str
    seeded: bool  # whether the seed changes it

    def grid(self) -> Iterator[Settings]:
        """Yield the settings worth a fit when tuning; at least one."""
        ...

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:
        """Learn. `settings` are one of the grid."""
        ...
