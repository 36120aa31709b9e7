"""Tracking in memory, and what was tracked there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from portrait.lifecycle.registry import Card
from portrait.lifecycle.tracking import Alias, TrackingUnavailableError
from portrait.tracker import Curves


@dataclass
class Training:
    """What was recorded of one."""

    settings: Mapping[str, str]
    status: str = "RUNNING"  # then FINISHED or FAILED
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a point to each curve: these are its `Curves`."""
        for name, value in figures.items():
            self.curves.setdefault(name, []).append((step, value))


@dataclass(frozen=True)
class Entered:
    """What was said of a model."""

    job: str | None
    space_id: str
    promote: bool | None  # None: nobody judged it
    reason: str | None


class MemoryTracking:
    """A `Tracking` in dicts."""

    def __init__(self) -> None:
        self._trainings: dict[str, Training] = {}
        self._models: dict[str, Entered] = {}
        self._aliases: dict[Alias, str] = {}

    @contextmanager
    def run(self, job: str, settings: Mapping[str, str | int | float]) -> Iterator[Curves]:
        """Record a training: it finishes, or fails if the work raises."""
        said = {name: str(value) for name, value in settings.items()}
        training = self._trainings.setdefault(job, Training(said))
        training.status = "RUNNING"
        try:
            yield training
        except BaseException:
            training.status = "FAILED"
            raise
        training.status = "FINISHED"

    def register(self, card: Card, job: str | None = None) -> None:
        """Enter a model; its figures are points of its training."""
        verdict = card.verdict
        known = self._models.get(card.version)
        training = self._trainings.get(job or "")
        self._models[card.version] = Entered(
            known.job if known else job if training else None,
            card.space_id,
            verdict.promote if verdict else None,
            verdict.reason if verdict else None,
        )
        for check in verdict.checks if verdict and training else ():
            for who, value in (("champion", check.champion), ("challenger", check.challenger)):
                if training and value is not None:
                    training.record(0, {f"{who}/{check.name}": value})

    def call(self, version: str, alias: Alias | None) -> None:
        """Move an alias, or take them all away."""
        if version not in self._models:
            raise TrackingUnavailableError
        if alias is None:
            self._aliases = {name: of for name, of in self._aliases.items() if of != version}
        else:
            self._aliases[alias] = version

    def called(self, alias: Alias) -> str | None:
        """Return who has the alias."""
        return self._aliases.get(alias)

    def trainings(self, job: str) -> list[Training]:
        """Return the one, if there is one."""
        return [self._trainings[job]] if job in self._trainings else []

    def models(self, version: str) -> list[Entered]:
        """Return the one, if there is one."""
        return [self._models[version]] if version in self._models else []
