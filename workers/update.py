"""Update: fold the event log into profiles.

batch ─▶ decode ─▶ encode new text ─▶ fold ─▶ paint ─▶ store ─▶ tell ─▶ commit

The order is the guarantee. The commit comes last, so a crash replays the batch; every profile
carries the offsets it has reached, so a replay changes nothing; every write is a compare-and-set,
so a worker that lost its partition cannot overwrite its successor.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from portrait import metrics
from portrait.batch import EventBatch, decode, item_of
from portrait.catalogue import texts_of
from portrait.errors import PortraitError, StoreUnavailableError
from portrait.event import Action
from portrait.facts import ACTION_CODE, MONEY, Facts, fold
from portrait.hash_index import MISSING
from portrait.mirror import Mirror
from portrait.notice import notices
from portrait.paint import ACTION_WEIGHTS, paint
from portrait.profile import REVISION, decode_facts, encode_profiles
from portrait.store import PopularityStore, ProfileStore, ProgressStore, Write
from portrait.stream import Batch, EventStream, Publisher
from portrait.texts import TextReader

SEARCH_TTL = timedelta(days=90)  # three half-lives of an interest
SEARCHES_HELD = 100_000  # vectors of searches in memory: 100 MB; Redis has the others
DAY_MS = 24 * 3_600_000
USERS_AT_ONCE = 1_000  # of a batch; a quarter of a usual one
CONFLICTS = 20  # times a batch yields to newer profiles before something must be wrong
BACKOFF = (0.1, 5.0)  # seconds: first and longest pause while Redis is away

log = structlog.get_logger()


class ConflictError(PortraitError):
    """Another writer keeps overtaking this one: is a consumer group with the same topics about?"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a batch and an outage."""

    future_tolerance: timedelta
    batch_tokens: int
    outage: timedelta


@dataclass(frozen=True, slots=True)
class Updater:
    """Everything that an update touches. Lives as long as the process."""

    profiles: ProfileStore
    popularity: PopularityStore
    progress: ProgressStore
    publisher: Publisher
    mirror: Mirror
    texts: TextReader
    limits: Limits


async def update(stream: EventStream, updater: Updater) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart."""
    async for batch in stream.batches():
        await _through_outages(stream, batch, updater)
        with _timed("commit"):
            await stream.commit(batch)
        updater.mirror.bound_searches(SEARCHES_HELD)


async def _through_outages(stream: EventStream, batch: Batch, updater: Updater) -> None:
    """Process a batch, again from its start as often as Redis fails, for as long as is allowed."""
    gives_up = time.monotonic() + updater.limits.outage.total_seconds()
    pause, longest = BACKOFF
    while True:
        try:
            await process(batch, updater)
        except StoreUnavailableError:
            if time.monotonic() > gives_up:
                raise
            log.warning("store_unavailable", retry_seconds=pause)
            await stream.pause(pause)
            pause = min(2 * pause, longest)
        else:
            return


async def process(batch: Batch, updater: Updater) -> None:
    """Fold one batch into the profiles that it touches."""
    started = time.perf_counter()
    tolerance = updater.limits.future_tolerance // timedelta(milliseconds=1)
    dead = users = folded = 0
    for part in decode(
        batch.records, future_tolerance_ms=tolerance, most_tokens=updater.limits.batch_tokens
    ):
        folded += await _process_part(part, updater)
        dead, users = dead + len(part.dead), users + len(part.users)
    await updater.progress.mark(batch.reached)
    if batch.records:
        metrics.freshness_seconds.observe(time.time() - batch.records[0].timestamp / 1_000)
        log.info(
            "batch_stored",
            records=len(batch.records),
            folded=folded,
            dead=dead,
            users=users,
            seconds=round(time.perf_counter() - started, 4),
        )


async def _process_part(batch: EventBatch, updater: Updater) -> int:
    """Take one part of a batch through every step. Returns how many events were new."""
    with _timed("encode"):
        await _encode_new(batch, updater)
    accepted = np.zeros(len(batch), np.bool_)
    if len(batch):
        accepted = await _fold_and_store(batch, updater)
    with _timed("tell"):
        await updater.publisher.publish(batch.dead)
        await _add_popularity(batch, accepted, updater)
    _count(batch, accepted)
    return int(accepted.sum())


async def _encode_new(batch: EventBatch, updater: Updater) -> None:
    """Find or make the vectors of searches, and of items that the catalogue does not know."""
    mirror = updater.mirror
    if batch.searches:
        absent = mirror.catalogue.vectors.missing([*batch.searches])
        await updater.texts.read([batch.searches[ref] for ref in absent], ttl=SEARCH_TTL)
        await mirror.fetch_texts(absent)
    refs = np.array([*batch.items], np.uint64)
    unknown = refs[mirror.catalogue.find(refs) == MISSING].tolist()
    if unknown:
        items = [item_of(batch.items[ref]) for ref in unknown]
        await updater.texts.read(text for item in items for text in texts_of(item))
        await mirror.introduce(items)


async def _fold_and_store(batch: EventBatch, updater: Updater) -> NDArray[np.bool_]:
    """Fold, paint and store, some users at a time: while Redis serves some, others are computed.

    Returns (E,), true where the event was new.
    """
    accepted = np.zeros(len(batch), np.bool_)
    slices = batch.columns["user"] // USERS_AT_ONCE
    order = np.argsort(slices, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(slices[order])) + 1)
    try:
        async with asyncio.TaskGroup() as tasks:
            settled = [tasks.create_task(_settle(batch, each, updater)) for each in members]
    except* StoreUnavailableError as group:
        raise StoreUnavailableError from group
    for each, task in zip(members, settled, strict=True):
        accepted[each] = task.result()
    return accepted


async def _settle(
    batch: EventBatch, members: NDArray[np.int64], updater: Updater
) -> NDArray[np.bool_]:
    """Take some users' events in; again for those whose profile has moved on meanwhile.

    Args:
        batch: Where the events are.
        members: (M,), places of all events of these users, in log order.
        updater: What they touch.

    Returns:
        (M,), true where the event was new.
    """
    columns = batch.columns[members]
    pending = np.unique(columns["user"])
    accepted = np.zeros(len(columns), np.bool_)
    for _ in range(CONFLICTS):
        mine = np.isin(columns["user"], pending)
        users = [batch.users[place] for place in pending.tolist()]
        theirs = columns[mine]
        theirs["user"] = np.searchsorted(pending, theirs["user"])
        accepted[mine], refused = await _attempt(users, theirs, updater)
        pending = pending[refused]
        if not len(pending):
            return accepted
        metrics.profiles_refused.inc(len(pending))
    raise ConflictError


async def _attempt(
    users: list[str], columns: NDArray[np.void], updater: Updater
) -> tuple[NDArray[np.bool_], list[int]]:
    """Fold events into the profiles as they are now. Returns what was new, and who was refused."""
    with _timed("load"):
        records = await updater.profiles.load(users)
        facts = decode_facts(records)
    with _timed("fold"):
        before = facts.head["revision"].copy()
        accepted = fold(facts, columns)
        moved = np.flatnonzero(facts.head["revision"] != before)
    if not len(moved):
        return accepted, []
    facts = Facts(facts.head[moved], facts.ring[moved])
    with _timed("paint"):
        await updater.mirror.fetch_texts(_searches(facts))
        portraits = paint(facts.ring, updater.mirror.catalogue)
    with _timed("store"):
        writes = [
            Write(users[place], (records[place] or b"")[REVISION], record)
            for place, record in zip(moved.tolist(), encode_profiles(facts, portraits), strict=True)
        ]
        refused = await updater.profiles.save(writes)
    metrics.profiles_stored.inc(len(writes) - len(refused))
    with _timed("tell"):
        stored = np.setdiff1d(np.arange(len(moved)), refused)
        names = [users[place] for place in moved[stored].tolist()]
        await updater.publisher.publish(
            notices(names, facts.head[stored], updater.mirror.catalogue.space_id)
        )
    return accepted, moved[refused].tolist()


def _searches(facts: Facts) -> list[int]:
    """Return the text refs of all searches that these facts remember."""
    search = (facts.ring["action"] == ACTION_CODE[Action.SEARCH]) & (facts.ring["at"] > 0)
    refs: list[int] = np.unique(facts.ring["ref"][search]).tolist()
    return refs


async def _add_popularity(batch: EventBatch, accepted: NDArray[np.bool_], updater: Updater) -> None:
    """Count the new events for their items: at most once, a crash here loses this batch's share."""
    for day, weights in _popularity(batch, accepted).items():
        await updater.popularity.add(day, weights)


def _popularity(batch: EventBatch, accepted: NDArray[np.bool_]) -> Mapping[int, Mapping[str, int]]:
    """Sum action weights in thousandths by day and item; what takes back does not make popular."""
    event = batch.columns["event"][accepted]
    weight = np.array([max(0, int(ACTION_WEIGHTS[action] * MONEY)) for action in Action])
    about_items = event["action"] != ACTION_CODE[Action.SEARCH]
    event = event[about_items & (weight[event["action"]] > 0)]
    days = event["at"] // DAY_MS
    by_day: dict[int, dict[str, int]] = {}
    for day in np.unique(days).tolist():
        of_day = event[days == day]
        refs, place = np.unique(of_day["ref"], return_inverse=True)
        sums = np.bincount(place, weight[of_day["action"]]).astype(np.int64)
        ids = [str(batch.items[ref].item_id) for ref in refs.tolist()]
        by_day[day] = dict(zip(ids, sums.tolist(), strict=True))
    return by_day


def _count(batch: EventBatch, accepted: NDArray[np.bool_]) -> None:
    """Export what the batch did."""
    actions = np.bincount(batch.columns["event"]["action"][accepted], minlength=len(Action))
    for action, events in zip(Action, actions.tolist(), strict=True):
        if events:
            metrics.events_folded.labels(action).inc(events)
    metrics.events_repeated.inc(int((~accepted).sum()))
    metrics.batch_events.observe(len(batch))
    for letter in batch.dead:
        metrics.dead_letters.labels(letter.headers[0][1].decode()).inc()


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    """Add the time of a stage to its histogram."""
    with metrics.stage_seconds.labels(stage).time():
        yield
