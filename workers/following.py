"""Following: how workers that count beside the profiles go through the log.

batch ─▶ read ─▶ dead letters out ─▶ process ─▶ mark ─▶ commit
                                       └ Redis away, or another worker faster: again, in a while

Dead letters go first, so that no offset is marked before the log has them; the commit comes last,
so a crash repeats a batch, and what is processed says by itself whether it is there already.
Offsets lie beside what is stored: a Redis that comes back with an older state is caught up.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog

from portrait import metrics
from portrait.errors import OvertakenError, StoreRestartedError, StoreUnavailableError
from portrait.events.erasure import Moments
from portrait.events.resume import Resume
from portrait.events.stream import Batch, EventStream, Message, Publisher, Record
from portrait.outage import Outage
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.records import Clock, put_aside, read_erasure
from portrait.ref import user_ref
from portrait.times import MILLISECOND
from workers.schemas import await_schemas

log = structlog.get_logger()


class Said(Protocol):
    """What a batch says to a worker."""

    @property
    def dead(self) -> Sequence[Message]:
        """The dead letters of its topic."""
        ...


S = TypeVar("S", bound=Said)


@dataclass(frozen=True, slots=True)
class Following:
    """What it takes to go through the log."""

    publisher: Publisher
    resume: Resume
    outage: timedelta  # how long Redis may be away
    future_tolerance: timedelta
    dialect: Dialect = AS_SENT


async def follow(
    stream: EventStream,
    following: Following,
    topic: str,
    read: Callable[[Batch, Clock, Dialect], S],
    process: Callable[[S], Awaitable[None]],
) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart.

    Args:
        stream: Of every topic that the worker reads.
        following: What it takes.
        topic: Whose dead letters are this worker's: those of others have their own.
        read: Reads a batch.
        process: Stores what a batch says; once more of the same changes nothing.
    """
    tolerance, dialect = following.future_tolerance // MILLISECOND, following.dialect
    async for batch in stream.batches():
        await await_schemas(stream, batch.records, dialect.schemas, following.outage)
        said = read(batch, Clock.of_system(tolerance, batch.since), dialect)
        if said.dead:
            await following.publisher.publish(said.dead)
            metrics.dead_letters.labels(topic).inc(len(said.dead))
        try:
            await _through_outages(stream, following, partial(process, said), batch)
        except StoreRestartedError:
            log.warning("store_restarted", records=len(batch.records))
            stream.rewind()
            continue
        await stream.commit(batch)


def read_each(batch: Batch, topic: str, take: Callable[[Record], None]) -> list[Message]:
    """Let a reader take each record. Returns dead letters, of one topic alone."""
    letters = [(record.topic, put_aside(record, take, batch.logs)) for record in batch.records]
    return [letter for of, letter in letters if letter is not None and of == topic]


def note_erasure(
    record: Record, clock: Clock, dialect: Dialect, erased: dict[int, Moments]
) -> None:
    """Write down what is to be forgotten of somebody, by user_ref."""
    erasure = read_erasure(record, clock, dialect)
    person, said = user_ref(erasure.user), Moments.of(erasure)
    erased[person] = said.with_(erased.get(person, said))


async def _through_outages(
    stream: EventStream, following: Following, store: Callable[[], Awaitable[None]], batch: Batch
) -> None:
    """Store a batch, again as often as Redis fails or another worker was faster."""
    outage = Outage(following.outage)
    while True:
        try:
            await store()
            return await following.resume.mark(batch.ends, batch.logs)
        except (OvertakenError, StoreUnavailableError) as error:
            if outage.is_over_limit():
                raise
            pause = outage.pause()
            log.warning("batch_not_stored", reason=str(error), retry_seconds=pause)
            if not await stream.pause(pause):
                raise  # told to stop: what is not stored is not committed
