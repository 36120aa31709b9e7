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
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import structlog

from portrait import metrics
from portrait.errors import StoreRestartedError, StoreUnavailableError
from portrait.events.columns import ERASURE, EVENT
from portrait.events.letter import records_of
from portrait.events.stream import Batch, EventStream
from portrait.outage import Outage
from portrait.reading.decode import EventBatch, decode
from portrait.reading.records import Clock
from workers.schemas import await_schemas
from workers.update.new_texts import encode_new
from workers.update.refuse import refuse
from workers.update.settle import ConflictError, require, settle
from workers.update.tell import count, tell_store
from workers.update.updater import Limits, Outcome, Updater, timed

SEARCHES_HELD = 100_000  # vectors of searches in memory: 100 MB; Redis has the others
RENEW_SECONDS = 0.5  # between two looks whether a model serves in a store that lives anew

log = structlog.get_logger()


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
                updater.acquainted.forget()
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
    with timed("decode"):
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
            require(all(settled))
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
        require(await settle(late.part, late.members, outcome, updater))
        backlog.drop(late)
    await updater.resume.mark(*backlog.ends())
    metrics.texts_late.set(len(backlog))
    return backlog.release()


async def _process(batch: EventBatch, outcome: Outcome, updater: Updater) -> bool:
    """Take one part of a batch from its text to stored profiles. Says whether all are stored."""
    if batch.consents:
        await updater.profiles.agree(batch.consents)
    with timed("encode"):
        await encode_new(batch, outcome, updater)
    if not await settle(batch, np.arange(len(batch)), outcome, updater):
        return False
    await refuse(batch, updater)
    return True


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
    with timed("tell"):
        await updater.publisher.publish(outcome.notices)
        await tell_store(batch, outcome, updater)
    with timed("commit"):
        for each in ready:
            await stream.commit(each)
    if batch.records:
        metrics.erasures.inc(erasures)
        metrics.events_repeated.inc(sum(map(len, outcome.parts)) - erasures - len(new))
        count(batch, new, outcome)
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
