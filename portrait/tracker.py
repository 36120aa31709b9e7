"""Port: where the curves of a training go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Tracker(Protocol):
    """Takes figures as training goes on."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep the figures of one optimizer step; names such as `loss` and `ndcg@10`."""
        ...


@dataclass(frozen=True, slots=True)
class Later:
    """Goes on where another training ended."""

    tracker: Tracker
    steps: int  # of that training

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep the figures of a later step."""
        self.tracker.record(self.steps + step, figures)


class NoTracker:
    """Keeps nothing."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Forget."""
