"""Attribution: what a part of the log says of lists, joined with what is remembered, and counted.

answer ─▶ seen? ─▶ lists, items; who it was for is in its experiments from now on
deed ─▶ its list, or the newest list that its buyer touched the item in ─▶ clicks … revenue
   └─ the list is not known yet: it waits there
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field

from portrait.events.impression import Answer, Sighting
from portrait.experiments.joining import (
    BOUGHT_WITHIN,
    CLOCKS,
    MOST_KEPT,
    MOST_LISTS,
    MOST_SHOWN,
    MOST_TOUCHES,
    MOST_TRIALS,
    MOST_WAITING,
    MOST_WORTH,
    ONCE,
    SHOWN_WITHIN,
    TOUCHED_WITHIN,
    Deed,
    Done,
    Journey,
    Kept,
    Listed,
    Origin,
    Person,
    Touch,
    Trial,
)
from portrait.experiments.tally import Tally
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS, to_ms

INTERLEAVED = "interleaved"  # variant of whoever gets lists of both rankings

_METRIC = {Deed.CLICK: "clicks", Deed.CART: "carts", Deed.PURCHASE: "purchases"}


@dataclass(slots=True)
class Attribution:
    """Joins one part after what was loaded for it; what it changes is stored with its tally."""

    journeys: dict[int, Journey]  # by recommendation
    people: dict[int, Person]
    tally: Tally = field(default_factory=Tally)

    def answered(self, recommendation: int, answer: Answer) -> None:
        """Take a list in, and what has waited for it."""
        journey = self.journeys[recommendation]
        if journey.listed is not None:
            return  # a repeat
        journey.listed = listed = _listed(answer)
        if listed.person:
            lists = self.people[listed.person].lists
            lists.append(recommendation)
            del lists[:-MOST_LISTS]
            self._show(listed)
        if answer.is_seen:
            self._see(journey, listed, None)
        for items in journey.sightings:
            self._see(journey, listed, items)
        waiting, journey.waiting, journey.sightings = journey.waiting, [], []
        for done in waiting:
            self._follow(done, journey, listed)

    def sighted(self, recommendation: int, sighting: Sighting) -> None:
        """Count what of a list was seen, or let it wait for the list."""
        journey = self.journeys[recommendation]
        items = None if sighting.item_ids is None else [*map(item_ref, sighting.item_ids)]
        if journey.listed is not None:
            self._see(journey, journey.listed, items)
        elif len(journey.sightings) < MOST_WAITING:
            journey.sightings.append(items)

    def did(self, done: Done) -> None:
        """Credit a deed to the list that it names, else to the one that led there."""
        person = self.people[done.person]
        if done.deed is not Deed.CLICK:
            if any(done.event == kept.done.event for kept in person.kept):
                return  # a repeat
            person.kept.append(Kept(done, is_credited=False))
            del person.kept[:-MOST_KEPT]
            for experiment, trial in person.trials.items():
                self._spend(experiment, trial, done)
        if done.recommendation:
            self._named(done)
        elif done.item in person.touches:
            self._led(person, done.item)

    def _led(self, person: Person, item: int) -> None:
        """Credit what somebody has done with an item after they touched it in a list."""
        touch = person.touches[item]
        for place, (done, is_credited) in enumerate(person.kept):
            is_after = 0 <= done.at - touch.at <= BOUGHT_WITHIN
            if done.item == item and is_after and not is_credited and not done.recommendation:
                person.kept[place] = Kept(done, is_credited=True)
                self._credit(done, touch.origin)

    def _named(self, done: Done) -> None:
        journey = self.journeys[done.recommendation]
        if journey.listed is not None:
            self._follow(done, journey, journey.listed)
        elif len(journey.waiting) < MOST_WAITING:
            journey.waiting.append(done)

    def _see(self, journey: Journey, listed: Listed, items: list[int] | None) -> None:
        """Count the places that are seen for the first time."""
        for place, item in enumerate(listed.items):
            bit = 1 << place
            if journey.seen & bit or (items is not None and item not in items):
                continue
            origin = listed.origin_of(item)
            assert origin is not None  # noqa: S101 - it is in it
            if not journey.seen:
                self._enter(listed)
                self.tally.add_list(listed.at // DAY_MS, origin)
            journey.seen |= bit
            self.tally.add(listed.at // DAY_MS, origin, "items")

    def _show(self, listed: Listed) -> None:
        """Remember what a list shows that is to show nothing twice, seen or not."""
        if listed.surface not in ONCE:
            return
        person = self.people[listed.person]
        both = dict.fromkeys(listed.items, listed.at)
        both |= {item: max(at, both.get(item, 0)) for item, at in person.shown.items()}
        since = max(both.values(), default=0) - SHOWN_WITHIN
        newest = sorted(both, key=lambda item: (both[item], item))[-MOST_SHOWN:]
        person.shown = {item: both[item] for item in newest if both[item] >= since}

    def _enter(self, listed: Listed) -> None:
        """Let whoever saw a list be in its experiments from then on."""
        if not listed.person:
            return
        trials = self.people[listed.person].trials
        for experiment, variant in listed.experiments.items():
            if experiment not in trials:
                trials[experiment] = Trial(variant, listed.at)
                self.tally.enter(experiment, variant)
                for kept in self.people[listed.person].kept:
                    self._spend(experiment, trials[experiment], kept.done)
        for oldest in [*trials][:-MOST_TRIALS]:
            del trials[oldest]

    def _follow(self, done: Done, journey: Journey, listed: Listed) -> None:
        """Credit what names a list, if it can have come of it."""
        origin = listed.origin_of(done.item)
        is_in_time = -CLOCKS <= done.at - listed.at <= TOUCHED_WITHIN
        if origin is None or not is_in_time:
            return
        self._touch(done, origin, journey, listed)
        if done.deed is not Deed.CLICK:
            self._credit(done, origin)

    def _touch(self, done: Done, origin: Origin, journey: Journey, listed: Listed) -> None:
        """Remember an item as touched there; the first time in a list it is a click."""
        person = self.people[done.person]
        touches = person.touches
        before = touches.get(done.item)
        if before is None or before.at <= done.at:
            touches.pop(done.item, None)
            touches[done.item] = Touch(origin, done.at)
        for oldest in [*touches][:-MOST_TOUCHES]:
            del touches[oldest]
        if done.item in touches:
            self._led(person, done.item)
        bit = 1 << (origin.position - 1)
        if journey.touched & bit:
            return
        if not journey.touched and listed.teams:
            self._prefer(listed, listed.teams[origin.position - 1])
        journey.touched |= bit
        self._credit(done._replace(deed=Deed.CLICK), origin)

    def _prefer(self, listed: Listed, team: str) -> None:
        for experiment, variant in listed.experiments.items():
            if variant == INTERLEAVED:
                self.tally.prefer(experiment, team)

    def _credit(self, done: Done, origin: Origin) -> None:
        """Count a deed for where its item stood, and for whoever did it."""
        metric = _METRIC[done.deed]
        self.tally.add(done.at // DAY_MS, origin, metric)
        worth = _bounded(done.worth) if done.deed is Deed.PURCHASE else 0
        if worth:
            self.tally.add(done.at // DAY_MS, origin, "revenue", worth)
        trials = self.people[done.person].trials
        for experiment in origin.experiments:
            if experiment in trials:
                trial = trials[experiment]
                before = copy(trial)
                setattr(trial, metric, getattr(trial, metric) + 1)
                trial.revenue = _bounded(trial.revenue + worth)
                self.tally.change(experiment, before, trial)

    def _spend(self, experiment: str, trial: Trial, done: Done) -> None:
        """Count what somebody buys after they first saw an experiment, whatever led there."""
        if done.deed is Deed.PURCHASE and done.at >= trial.since - CLOCKS:
            before = copy(trial)
            trial.spending = _bounded(trial.spending + done.worth)
            self.tally.change(experiment, before, trial)


def _bounded(worth: int) -> int:
    return min(worth, MOST_WORTH)


def _listed(answer: Answer) -> Listed:
    teams = [slot.team or "" for slot in answer.items]
    arms = [slot.arm or "" for slot in answer.items]
    return Listed(
        0 if answer.user_key is None else user_ref(answer.user_key),
        answer.surface,
        answer.model_version,
        answer.experiments,
        to_ms(answer.occurred_at),
        [item_ref(slot.item_id) for slot in answer.items],
        [slot.source for slot in answer.items],
        teams if any(teams) else [],
        arms if any(arms) else [],
    )


def waited_for(journeys: Mapping[int, Journey]) -> set[int]:
    """Return who has done what waits for lists."""
    return {done.person for journey in journeys.values() for done in journey.waiting}
