"""Port: where the curves of a training go."""

from collections.abc import Mapping
from typing import Protocol


class Tracker(Protocol):
    """Takes figures as training goes on."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep the figures of one optimizer step; names such as `loss` and `ndcg@10`."""
        ...


class NoTracker:
    """Keeps nothing."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Forget."""
