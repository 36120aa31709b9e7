"""Tell: what a stored batch means for popularity, for freshness and for whoever watches."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from heapq import nlargest

import numpy as np
import structlog
from numpy.typing import NDArray

from portrait import metrics
from portrait.arrays import MISSING, Flags, Records, Refs
from portrait.audiences.behaviour import met_in
from portrait.audiences.cohorts import came_in
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.declared_groups import MOST_AT_ONCE, WEEK_DAYS
from portrait.catalogue.popularity import WantedAmong
from portrait.errors import StoreUnavailableError
from portrait.events.event import Action, Event
from portrait.events.letter import records_of, topic_of
from portrait.events.stream import Batch
from portrait.model.influence import WANTED
from workers.update.updater import Outcome, Updater

log = structlog.get_logger()


async def tell_store(batch: Batch, outcome: Outcome, updater: Updater) -> None:
    """Add to popularity and to who was there, and mark progress.

    At most once: they are not worth waiting for Redis.
    """
    try:
        for day, (regulars, strangers) in _popularity(outcome).items():
            await updater.popularity.add(day, regulars, strangers)
        await updater.behaviour.meet(met_in(outcome.deeds))
        await updater.cohorts.come(came_in(outcome.deeds))
        catalogue = outcome.painter.mirror.catalogue
        placed = [(each, _categories(each.columns["event"], catalogue)) for each in outcome.deeds]
        await updater.paths.walk(updater.visits.walk(placed))
        await updater.progress.mark(batch.reached)
        await updater.popularity.add_among(_popularity_among(outcome))
    except StoreUnavailableError:
        log.warning("popularity_not_added", events=sum(map(len, outcome.new)))


def _categories(event: Records, catalogue: Catalogue) -> Refs:
    """Return the category of each event's item, (E,), as deep as an interest names it; 0: none."""
    items, interests = catalogue.locate(event)[0], catalogue.interests
    codes = catalogue.interest_of(items, np.full_like(items, MISSING))
    refs: Refs = interests.refs[interests.ranks[codes]]
    return refs


def _popularity(outcome: Outcome) -> Mapping[int, tuple[Mapping[str, int], Mapping[str, int]]]:
    """Sum what was wanted by day and item id, of regulars and of strangers, in thousandths."""
    voices = np.concatenate([np.zeros(0, WANTED), *outcome.wanted])
    voices, items = voices[_heard(voices, outcome)], _items(outcome)
    return {
        day: (
            _sums(voices[(voices["day"] == day) & voices["regular"]], items),
            _sums(voices[(voices["day"] == day) & ~voices["regular"]], items),
        )
        for day in np.unique(voices["day"]).tolist()
    }


def _popularity_among(outcome: Outcome) -> Mapping[tuple[str, int], WantedAmong]:
    """Sum likewise, by group and week, what people want of whom the same is declared.

    Of too many groups those count that most is wanted in: it may be ids that a shop declares.
    """
    items = _items(outcome) if outcome.among else {}
    parts: defaultdict[tuple[str, int], list[tuple[NDArray[np.void], list[str]]]]
    parts = defaultdict(list)
    for group, wanted, people in outcome.among:
        heard, weeks = _heard(wanted, outcome), wanted["day"] // WEEK_DAYS
        for week in np.unique(weeks[heard]).tolist():
            places = np.flatnonzero(heard & (weeks == week))
            who = [people[place] for place in places.tolist()]
            parts[group, week].append((wanted[places], who))
    most = nlargest(
        MOST_AT_ONCE, parts.items(), key=lambda part: sum(len(who) for _, who in part[1])
    )
    return {at: _wanted(some, items) for at, some in most}


def _wanted(
    some: Sequence[tuple[NDArray[np.void], list[str]]], items: Mapping[int, Event]
) -> WantedAmong:
    """Sum what some people want, (E,) of WANTED each with E names."""
    voices = np.concatenate([voices for voices, _ in some])
    regular = voices["regular"]
    sums = _sums(voices[regular], items), _sums(voices[~regular], items)
    return WantedAmong(*sums, frozenset(name for _, who in some for name in who))


def _heard(voices: NDArray[np.void], outcome: Outcome) -> Flags:
    """Say which voices, (E,) of WANTED, count: of what is offered."""
    heard: Flags = (voices["weight"] > 0) & outcome.painter.mirror.catalogue.counts(voices["ref"])
    return heard


def _items(outcome: Outcome) -> Mapping[int, Event]:
    """Return events by the items that they are about, by item_ref."""
    items: dict[int, Event] = {}
    for part in outcome.parts:
        items |= part.items
    return items


def _sums(voices: NDArray[np.void], items: Mapping[int, Event]) -> dict[str, int]:
    """Add up weights by item id."""
    refs, place = np.unique(voices["ref"], return_inverse=True)
    sums = np.bincount(place, voices["weight"], len(refs)).astype(np.int64)
    return {
        str(items[ref].item_id): total
        for ref, total in zip(refs.tolist(), sums.tolist(), strict=True)
    }


def count(batch: Batch, new: NDArray[np.void], outcome: Outcome) -> None:
    """Export what the batch did."""
    actions = np.bincount(new["action"], minlength=len(Action))
    for action, events in zip(Action, actions.tolist(), strict=True):
        if events:
            metrics.events_folded.labels(action).inc(events)
    metrics.batch_events.observe(len(batch.records))
    metrics.profiles_stored.inc(outcome.users)
    if outcome.logged is not None:
        metrics.freshness_seconds.observe(time.time() - outcome.logged / 1_000)
    for part in outcome.parts:
        for name, times in part.passed_over.items():
            metrics.messages_passed_over.labels(name).inc(times)
        for field_name, times in part.left_out.items():
            metrics.fields_left_out.labels(field_name).inc(times)
    for letter in outcome.dead:
        metrics.dead_letters.labels(topic_of(letter)).inc(records_of(letter))
