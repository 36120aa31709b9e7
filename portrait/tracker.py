"""Ports: where the curves of a training go, and how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Curves(Protocol):
    """Takes figures as training goes on."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep the figures of one optimizer step; names such as `loss` and `ndcg@10`."""
        ...


class Tracker(Curves, Protocol):
    """Takes how far it is as well."""

    def reach(self, share: float) -> None:
        """Say what share of the present stage is done, from 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Later:
    """Goes on where another training ended."""

    tracker: Tracker
    steps: int  # of that training

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep the figures of a later step."""
        self.tracker.record(self.steps + step, figures)

    def reach(self, share: float) -> None:
        """Say how far this training is: it is a stage of its own."""
        self.tracker.reach(share)


class NoTracker:
    """Keeps nothing."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Forget."""

    def reach(self, share: float) -> None:
        """Forget."""
