"""Segments: look at whoever has done something, and note who enters and leaves.

notices ─▶ whose profile changed ─▶ load ─▶ judge ─▶ store, what is to be told with it
everybody, now and then (`walk.py`) ─┘               └─▶ outbox ─▶ topic, webhook (`telling.py`)

Memberships and the outbox are stored in one step, under the revision that was seen before profiles
were loaded. So a repeat finds nothing to change, of two that look at somebody the later look
counts, and a change is told as often as there was one.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from portrait import metrics
from portrait.errors import ModelInvalidError
from portrait.events.consent import GRANTED, Consent
from portrait.events.stream import Batch, EventStream, Message
from portrait.events.topics import NOTICES
from portrait.lifecycle.registry import Registry
from portrait.profiles.store import ProfileStore, Stored
from portrait.reading.dialect import Dialect
from portrait.reading.records import Clock
from portrait.segments.expression import Expression
from portrait.segments.forecasts import Forecasts
from portrait.segments.person import UNFORETOLD, Foretold, person_of
from portrait.segments.segment import Segment
from portrait.segments.store import OUTBOX, Moved, Opened, SegmentStore
from portrait.segments.words import ExpressionError
from workers.following import Following, follow

AT_ONCE = 200  # people whose membership is stored in one step

log = structlog.get_logger()


@dataclass(slots=True)
class Said:
    """What a batch says."""

    users: list[str]
    dead: Sequence[Message] = ()  # notices are our own: one that names nobody is passed over


@dataclass(slots=True)
class Segments:
    """The worker's parts, and what it has in memory."""

    store: SegmentStore
    profiles: ProfileStore
    registry: Registry
    unsaid: Consent = GRANTED  # what counts of who has said nothing of what may be done
    now: Callable[[], float] = time.time
    news: dict[str, asyncio.Event] = field(  # by way: something is to leave
        default_factory=lambda: {way: asyncio.Event() for way in OUTBOX}
    )
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # of those who look at people
    read: dict[str, Expression | None] = field(default_factory=dict)  # by segment, as JSON

    async def look_at(self, users: Sequence[str]) -> None:
        """Note who of some people enters and leaves.

        Raises:
            OvertakenError: Another worker looked at somebody meanwhile: look again.
            StoreUnavailableError: The store does not answer.
        """
        async with self.turn:
            opened = await self.store.open(users)
            if not opened.segments:
                return
            judges = self._judges(opened.segments)
            forecasts = await self._forecasts(judges)
            stored = await self.profiles.load_whole(users)
            now_ms = round(self.now() * 1_000)
            look = Look(dict(zip(users, stored, strict=True)), self.unsaid, now_ms, forecasts)
            moved = await asyncio.to_thread(moved_of, opened, judges, look)
            changes = await self.store.settle(opened, moved, now_ms)
        for change in changes:
            metrics.segment_changes.labels(change.change).inc()
        if changes:
            for news in self.news.values():
                news.set()

    async def _forecasts(self, judges: Sequence[Expression | None]) -> Forecasts | None:
        """Return what the model in service foretells with; None: nobody asks, or there is none."""
        if not any(said is not None and said.forecasts for said in judges):
            return None
        try:
            model = await self.registry.champion()
        except ModelInvalidError as error:
            log.warning("model_unreadable", reason=str(error))
            return None
        return None if model is None else Forecasts.of(model)

    def _judges(self, segments: Sequence[Segment]) -> list[Expression | None]:
        """Read each expression once; one that another version of ours took means nobody."""
        known = {_said_by(each): each for each in segments}
        self.read = {
            said: self.read[said] if said in self.read else _expression(segment)
            for said, segment in known.items()
        }
        return [self.read[_said_by(each)] for each in segments]


def _said_by(segment: Segment) -> str:
    return segment.model_dump_json(include={"expression", "spelled"})


def _expression(segment: Segment) -> Expression | None:
    try:
        return Expression.of(segment.expression, segment.spelled)
    except ExpressionError as error:
        log.warning("segment_unreadable", segment=segment.key, reason=str(error))
        return None


class Look(NamedTuple):
    """Some people at a moment."""

    looked: Mapping[str, Stored]
    unsaid: Consent  # what counts of who has said nothing of what may be done
    now_ms: int
    forecasts: Forecasts | None = None  # of the model in service, where somebody asks

    def foretold(self) -> Mapping[str, Foretold]:
        """Foretell of those of whom the model in service can."""
        if self.forecasts is None:
            return {}
        stored = [*self.looked.values()]
        return self.forecasts.foretell([*self.looked], stored, self.unsaid, self.now_ms)


def moved_of(opened: Opened, judges: Sequence[Expression | None], look: Look) -> list[Moved]:
    """Return who is in a segment other than before. Blocks; call it from a thread.

    Of a segment that asks for a forecast, whoever has none stays where they are: they are painted
    by another model than the one in service, until the update worker has come by.

    Args:
        opened: What was known before.
        judges: Of each segment; None: who is in it stays so.
        look: What is stored of each.
    """
    asked = [*zip(opened.segments, opened.since, judges, strict=True)]
    moved, foretold = list[Moved](), look.foretold()
    for user, stored in look.looked.items():
        said_of = foretold.get(user, UNFORETOLD)
        person = person_of(user, stored, look.unsaid, look.now_ms, said_of)
        for segment, since, said in asked:
            if said is None or (said.forecasts and person is not None and user not in foretold):
                continue
            is_in = person is not None and said.holds_for(person)
            if is_in != (user in since):
                moved.append(Moved(segment, user, is_in))
    return moved


async def follow_people(stream: EventStream, segments: Segments, following: Following) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart."""

    async def process(said: Said) -> None:
        for at in range(0, len(said.users), AT_ONCE):
            await segments.look_at(said.users[at : at + AT_ONCE])

    await follow(stream, following, NOTICES, read_batch, process)


def read_batch(batch: Batch, _clock: Clock, _dialect: Dialect) -> Said:
    """Read whose profiles were stored, each once."""
    return Said([*dict.fromkeys(user for record in batch.records if (user := _user(record.key)))])


def _user(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None
