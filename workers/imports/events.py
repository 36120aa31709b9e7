"""Import of events: history goes into the log once, in the order in which it happened.

rows ─▶ events ─▶ sort by time ─▶ a chunk ─▶ note ─▶ append ─▶ the next
on all processors, aside in files            └ how many the log has for certain, where it ended

Whoever goes on after a kill, or an outage, looks up from the ends that were noted which of the
other events the log has, too. The order of events does not depend on when it is asked for, so that
the first so many are the same.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic_core import to_json

from portrait.command import tune_garbage_collection
from portrait.errors import PortraitError, StoreUnavailableError, StreamUnavailableError
from portrait.events.event import Event
from portrait.events.history import HistoryLog, Imported, ImportLedger, PastEvent
from portrait.outage import Outage
from portrait.reading.report import Report
from portrait.times import to_ms
from workers.imports.look import (
    DeadRows,
    ImportRefusedError,
    ImportStoppedError,
    Rows,
    Share,
    look,
)
from workers.imports.summary import Summary
from workers.imports.time_order import TimeOrder

CHUNK = 5_000  # events between two notes
LEAST_SHARED = 4_194_304  # bytes of files that are worth the start of more processes
MOST_PROCESSES = 4  # that read: one sorts and publishes what they have read
PLACE_BITS = 20  # of the number of an event: its place in its row; the others are the row's

log = structlog.get_logger()


class Part(NamedTuple):
    """What became of a share of the rows."""

    summary: Summary
    order: TimeOrder
    dead: Path  # where its dead rows are, if there are any


def read_history(rows: Rows, folder: Path, advance: Callable[[int], object]) -> list[Part]:
    """Read all rows, if they are many on all processors. What is read lies in the folder.

    Raises:
        FileUnreadableError: A file cannot be read.
    """
    of = 1 if rows.bytes < LEAST_SHARED else min(os.cpu_count() or 1, MOST_PROCESSES)
    spawn = get_context("spawn")  # what is forked would have our connections
    pipes: list[Connection] = []
    for place in range(1, of):
        ours, theirs = spawn.Pipe(duplex=False)
        told = (rows, folder, Share(place, of), theirs)
        spawn.Process(target=_read_for, args=told, daemon=True).start()
        theirs.close()
        pipes.append(ours)
    own = read_share(rows, folder, Share(0, of), advance)
    return [own, *map(_received, pipes)]


def _received(pipe: Connection) -> Part:
    """Wait for what another process has read."""
    try:
        answer: Part | PortraitError = pipe.recv()
    except EOFError:
        msg = "Nothing was published: a process that read rows has ended before it was done."
        raise ImportRefusedError(msg) from None
    if isinstance(answer, PortraitError):
        raise answer
    return answer


def _read_for(rows: Rows, folder: Path, share: Share, pipe: Connection) -> None:
    """Read a share in a process of its own; it ends with this, whether anybody waits or not."""
    tune_garbage_collection()
    try:
        pipe.send(read_share(rows, folder, share, lambda _: None))
    except PortraitError as error:
        pipe.send(error)
    except (BrokenPipeError, KeyboardInterrupt):
        return


def read_share(rows: Rows, folder: Path, share: Share, advance: Callable[[int], object]) -> Part:
    """Read a share: its events by time, and its dead rows, lie in the folder then."""
    order = TimeOrder(folder / f"runs-{share.place}")
    dead = DeadRows(folder / f"dead-{share.place}")

    def take(number: int, report: Report) -> None:
        for place, event in enumerate(report.events):
            order.add(_past(event, number << PLACE_BITS | place))

    summary = look(rows, take, dead, advance, share)
    if share.of > 1:
        order.put_aside()
    return Part(summary, order, dead.path)


def _past(event: Event, number: int) -> PastEvent:
    value = to_json(event, exclude_none=True)
    return PastEvent(to_ms(event.occurred_at), number, event.type, event.user_key.encode(), value)


@dataclass(slots=True)
class Publication:
    """An import on its way into the log."""

    name: str
    owner: str  # who is at it: another for each process
    log: HistoryLog
    ledger: ImportLedger
    outage: timedelta
    closing: asyncio.Event
    chunk: int = CHUNK
    _known: set[int] = field(default_factory=set)  # events beyond the chunks that are done

    async def publish(self, order: TimeOrder, advance: Callable[[int], object]) -> None:
        """Append every event that the log has not.

        Raises:
            ImportTakenError: Another process is at it now.
            ImportStoppedError: It was told to stop.
            StreamUnavailableError: Kafka has been away for too long.
            StoreUnavailableError: Redis has been.
        """
        imported = await self.ledger.take(self.name, self.owner)
        if imported.ends:
            self._known = await self.log.found(imported.ends)
            log.info("import_resumed", events=imported.done + len(self._known), of=len(order))
        done = imported.done
        advance(done)
        for chunk in _chunks(order.events(done), self.chunk):
            await self._append(chunk, done)
            done += len(chunk)
            advance(len(chunk))
            if self.closing.is_set() and done < len(order):
                raise ImportStoppedError
        await self.ledger.note(self.name, self.owner, Imported(done, is_finished=True))

    async def _append(self, chunk: list[PastEvent], done: int) -> None:
        """Append a chunk, again as often as something is away, for as long as is allowed."""
        outage, noted = Outage(self.outage), None
        while True:
            try:
                if noted is None:
                    ends = await self.log.ends()
                    await self.ledger.note(self.name, self.owner, Imported(done, ends))
                    noted = ends
                else:
                    self._known |= await self.log.found(noted)
                await self.log.append([each for each in chunk if each.number not in self._known])
            except (StreamUnavailableError, StoreUnavailableError) as error:
                if outage.is_over_limit() or self.closing.is_set():
                    raise
                pause = outage.pause()
                log.warning("import_waits", reason=str(error), retry_seconds=pause)
                await asyncio.sleep(pause)
            else:
                return


def _chunks(events: Iterator[PastEvent], size: int) -> Iterator[list[PastEvent]]:
    while chunk := list(islice(events, size)):
        yield chunk
