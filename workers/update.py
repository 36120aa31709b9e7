"""Update: fold the event log into profiles.

batch ─▶ decode ─▶ encode new text ─▶ price ─▶ fold ─▶ paint ─▶ store ─▶ tell ─▶ commit ─▶ count

The order is the guarantee. Dead letters are sent first, so that no offset is marked before the log
has them; the commit comes last, so a crash replays the batch; every profile
carries the offsets it has reached, so a replay changes nothing; every write is a compare-and-set,
so a worker that lost its partition cannot overwrite its successor, and any number of workers may
fold one user; and the offsets stored beside the profiles say where to go on, so a Redis that comes
back with an older state is caught up.
New texts hold up nobody for long: see `backlog.py`.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from random import random

import numpy as np
import structlog
from numpy.typing import NDArray

from portrait import metrics
from portrait.catalogue.catalogue import texts_of
from portrait.catalogue.popularity import PopularityStore
from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.texts import SEARCH_TTL
from portrait.errors import PortraitError, StoreRestartedError, StoreUnavailableError
from portrait.events.columns import ERASURE, EVENT, is_past
from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.letter import records_of, topic_of
from portrait.events.progress import OffsetStore, ProgressStore
from portrait.events.resume import Resume
from portrait.events.stream import Batch, EventStream, Message, Publisher
from portrait.inference.explain import search_refs
from portrait.inference.paint import paint
from portrait.lifecycle.registry import Registry
from portrait.model.influence import WANTED, Regulars, wanted
from portrait.monitoring.watch import LiveCounts
from portrait.outage import Outage, pauses
from portrait.profiles.facts import fold
from portrait.profiles.notice import notices
from portrait.profiles.profile import REVISION, encode_profiles, read_facts
from portrait.profiles.searched import Texts, encode_searched
from portrait.profiles.store import ProfileStore, Stored, Write
from portrait.reading.decode import EventBatch, decode, item_of
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.records import Clock
from workers.backlog import Backlog, Late, portions
from workers.painter import EncoderOf, Painter, Studio
from workers.prequential import Noted, Prequential, note
from workers.prices import priced
from workers.schemas import await_schemas

SEARCHES_HELD = 100_000  # vectors of searches in memory: 100 MB; Redis has the others
TOUCHED_AGAIN_MS = 3_600_000  # an item that only events know is introduced again after an hour
LARGEST_SNAPSHOT = 2_048  # bytes that are remembered of such an item
USERS_AT_ONCE = 1_000  # of a batch; a quarter of a usual one
CONFLICTS = 20  # times in a row that users whose profile has moved on are folded again
YIELD = (0.002, 0.1)  # seconds: first and longest time between, at random, so that all get through
RENEW_SECONDS = 0.5  # between two looks whether a model serves in a store that lives anew

log = structlog.get_logger()


class ConflictError(PortraitError):
    """Other writers keep overtaking this one: is a user's log spread over many workers?"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a batch and an outage."""

    future_tolerance: timedelta
    batch_tokens: int
    outage: timedelta
    encode_wait: timedelta = timedelta(seconds=1)  # for new texts
    offer_unknown: bool = False  # items that only events know
    dialect: Dialect = AS_SENT  # how the shop's messages are read


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
    regulars: Regulars = field(default_factory=Regulars)
    backlog: Backlog = field(default_factory=Backlog)


@dataclass(frozen=True, slots=True)
class Ports:
    """What an update worker is connected to."""

    profiles: ProfileStore
    popularity: PopularityStore
    progress: ProgressStore
    offsets: OffsetStore
    live: LiveCounts
    publisher: Publisher
    registry: Registry
    catalogue: CatalogueStore


def assemble(
    ports: Ports, painter: Painter, encoder_of: EncoderOf, limits: Limits, group: str
) -> Updater:
    """Put an updater together, that reads as a group and begins with a painter."""
    return Updater(
        profiles=ports.profiles,
        popularity=ports.popularity,
        progress=ports.progress,
        resume=Resume(ports.offsets, group),
        publisher=ports.publisher,
        studio=Studio(painter, ports.registry, ports.catalogue, encoder_of),
        prequential=Prequential(ports.live),
        limits=limits,
    )


@dataclass(slots=True)
class Outcome:
    """What a batch has come to so far. It outlives retries: nothing is told twice or forgotten."""

    parts: Sequence[EventBatch]
    painter: Painter
    started: float = field(default_factory=time.perf_counter)
    new: list[NDArray[np.void]] = field(default_factory=list)  # stored events, of EVENT
    wanted: list[NDArray[np.void]] = field(default_factory=list)  # of the same, of WANTED
    notices: list[Message] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)  # what the champion is to be asked
    users: int = 0
    late: list[Late] = field(default_factory=list)  # new texts that are still being read
    is_held: bool = False  # by the backlog

    @property
    def dead(self) -> list[Message]:
        """The letters of the records that could not be read."""
        return [letter for part in self.parts for letter in part.dead]

    @property
    def logged(self) -> int | None:
        """When the log took the first of its events in, ms."""
        return next((int(each) for part in self.parts for each in part.columns["logged"]), None)


async def update(stream: EventStream, updater: Updater) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart.

    While one batch is told and committed, the next is decoded and folded; commits keep their order.
    """
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    finished.set_result(None)
    async with asyncio.TaskGroup() as tasks:
        async for batch in stream.batches():
            limits = updater.limits
            await await_schemas(stream, batch.records, limits.dialect.schemas, limits.outage)
            outcome = Outcome(_decode(batch, limits), updater.studio.painter)
            if outcome.dead:
                await updater.publisher.publish(outcome.dead)
            try:
                ready = await _through_outages(stream, batch, outcome, updater)
            except StoreRestartedError:
                log.warning("store_restarted", records=len(batch.records))
                await finished
                await updater.backlog.forget(outcome.late)
                while not await updater.studio.renew() and await stream.pause(RENEW_SECONDS):
                    pass  # what was in memory may not be in the store any more
                stream.rewind()
                continue
            await finished
            finished = tasks.create_task(_finish(stream, batch, ready, outcome, updater))
            outcome.painter.mirror.bound_searches(SEARCHES_HELD)
        await updater.backlog.forget()


def _decode(batch: Batch, limits: Limits) -> list[EventBatch]:
    """Read a batch's records."""
    tolerance = limits.future_tolerance // timedelta(milliseconds=1)
    with _timed("decode"):
        return list(
            decode(
                batch.records,
                clock=Clock.of_system(tolerance, batch.since),
                most_tokens=limits.batch_tokens,
                logs=batch.logs,
                dialect=limits.dialect,
            )
        )


async def _through_outages(
    stream: EventStream, batch: Batch, outcome: Outcome, updater: Updater
) -> Sequence[Batch]:
    """Fold a batch, again from its start as often as Redis fails, for as long as is allowed.

    So, too, while other workers write some profile so often that this one finds no gap: what the
    batch holds of other users is stored by then, and folding that again changes nothing.

    Returns what may be committed.
    """
    outage = Outage(updater.limits.outage)
    while True:
        try:
            settled = [await _process(part, outcome, updater) for part in outcome.parts]
            _require(all(settled))
            return await _marked(batch, outcome, updater)
        except (ConflictError, StoreUnavailableError) as error:
            if outage.is_over_limit():
                raise
            pause = outage.pause()
            contended = isinstance(error, ConflictError)
            event = "profiles_contended" if contended else "store_unavailable"
            log.warning(event, reason=str(error), retry_seconds=pause)
            if not await stream.pause(pause):
                raise  # told to stop: what is not stored is not committed


async def _marked(batch: Batch, outcome: Outcome, updater: Updater) -> Sequence[Batch]:
    """Paint again for whom new texts have been read meanwhile; mark up to what is still late.

    Returns what may be committed.
    """
    backlog = updater.backlog
    if not outcome.is_held:
        backlog.hold(batch, outcome.late)
        outcome.is_held = True
    for late in backlog.read(outcome.painter):
        _require(await _store(late.part, late.members, outcome, updater))
        backlog.drop(late)
    await updater.resume.mark(*backlog.ends())
    metrics.texts_late.set(len(backlog))
    return backlog.release()


def _require(settled: bool) -> None:  # noqa: FBT001 - it is the question
    """Raise ConflictError unless all users are stored: others were faster; all others are."""
    if not settled:
        raise ConflictError


async def _process(batch: EventBatch, outcome: Outcome, updater: Updater) -> bool:
    """Take one part of a batch from its text to stored profiles. Says whether all are stored."""
    with _timed("encode"):
        await _encode_new(batch, outcome, updater)
    return await _store(batch, np.arange(len(batch)), outcome, updater)


async def _store(
    batch: EventBatch, places: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> bool:
    """Fold events, (M,) places, into profiles, paint and store them. Says whether all are stored.

    Some users at a time: while Redis serves some, others are computed.
    """
    slices = batch.columns["user"][places] // USERS_AT_ONCE
    order = np.argsort(slices, kind="stable")
    edges = np.flatnonzero(np.diff(slices[order])) + 1
    try:
        async with asyncio.TaskGroup() as tasks:
            settling = [
                tasks.create_task(_settle(batch, members, outcome, updater))
                for members in np.split(places[order], edges)
            ]
    except* (StoreRestartedError, StoreUnavailableError) as group:
        if group.subgroup(StoreRestartedError) is not None:
            raise StoreRestartedError from group
        raise StoreUnavailableError(str(group.exceptions[0])) from group
    return all(task.result() for task in settling)


async def _encode_new(part: EventBatch, outcome: Outcome, updater: Updater) -> None:
    """Find or make the vectors of searches, and of items that the catalogue does not know.

    What takes too long goes on beside; while anything does, nobody waits for new texts.
    """
    mirror, backlog = outcome.painter.mirror, updater.backlog
    if any(late.part is part for late in outcome.late):
        return  # begun before Redis failed
    absent = mirror.catalogue.vectors.missing([*part.searches])
    lacking = await mirror.fetch_texts(absent)
    metrics.texts_cached.inc(len(absent) - len(lacking))
    refs, now = np.array([*part.items], np.uint64), round(time.time() * 1_000)
    unknown = mirror.catalogue.touch(refs, now, now - TOUCHED_AGAIN_MS)
    settled = ~np.isin(refs, np.array(unknown, np.uint64))
    known = mirror.catalogue.said(refs[settled])  # of what only events know
    unknown += [ref for ref, said in known.items() if _says_more(part.items[ref], said)]
    if not (lacking or unknown):
        return
    if len(backlog) + len(outcome.late) >= backlog.most:
        metrics.texts_passed_over.inc(len(lacking) + len(unknown))
        return
    read = partial(_read_new, part, lacking, unknown, updater)
    late = Late.begun(part, [*lacking, *unknown], read, outcome.painter)
    wait = 0.0 if len(backlog) or outcome.late else updater.limits.encode_wait.total_seconds()
    await asyncio.wait({late.task}, timeout=wait)
    if late.task.done():
        late.task.result()
    else:
        outcome.late.append(late)


async def _read_new(
    part: EventBatch,
    searches: Sequence[int],
    items: Sequence[int],
    updater: Updater,
    painter: Painter,
) -> None:
    """Make the vectors of searches, and introduce items. Others have their turn in between."""
    offered = updater.limits.offer_unknown
    introduced = await painter.mirror.spelled(
        [_introduced(part.items[ref], offered=offered) for ref in items]
    )
    for portion in portions(part.searches[ref] for ref in searches):
        async with updater.backlog.turn:
            await painter.texts.read(searches=portion, ttl=SEARCH_TTL)
    for portion in portions(dict.fromkeys(text for item in introduced for text in texts_of(item))):
        async with updater.backlog.turn:
            await painter.texts.read(portion, ttl=SEARCH_TTL)
    await painter.mirror.fetch_texts(searches)
    if introduced:
        await painter.mirror.introduce(introduced)


def _introduced(event: Event, *, offered: bool) -> Item:
    """Return what is remembered of an item that only events know: no more than was asked for."""
    item = item_of(event)
    if len(item.model_dump_json(exclude_defaults=True).encode()) > LARGEST_SNAPSHOT:
        item = Item(id=item.id, available=False)
    return item.model_copy(update={"withdrawn": not (offered and item.title)})


def _says_more(event: Event, known: int) -> bool:
    """Say whether an event says more of an item than is known, so that it is introduced again."""
    if event.item is None or event.item.said <= known:
        return False
    return _introduced(event, offered=False).said > known


async def _settle(
    batch: EventBatch, members: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> bool:
    """Take some users' events in; again for those whose profile has moved on meanwhile.

    Writers that met wait at random, so that they do not meet again: "full jitter" in M. Brooker,
    Exponential Backoff and Jitter, AWS Architecture Blog, 2015.

    Args:
        batch: Where the events are.
        members: (M,), places of all events of these users, in log order.
        outcome: Where to note what was done.
        updater: What is touched.

    Returns:
        Whether all are stored; false if others were faster every time.
    """
    columns = batch.columns[members]
    pending = np.unique(columns["user"])
    if not len(pending):
        return True
    for pause in islice(pauses(*YIELD), CONFLICTS):
        users = [batch.users[place] for place in pending.tolist()]
        theirs = columns[np.isin(columns["user"], pending)]
        theirs["user"] = np.searchsorted(pending, theirs["user"])
        pending = pending[await _attempt(users, theirs, batch.searches, outcome, updater)]
        metrics.profiles_refused.inc(len(pending))
        if not len(pending):
            return True
        await asyncio.sleep(pause * random())  # noqa: S311 - nobody gains by guessing it
    return False


async def _attempt(
    users: list[str],
    columns: NDArray[np.void],
    said: Texts,
    outcome: Outcome,
    updater: Updater,
) -> NDArray[np.int64]:
    """Fold events into the profiles as they are now, and store them. Returns who was refused."""
    with _timed("load"):
        life, before = await updater.profiles.load_living(users)
        updater.resume.check(life)
    with _timed("fold"):
        facts, lost = read_facts([each.record for each in before])
        columns = priced(facts, columns, outcome.painter.mirror.catalogue)
        questions = updater.prequential.choose(facts, columns, outcome.painter)
        regular = updater.regulars.among(users, facts.head, columns)
        voices = wanted(facts, columns, regular)
        accepted = fold(facts, columns)
    with _timed("paint"):
        catalogue = outcome.painter.mirror.catalogue
        await outcome.painter.mirror.fetch_texts(search_refs(facts.ring))
        portraits = paint(facts.ring, catalogue)
    with _timed("store"):
        searched = encode_searched(facts.ring, said, [each.searched for each in before])
        records = encode_profiles(facts, portraits)
        writes = [
            Write(user, (old.record or b"")[REVISION], record, words)
            for user, old, record, words in zip(users, before, records, searched, strict=True)
        ]
        changed = _changed(before, writes)
        refused = await updater.profiles.save([writes[place] for place in changed.tolist()])
    stored = np.delete(changed, refused)
    _say_damaged(int(lost[stored].sum()))
    kept = accepted & ~np.isin(columns["user"], changed[refused])
    outcome.new.append(columns["event"][kept])
    outcome.wanted.append(voices[kept])
    outcome.noted += [note(question, catalogue) for question in questions if kept[question.place]]
    outcome.users += len(stored)
    told = np.intersect1d(stored, columns["user"][~is_past(columns)])
    outcome.notices += notices(
        [users[place] for place in told.tolist()], facts.head[told], catalogue.space_id
    )
    return changed[refused]


def _say_damaged(users: int) -> None:
    """Say of how many users the record was damaged, and is begun anew."""
    if users:
        metrics.profiles_damaged.inc(users)
        log.warning("profiles_damaged", users=users)


def _changed(before: Sequence[Stored], writes: Sequence[Write]) -> NDArray[np.int64]:
    """Return the places of the users of whom not all is stored yet as it should be.

    A repeat changes no facts, but perhaps a portrait: that a text has been read meanwhile.
    """
    return np.array(
        [
            place
            for place, (old, new) in enumerate(zip(before, writes, strict=True))
            if old.record != new.record or (old.searched or b"") != new.searched
        ],
        np.int64,
    )


async def _finish(
    stream: EventStream,
    batch: Batch,
    ready: Sequence[Batch],
    outcome: Outcome,
    updater: Updater,
) -> None:
    """Tell of a stored batch, and commit what nothing is late of."""
    dead = sum(map(records_of, outcome.dead))
    erasures = sum(int((part.columns["topic"] == ERASURE).sum()) for part in outcome.parts)
    new = np.concatenate([np.zeros(0, EVENT), *outcome.new])
    with _timed("tell"):
        await updater.publisher.publish(outcome.notices)
        await _tell_store(batch, outcome, updater)
    with _timed("commit"):
        for each in ready:
            await stream.commit(each)
    if batch.records:
        metrics.erasures.inc(erasures)
        metrics.events_repeated.inc(sum(map(len, outcome.parts)) - erasures - len(new))
        _count(batch, new, outcome)
        log.info(
            "batch_stored",
            records=len(batch.records),
            folded=len(new),
            dead=dead,
            erasures=erasures,
            users=outcome.users,
            seconds=round(time.perf_counter() - outcome.started, 4),
        )
    await updater.prequential.count(outcome.noted, outcome.painter)


async def _tell_store(batch: Batch, outcome: Outcome, updater: Updater) -> None:
    """Add to popularity, and mark progress. At most once: they are not worth waiting for Redis."""
    try:
        for day, (regulars, strangers) in _popularity(outcome).items():
            await updater.popularity.add(day, regulars, strangers)
        await updater.progress.mark(batch.reached)
    except StoreUnavailableError:
        log.warning("popularity_not_added", events=sum(map(len, outcome.new)))


def _popularity(outcome: Outcome) -> Mapping[int, tuple[Mapping[str, int], Mapping[str, int]]]:
    """Sum what was wanted by day and item id, of regulars and of strangers, in thousandths."""
    voices = np.concatenate([np.zeros(0, WANTED), *outcome.wanted])
    heard = (voices["weight"] > 0) & outcome.painter.mirror.catalogue.counts(voices["ref"])
    voices = voices[heard]
    items: dict[int, Event] = {}
    for part in outcome.parts:
        items |= part.items
    return {
        day: (
            _sums(voices[(voices["day"] == day) & voices["regular"]], items),
            _sums(voices[(voices["day"] == day) & ~voices["regular"]], items),
        )
        for day in np.unique(voices["day"]).tolist()
    }


def _sums(voices: NDArray[np.void], items: Mapping[int, Event]) -> dict[str, int]:
    """Add up weights by item id."""
    refs, place = np.unique(voices["ref"], return_inverse=True)
    sums = np.bincount(place, voices["weight"], len(refs)).astype(np.int64)
    return {
        str(items[ref].item_id): total
        for ref, total in zip(refs.tolist(), sums.tolist(), strict=True)
    }


def _count(batch: Batch, new: NDArray[np.void], outcome: Outcome) -> None:
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


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    """Add the time of a stage to its histogram."""
    with metrics.stage_seconds.labels(stage).time():
        yield
