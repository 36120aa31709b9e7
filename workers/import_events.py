"""Import of events: history goes into the log once, in the order in which it happened.

rows ─▶ events ─▶ sort by time ─▶ a chunk ─▶ note ─▶ append ─▶ the next

Before a chunk is sent it is noted how many events the log has for certain, and where it ended then.
Whoever goes on after a kill, or an outage, looks up from there which of the others it has, too. The
order of events does not depend on when it is asked for, so that the first so many are the same.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

import structlog
from pydantic_core import to_json

from portrait.errors import StoreUnavailableError, StreamUnavailableError
from portrait.events.history import HistoryLog, Imported, ImportLedger, PastEvent
from portrait.outage import Outage
from portrait.reading.events import Reading
from portrait.reading.files import Row
from portrait.reading.records import Clock
from portrait.reading.report import Report, report_of
from portrait.times import to_ms
from workers.imports import ImportStoppedError
from workers.time_order import TimeOrder

CHUNK = 5_000  # events between two notes

log = structlog.get_logger()


def past_reader(read: Callable[[Row], Report], clock: Clock) -> Callable[[Row], Report]:
    """Return what reads a row of history.

    When an event was received nobody knows, unless the row says so, and then its time is corrected
    by now. So a clock cannot be corrected by `sent_at`, and the moment is as it was said.
    """

    def read_past(row: Row) -> Report:
        report = read(row)
        if not any(event.sent_at for event in report.events):
            return report
        events = [event.model_copy(update={"sent_at": None}) for event in report.events]
        refusals = [] if report.reason is None else [report.reason]
        said = Reading(events, left_out=[dict(report.left_out)], refusals=refusals)
        return report_of(said, clock, report.called)

    return read_past


def add_to(order: TimeOrder, report: Report) -> None:
    """Take the events of a row in."""
    for event in report.events:
        value = to_json(event, exclude_none=True)
        order.add(to_ms(event.occurred_at), event.type, event.user_key.encode(), value)


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
