"""Ports: where experiments, and what came of lists, are kept."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from portrait.errors import PortraitError
from portrait.experiments.definition import Experiment
from portrait.experiments.joining import Journey, Person
from portrait.experiments.tally import Figure, Tally

MOST_EXPERIMENTS = 100  # those that ended first give way
FIGURE_DAYS = 90  # that figures by day are kept

Counts = Mapping[str, Mapping[str, float]]  # by variant and metric


class TooManyExperimentsError(PortraitError):
    """So many experiments are under way: end one first."""


class ExperimentNotFoundError(PortraitError):
    """There is no such experiment."""


@dataclass(slots=True)
class Opened:
    """What a part of a batch needs of the store."""

    revision: int
    journeys: dict[int, Journey]  # by recommendation
    people: dict[int, Person]
    erased: dict[int, int]  # until when (ms), by person


class DayFigure(NamedTuple):
    """What is counted of a day."""

    day: int  # since 1970
    figure: Figure
    amount: int


class ListStore(Protocol):
    """What came of lists. One worker writes; a second one is noticed, not forbidden."""

    async def load(self, recommendations: Collection[int], people: Collection[int]) -> Opened:
        """Return what is kept of recommendations, of people, and of whom these speak."""
        ...

    async def save(self, opened: Opened, tally: Tally) -> None:
        """Store what a part has changed and what it adds, in one step or not at all.

        Raises:
            OvertakenError: Somebody else has stored something since it was loaded.
        """
        ...

    async def forget(self, person: int, until: int) -> None:
        """Forget a person up to a moment (ms), and remember that; what was counted stays.

        Raises:
            OvertakenError: As `save`.
        """
        ...


class ShownStore(Protocol):
    """What lists have shown to people that show nothing twice."""

    async def shown(self, person: int) -> Mapping[int, int]:
        """Return when (ms) a person was shown what, by item: refs, of weeks, and bounded.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...


class ExperimentStore(Protocol):
    """Experiments, and what has been counted."""

    async def all(self) -> Sequence[Experiment]:
        """Return every experiment, by id."""
        ...

    async def change(
        self, id: str, change: Callable[[Sequence[Experiment]], Experiment]
    ) -> Experiment:
        """Keep what is made of all experiments, unless they change meanwhile: then it is again.

        Raises:
            TooManyExperimentsError: There is no room.
        """
        ...

    async def counts(self, experiment: Experiment) -> Counts:
        """Return what an experiment has come to."""
        ...

    async def figures(self, days: Sequence[int]) -> Sequence[DayFigure]:
        """Return what lists brought on some days."""
        ...
