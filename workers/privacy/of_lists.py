"""What is kept of the lists that somebody got, as an export says it. Of items there are hashes."""

from collections.abc import Sequence

from portrait.experiments.given import MARK, Given, GivenStore, person_name
from portrait.experiments.joining import Done, Journey, Listed, Person, Touch, Trial
from portrait.experiments.store import ListStore
from portrait.experiments.tally import THOUSANDTH
from portrait.ref import user_ref
from portrait.times import to_moment


async def told_lists(
    keys: Sequence[str], lists: ListStore, given: GivenStore
) -> list[dict[str, object]]:
    """Return what came of the lists that were got under each name; nothing where none were."""
    refs = [user_ref(key) for key in keys]
    people = (await lists.load((), refs)).people
    got = {list for person in people.values() for list in person.lists}
    journeys = (await lists.load(got, ())).journeys
    lately = {ref: await given.given(person_name(ref)) for ref in refs}
    return [
        {**_person(key, people[ref], journeys), "given": _given(lately[ref])}
        for key, ref in zip(keys, refs, strict=True)
        if people[ref] != Person() or len(lately[ref].rows)
    ]


def _given(given: Given) -> list[dict[str, object]]:
    rows = given.rows[given.rows["item"] != MARK]
    pairs = zip(rows["item"].tolist(), rows["at"].tolist(), strict=True)
    return [{"about": f"{item:016x}", "at": to_moment(at)} for item, at in pairs]


def _person(key: str, person: Person, journeys: dict[int, Journey]) -> dict[str, object]:
    got = {ref: journey for ref in person.lists if (journey := journeys[ref]).listed is not None}
    return {
        "key": key,
        "experiments": {experiment: _trial(each) for experiment, each in person.trials.items()},
        "lists": [_list(ref, journey) for ref, journey in got.items()],
        "touched": [_touch(item, touch) for item, touch in person.touches.items()],
        "taken": [_taken(done) for done, _ in person.kept],
        "shown": [
            {"about": f"{item:016x}", "at": to_moment(at)} for item, at in person.shown.items()
        ],
    }


def _trial(trial: Trial) -> dict[str, object]:
    return {
        "variant": trial.variant,
        "since": to_moment(trial.since),
        "clicks": trial.clicks,
        "carts": trial.carts,
        "purchases": trial.purchases,
        "revenue": trial.revenue / THOUSANDTH,
        "spending": trial.spending / THOUSANDTH,
    }


def _list(ref: int, journey: Journey) -> dict[str, object]:
    """Describe a list that is still remembered; a day after it was given it is not."""
    listed = journey.listed
    assert isinstance(listed, Listed)  # noqa: S101 - whoever asks has looked
    return {
        "list": f"{ref:016x}",
        "at": to_moment(listed.at),
        "surface": listed.surface,
        "model_version": listed.model,
        "experiments": listed.experiments,
        "items": [
            {
                "about": f"{item:016x}",
                "source": source,
                "seen": bool(journey.seen >> place & 1),
                "touched": bool(journey.touched >> place & 1),
            }
            for place, (item, source) in enumerate(zip(listed.items, listed.sources, strict=True))
        ],
    }


def _touch(item: int, touch: Touch) -> dict[str, object]:
    origin = touch.origin
    return {
        "about": f"{item:016x}",
        "at": to_moment(touch.at),
        "surface": origin.surface,
        "position": origin.position,
    }


def _taken(done: Done) -> dict[str, object]:
    return {
        "about": f"{done.item:016x}",
        "at": to_moment(done.at),
        "deed": done.deed,
        "worth": done.worth / THOUSANDTH,
    }
