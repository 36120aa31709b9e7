"""Lists and deeds as tests say them."""

import time
from typing import Any

from portrait.events.impression import Answer, Slot
from portrait.experiments.attribution import Attribution
from portrait.experiments.definition import Definition, Experiment
from portrait.experiments.joining import Deed, Done, Journey, Person
from portrait.experiments.tally import Figure
from portrait.ref import event_ref, item_ref, recommendation_ref, user_ref
from portrait.times import to_moment

NOW = round(time.time() * 1_000)
ITEMS = ("tea", "soap", "milk")
LIST = recommendation_ref("r1")
ANN = user_ref("ann")


def answer(name: str = "r1", user: str | None = "ann", **changes: Any) -> Answer:  # noqa: ANN401 - as pydantic
    slots = tuple(Slot(item_id=item, source="profile") for item in ITEMS)
    fields: dict[str, Any] = {
        "recommendation_id": name,
        "occurred_at": to_moment(NOW),
        "user_key": user,
        "surface": "home",
        "model_version": "m1",
        "is_seen": True,
        "items": slots,
    }
    return Answer(**{**fields, **changes})


def done(  # noqa: PLR0913 - a deed
    deed: Deed,
    item: str = "tea",
    *,
    event: str = "e1",
    after: int = 1_000,
    worth: int = 0,
    named: str | None = None,
    user: str = "ann",
) -> Done:
    named_ref = 0 if named is None else recommendation_ref(named)
    who, what = user_ref(user), item_ref(item)
    return Done(event_ref(event), who, what, deed, NOW + after, worth, named_ref)


class Joined:
    """One part after another, in memory, with all that they add."""

    def __init__(self) -> None:
        self._journeys: dict[int, Journey] = {}
        self.people: dict[int, Person] = {}
        self.figures: dict[tuple[str, str, str], int] = {}
        self.trials: dict[tuple[str, str, str], int] = {}  # by `TrialFigure`

    def take(self, *said: Answer | Done) -> None:
        joined = Attribution(_Fresh(self._journeys, Journey), _Fresh(self.people, Person))
        for each in said:
            if isinstance(each, Answer):
                joined.answered(recommendation_ref(each.recommendation_id), each)
            else:
                joined.did(each)
        self._journeys, self.people = joined.journeys, joined.people
        for (_, figure), amount in joined.tally.figures.items():
            self._add(figure, amount)
        for trial, amount in joined.tally.trials.items():
            self.trials[trial] = self.trials.get(trial, 0) + amount

    def _add(self, figure: Figure, amount: int) -> None:
        name = figure.by, figure.value, figure.metric
        self.figures[name] = self.figures.get(name, 0) + amount

    def all(self, metric: str) -> int:
        return self.figures.get(("all", "", metric), 0)


class _Fresh(dict[int, Any]):
    def __init__(self, known: dict[int, Any], kind: type) -> None:
        super().__init__(known)
        self._kind = kind

    def __missing__(self, ref: int) -> Any:  # noqa: ANN401 - of the kind
        self[ref] = self._kind()
        return self[ref]


def experiment(id: str = "tone", **changes: Any) -> Experiment:  # noqa: ANN401 - as pydantic
    fields: dict[str, Any] = {
        "variants": {"control": {}, "diverse": {"diversity": 0.9}},
        "author": "Mei",
    }
    definition = Definition.model_validate({**fields, **changes})
    return Experiment(id=id, revision=1, definition=definition, changed_at=to_moment(NOW))
