"""Peers: what is compared. A peer learns from baskets; the model that it becomes scores items."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from benchmarks.recommend.baskets import Baskets
from portrait.arrays import Codes
from portrait.evaluation.ranking import Scores

Settings = Mapping[str, float]


class Model(Protocol):
    """A fitted peer."""

    def scores(self, users: Codes, at: Codes) -> Scores:
        """Score every item for A users, each at a moment in ms, (A, N); all finite."""
        ...

    def variants(self) -> Iterator[tuple[Settings, "Model"]]:
        """Yield the model with each setting that needs no new fit; at least itself."""
        ...


class Peer(Protocol):
    """A way to foretell baskets. Fitting the same baskets gives the same model."""

    name: str

    def grid(self) -> Iterator[Settings]:
        """Yield the settings worth a fit when choosing; at least one."""
        ...

    def fit(self, before: Baskets, settings: Settings) -> Model:
        """Learn from all that was before what is asked. `settings` are one of the grid."""
        ...
