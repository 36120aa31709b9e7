"""What came of lists, and experiments, in memory."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy

from portrait.errors import OvertakenError
from portrait.experiments.attribution import waited_for
from portrait.experiments.definition import Experiment
from portrait.experiments.joining import Journey, Person
from portrait.experiments.store import Counts, DayFigure, Opened
from portrait.experiments.tally import Figure, Tally, TrialFigure


class MemoryLists:
    """A `ListStore`, a `ShownStore` and an `ExperimentStore` in dicts. Nothing of it expires."""

    def __init__(self) -> None:
        self.journeys: dict[int, Journey] = {}
        self.people: dict[int, Person] = {}
        self.added: Counter[tuple[int, Figure]] = Counter()
        self.trials: Counter[TrialFigure] = Counter()
        self._experiments: dict[str, Experiment] = {}
        self._erased: dict[int, int] = {}
        self._revision = 0

    async def load(self, recommendations: Collection[int], people: Collection[int]) -> Opened:
        """Return copies."""
        journeys = {ref: deepcopy(self.journeys.get(ref, Journey())) for ref in recommendations}
        listed = {each.listed.person for each in journeys.values() if each.listed}
        wanted = {*people, *listed, *waited_for(journeys)} - {0}
        known = {ref: deepcopy(self.people.get(ref, Person())) for ref in wanted}
        return Opened(self._revision, journeys, known, {**self._erased})

    async def save(self, opened: Opened, tally: Tally) -> None:
        """Keep them."""
        self._next(opened.revision)
        self.journeys |= {r: j for r, j in opened.journeys.items() if j != Journey()}
        self.people |= {ref: person for ref, person in opened.people.items() if person != Person()}
        self.added += tally.figures
        self.trials += tally.trials

    async def forget(self, person: int, until: int) -> None:
        """Forget a person."""
        self._next(self._revision)
        for ref in self.people.pop(person, Person()).lists:
            self.journeys.pop(ref, None)
        self._erased[person] = until

    async def shown(self, person: int) -> Mapping[int, int]:
        """Return what a person was shown."""
        return self.people.get(person, Person()).shown

    async def all(self) -> Sequence[Experiment]:
        """Return every experiment."""
        return [self._experiments[id] for id in sorted(self._experiments)]

    async def change(
        self, id: str, change: Callable[[Sequence[Experiment]], Experiment]
    ) -> Experiment:
        """Change one."""
        self._experiments[id] = change(await self.all())
        return self._experiments[id]

    async def counts(self, experiment: Experiment) -> Counts:
        """Return the figures of a revision."""
        found: dict[str, dict[str, float]] = {}
        for (key, variant, metric), amount in self.trials.items():
            if key == experiment.key:
                found.setdefault(variant, {})[metric] = float(amount)
        return found

    async def figures(self, days: Sequence[int]) -> Sequence[DayFigure]:
        """Return the figures of days."""
        return [DayFigure(d, figure, n) for (d, figure), n in self.added.items() if d in days]

    def _next(self, revision: int) -> None:
        if revision != self._revision:
            raise OvertakenError
        self._revision += 1
