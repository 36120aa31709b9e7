"""Tracking: where trainings and models are written down for people to compare.

Nothing in service reads it, and nothing waits for it: workers and service know models by the index
in Redis. A trainer whose tracking is away says so and goes on (`Lenient`).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Literal, Protocol

import structlog

from portrait.errors import PortraitError
from portrait.lifecycle.registry import Card
from portrait.tracker import Curves, NoTracker

Alias = Literal["champion", "challenger"]

log = structlog.get_logger()


class TrackingUnavailableError(PortraitError):
    """What keeps the runs did not answer: go on without it."""


class Tracking(Protocol):
    """Runs and registered models. Its calls block; make them from a thread."""

    def run(
        self, job: str, settings: Mapping[str, str | int | float]
    ) -> AbstractContextManager[Curves]:
        """Record a training. A job that was recorded before, by a killed trainer, goes on."""
        ...

    def register(self, card: Card, job: str | None = None) -> None:
        """Enter a model with its verdict and figures; one that is there gets the new ones."""
        ...

    def call(self, version: str, alias: Alias | None) -> None:
        """Give a registered model an alias, taken from whoever had it; None takes all from it."""
        ...

    def called(self, alias: Alias) -> str | None:
        """Return the version of the model with this alias."""
        ...


class Lenient:
    """A `Tracking` that never fails: what cannot be recorded is said in the log, and forgotten."""

    def __init__(self, tracking: Tracking | None) -> None:
        self._tracking = tracking

    @contextmanager
    def run(self, job: str, settings: Mapping[str, str | int | float]) -> Iterator[Curves]:
        """Record a training as far as it can be."""
        with ExitStack() as stack:
            curves: Curves = NoTracker()
            stack.enter_context(_said("run_end"))
            with _said("run"):
                if self._tracking is not None:
                    curves = stack.enter_context(self._tracking.run(job, settings))
            yield LenientCurves(curves)

    def register(self, card: Card, job: str | None = None) -> None:
        """Enter a model, if that is possible."""
        with _said("register"):
            if self._tracking is not None:
                self._tracking.register(card, job)

    def call(self, version: str, alias: Alias | None) -> None:
        """Give an alias, if that is possible."""
        with _said("call"):
            if self._tracking is not None:
                self._tracking.call(version, alias)

    def called(self, alias: Alias) -> str | None:
        """Return who has an alias, if that is known."""
        with _said("called"):
            return None if self._tracking is None else self._tracking.called(alias)
        return None


class LenientCurves:
    """`Curves` that never fail."""

    def __init__(self, curves: Curves) -> None:
        self._curves = curves

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Add the points, if that is possible."""
        with _said("record"):
            self._curves.record(step, figures)


@contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except TrackingUnavailableError as error:
        log.warning("tracking_missed", what=what, reason=str(error))
