"""Update: fold the event log into profiles.

batch ─▶ decode ─▶ encode new text ─▶ fold ─▶ paint ─▶ store ─▶ tell ─▶ commit ─▶ count hits

The order is the guarantee. The commit comes last, so a crash replays the batch; every profile
carries the offsets it has reached, so a replay changes nothing; every write is a compare-and-set,
so a worker that lost its partition cannot overwrite its successor; and the offsets stored beside
the profiles say where to go on, so a Redis that comes back with an older state is caught up.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from portrait import metrics
from portrait.batch import EventBatch, decode, item_of
from portrait.catalogue import texts_of
from portrait.errors import PortraitError, StoreRestartedError, StoreUnavailableError
from portrait.event import Action, Event
from portrait.explain import search_refs
from portrait.facts import ACTION_CODE, ERASURE, EVENT, MONEY, Facts, fold
from portrait.hash_index import MISSING
from portrait.notice import notices
from portrait.paint import ACTION_WEIGHTS, paint
from portrait.profile import REVISION, decode_facts, encode_profiles
from portrait.resume import Resume
from portrait.store import PopularityStore, ProfileStore, ProgressStore, Write
from portrait.stream import Batch, EventStream, Message, Publisher
from workers.painter import Painter, Studio
from workers.prequential import Noted, Prequential, note

SEARCH_TTL = timedelta(days=90)  # three half-lives of an interest
SEARCHES_HELD = 100_000  # vectors of searches in memory: 100 MB; Redis has the others
DAY_MS = 24 * 3_600_000
USERS_AT_ONCE = 1_000  # of a batch; a quarter of a usual one
CONFLICTS = 20  # times a batch yields to newer profiles before something must be wrong
RENEW_SECONDS = 0.5  # between two looks whether a model serves in a store that lives anew
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
    resume: Resume
    publisher: Publisher
    studio: Studio
    prequential: Prequential
    limits: Limits


@dataclass(slots=True)
class Outcome:
    """What a batch has come to so far. It outlives retries: nothing is told twice or forgotten."""

    parts: Sequence[EventBatch]
    painter: Painter
    started: float = field(default_factory=time.perf_counter)
    new: list[NDArray[np.void]] = field(default_factory=list)  # stored events, of EVENT
    notices: list[Message] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)  # what the champion is to be asked
    users: int = 0


async def update(stream: EventStream, updater: Updater) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart.

    While one batch is told and committed, the next is decoded and folded; commits keep their order.
    """
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    finished.set_result(None)
    async with asyncio.TaskGroup() as tasks:
        async for batch in stream.batches():
            outcome = Outcome(_decode(batch, updater.limits), updater.studio.painter)
            try:
                await _through_outages(stream, batch, outcome, updater)
            except StoreRestartedError:
                log.warning("store_restarted", records=len(batch.records))
                await finished
                while not await updater.studio.renew() and await stream.pause(RENEW_SECONDS):
                    pass  # what was in memory may not be in the store any more
                stream.rewind()
                continue
            await finished
            finished = tasks.create_task(_finish(stream, batch, outcome, updater))
            outcome.painter.mirror.bound_searches(SEARCHES_HELD)


def _decode(batch: Batch, limits: Limits) -> list[EventBatch]:
    """Read a batch's records."""
    tolerance = limits.future_tolerance // timedelta(milliseconds=1)
    with _timed("decode"):
        return list(
            decode(batch.records, future_tolerance_ms=tolerance, most_tokens=limits.batch_tokens)
        )


async def _through_outages(
    stream: EventStream, batch: Batch, outcome: Outcome, updater: Updater
) -> None:
    """Fold a batch, again from its start as often as Redis fails, for as long as is allowed."""
    gives_up = time.monotonic() + updater.limits.outage.total_seconds()
    pause, longest = BACKOFF
    while True:
        try:
            for part in outcome.parts:
                await _process(part, outcome, updater)
            await updater.resume.mark(batch.ends)
        except StoreUnavailableError as error:
            if time.monotonic() > gives_up:
                raise
            log.warning("store_unavailable", reason=str(error), retry_seconds=pause)
            if not await stream.pause(pause):
                raise  # told to stop: what is not stored is not committed
            pause = min(2 * pause, longest)
        else:
            return


async def _process(batch: EventBatch, outcome: Outcome, updater: Updater) -> None:
    """Take one part of a batch from its text to stored profiles.

    Some users at a time: while Redis serves some, others are computed.
    """
    with _timed("encode"):
        await _encode_new(batch, outcome.painter)
    slices = batch.columns["user"] // USERS_AT_ONCE
    order = np.argsort(slices, kind="stable")
    edges = np.flatnonzero(np.diff(slices[order])) + 1
    try:
        async with asyncio.TaskGroup() as tasks:
            for members in np.split(order, edges):
                tasks.create_task(_settle(batch, members, outcome, updater))
    except* (StoreRestartedError, StoreUnavailableError) as group:
        if group.subgroup(StoreRestartedError) is not None:
            raise StoreRestartedError from group
        raise StoreUnavailableError(str(group.exceptions[0])) from group


async def _encode_new(batch: EventBatch, painter: Painter) -> None:
    """Find or make the vectors of searches, and of items that the catalogue does not know."""
    mirror = painter.mirror
    if batch.searches:
        absent = mirror.catalogue.vectors.missing([*batch.searches])
        await painter.texts.read([batch.searches[ref] for ref in absent], ttl=SEARCH_TTL)
        await mirror.fetch_texts(absent)
    refs = np.array([*batch.items], np.uint64)
    unknown = refs[mirror.catalogue.find(refs) == MISSING].tolist()
    if unknown:
        items = [item_of(batch.items[ref]) for ref in unknown]
        await painter.texts.read(text for item in items for text in texts_of(item))
        await mirror.introduce(items)


async def _settle(
    batch: EventBatch, members: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> None:
    """Take some users' events in; again for those whose profile has moved on meanwhile.

    Args:
        batch: Where the events are.
        members: (M,), places of all events of these users, in log order.
        outcome: Where to note what was done.
        updater: What is touched.
    """
    columns = batch.columns[members]
    pending = np.unique(columns["user"])
    for _ in range(CONFLICTS):
        if not len(pending):
            return
        users = [batch.users[place] for place in pending.tolist()]
        theirs = columns[np.isin(columns["user"], pending)]
        theirs["user"] = np.searchsorted(pending, theirs["user"])
        pending = pending[await _attempt(users, theirs, outcome, updater)]
        metrics.profiles_refused.inc(len(pending))
    raise ConflictError


async def _attempt(
    users: list[str], columns: NDArray[np.void], outcome: Outcome, updater: Updater
) -> NDArray[np.int64]:
    """Fold events into the profiles as they are now, and store them. Returns who was refused."""
    with _timed("load"):
        life, records = await updater.profiles.load_living(users)
        updater.resume.check(life)
    with _timed("fold"):
        facts = decode_facts(records)
        questions = updater.prequential.choose(facts, columns, outcome.painter)
        before = facts.head["revision"].copy()
        accepted = fold(facts, columns)
        moved = np.flatnonzero(facts.head["revision"] != before)
        if len(moved) < len(facts):
            facts = Facts(facts.head[moved], facts.ring[moved])
    with _timed("paint"):
        catalogue = outcome.painter.mirror.catalogue
        await outcome.painter.mirror.fetch_texts(search_refs(facts.ring))
        portraits = paint(facts.ring, catalogue)
    with _timed("store"):
        names = [users[place] for place in moved.tolist()]
        revisions = [(records[place] or b"")[REVISION] for place in moved.tolist()]
        written = encode_profiles(facts, portraits)
        refused = await updater.profiles.save(
            [Write(*write) for write in zip(names, revisions, written, strict=True)]
        )
    stored = np.setdiff1d(np.arange(len(moved)), refused)
    kept = accepted & ~np.isin(columns["user"], moved[refused])
    outcome.new.append(columns["event"][kept])
    outcome.noted += [note(question, catalogue) for question in questions if kept[question.place]]
    outcome.users += len(stored)
    outcome.notices += notices(
        [names[place] for place in stored.tolist()],
        facts.head[stored],
        catalogue.space_id,
    )
    return moved[refused]


async def _finish(stream: EventStream, batch: Batch, outcome: Outcome, updater: Updater) -> None:
    """Tell of a stored batch, and commit it."""
    dead = [letter for part in outcome.parts for letter in part.dead]
    erasures = sum(int((part.columns["topic"] == ERASURE).sum()) for part in outcome.parts)
    new = np.concatenate([np.zeros(0, EVENT), *outcome.new])
    with _timed("tell"):
        await updater.publisher.publish([*outcome.notices, *dead])
        await _tell_store(batch, outcome.parts, new, updater)
    with _timed("commit"):
        await stream.commit(batch)
    if batch.records:
        metrics.erasures.inc(erasures)
        metrics.events_repeated.inc(len(batch.records) - erasures - len(dead) - len(new))
        _count(batch, new, dead, outcome)
        log.info(
            "batch_stored",
            records=len(batch.records),
            folded=len(new),
            dead=len(dead),
            erasures=erasures,
            users=outcome.users,
            seconds=round(time.perf_counter() - outcome.started, 4),
        )
    await updater.prequential.count(outcome.noted, outcome.painter)


async def _tell_store(
    batch: Batch, parts: Sequence[EventBatch], new: NDArray[np.void], updater: Updater
) -> None:
    """Add to popularity, and mark progress. At most once: they are not worth waiting for Redis."""
    try:
        for day, weights in _popularity(parts, new).items():
            await updater.popularity.add(day, weights)
        await updater.progress.mark(batch.reached)
    except StoreUnavailableError:
        log.warning("popularity_not_added", events=len(new))


def _popularity(
    parts: Sequence[EventBatch], new: NDArray[np.void]
) -> Mapping[int, Mapping[str, int]]:
    """Sum action weights in thousandths by day and item; what takes back does not make popular."""
    weight = np.array([max(0, int(ACTION_WEIGHTS[action] * MONEY)) for action in Action])
    about_items = new["action"] != ACTION_CODE[Action.SEARCH]
    new = new[about_items & (weight[new["action"]] > 0)]
    items: dict[int, Event] = {}
    for part in parts:
        items |= part.items
    days = new["at"] // DAY_MS
    by_day: dict[int, dict[str, int]] = {}
    for day in np.unique(days).tolist():
        of_day = new[days == day]
        refs, place = np.unique(of_day["ref"], return_inverse=True)
        sums = np.bincount(place, weight[of_day["action"]]).astype(np.int64)
        by_day[day] = {
            str(items[ref].item_id): total
            for ref, total in zip(refs.tolist(), sums.tolist(), strict=True)
        }
    return by_day


def _count(batch: Batch, new: NDArray[np.void], dead: Sequence[Message], outcome: Outcome) -> None:
    """Export what the batch did."""
    actions = np.bincount(new["action"], minlength=len(Action))
    for action, events in zip(Action, actions.tolist(), strict=True):
        if events:
            metrics.events_folded.labels(action).inc(events)
    metrics.batch_events.observe(len(batch.records))
    metrics.profiles_stored.inc(outcome.users)
    metrics.freshness_seconds.observe(time.time() - batch.records[0].timestamp / 1_000)
    for letter in dead:
        metrics.dead_letters.labels(letter.headers[0][1].decode()).inc()


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    """Add the time of a stage to its histogram."""
    with metrics.stage_seconds.labels(stage).time():
        yield
