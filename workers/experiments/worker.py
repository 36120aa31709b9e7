"""Experiments: join what people do with the lists that they were given, and count.

batch ─▶ read ─▶ forget ─▶ consent ─▶ join ─▶ store, what is counted with it (`following.py`)

What is remembered of lists and people is stored in one step with what it adds to the figures, so a
crash repeats a batch and counts nothing twice.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from portrait import metrics
from portrait.catalogue.store import CatalogueStore
from portrait.events.consent import GRANTED, Consent
from portrait.events.impression import Answer, Sighting
from portrait.events.item import Item
from portrait.events.stream import EventStream
from portrait.events.topics import IMPRESSIONS
from portrait.experiments.attribution import Attribution
from portrait.experiments.joining import Done
from portrait.experiments.store import ListStore
from portrait.experiments.tally import Tally
from portrait.profiles.store import ProfileStore
from portrait.ref import recommendation_ref, user_ref
from workers.counted import left_out
from workers.experiments.reading import Heeded, Said, read_batch, worth_of
from workers.following import Following, follow

AT_ONCE = 500  # that are joined and stored in one step

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Experiments:
    """The worker's parts."""

    store: ListStore
    profiles: ProfileStore
    catalogue: CatalogueStore
    following: Following
    unsaid: Consent = GRANTED  # what counts of who has said nothing of what may be done


async def count_lists(stream: EventStream, experiments: Experiments) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart."""
    process = partial(_process, experiments=experiments)
    await follow(stream, experiments.following, IMPRESSIONS, read_batch, process)


async def _process(said: Said, experiments: Experiments) -> None:
    started = time.monotonic()
    for person, erased in said.erased.items():
        await experiments.store.forget(person, erased.end)
    heeded = await _priced(await _allowed(said.all, experiments), experiments.catalogue)
    for at in range(0, len(heeded), AT_ONCE):
        await _store(heeded[at : at + AT_ONCE], experiments.store)
    if heeded or said.erased:
        log.info(
            "lists_stored",
            answers=len(said.answers),
            deeds=len(said.deeds),
            erasures=len(said.erased),
            dead=len(said.dead),
            seconds=round(time.monotonic() - started, 4),
        )


async def _allowed(heeded: Sequence[Heeded], experiments: Experiments) -> list[Heeded]:
    """Leave out what people do not let be counted."""
    users = [each.user for each in heeded]
    silent = await left_out(users, experiments.profiles, experiments.unsaid)
    return [each for each in heeded if each.user not in silent]


async def _priced(heeded: Sequence[Heeded], catalogue: CatalogueStore) -> list[Heeded]:
    """Let purchases without a price count at the catalogue's, as profiles do."""
    ids = sorted({each.unpriced.item_id for each in heeded if each.unpriced is not None})
    items = dict(zip(ids, await catalogue.get_items(ids), strict=True)) if ids else {}
    return [_at_price(each, items) for each in heeded]


def _at_price(heeded: Heeded, items: Mapping[str, Item | None]) -> Heeded:
    said, _, _, unpriced = heeded
    item = None if unpriced is None else items[unpriced.item_id]
    if unpriced is None or item is None or not isinstance(said, Done):
        return heeded
    return heeded._replace(said=said._replace(worth=worth_of(item.price, unpriced.quantity)))


async def _store(heeded: Sequence[Heeded], store: ListStore) -> None:
    """Join and store one part."""
    opened = await store.load(_recommendations(heeded), _people(heeded))
    joined = Attribution(opened.journeys, opened.people)
    for said, user, received, _ in heeded:
        if user is not None and received <= opened.erased.get(user_ref(user), 0):
            continue  # it is forgotten
        if isinstance(said, Answer):
            joined.answered(recommendation_ref(said.recommendation_id), said)
        elif isinstance(said, Sighting):
            joined.sighted(recommendation_ref(said.recommendation_id), said)
        else:
            joined.did(said)
    await store.save(opened, joined.tally)
    _measure(joined.tally)


def _recommendations(heeded: Sequence[Heeded]) -> Collection[int]:
    found = {
        each.said.recommendation
        if isinstance(each.said, Done)
        else recommendation_ref(each.said.recommendation_id)
        for each in heeded
    }
    return found - {0}


def _people(heeded: Sequence[Heeded]) -> Collection[int]:
    return {user_ref(each.user) for each in heeded if each.user is not None}


def _measure(tally: Tally) -> None:
    for (_, figure), amount in tally.figures.items():
        if figure.by == "all":
            metrics.lists_brought.labels(figure.surface, figure.metric).inc(amount)
