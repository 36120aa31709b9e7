"""Walks: everybody is looked at again, now and then.

It finds who leaves because time has passed, who is in a segment that is new, whose consent is
another, and who was touched while a notice was lost. As many people at a time as a batch has, in
turn with those who have done something, so that nobody waits for a walk. Expressions that change
without end have everybody looked at half of the time: after a walk it rests for as long.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic

import structlog

from portrait import metrics
from portrait.errors import OvertakenError, StoreUnavailableError
from portrait.outage import closes_within
from portrait.segments.segment import Segment
from portrait.times import to_moment
from workers.segments.worker import AT_ONCE, Segments

LOOK_SECONDS = 1.0  # between two looks whether a walk is due
MOST_QUEUED = 10_000  # changes that wait for the topic: a walk waits for them
PAUSE_SECONDS = 0.2  # where another worker was faster

log = structlog.get_logger()


async def keep_walking(segments: Segments, every: timedelta, closing: asyncio.Event) -> None:
    """Walk whenever it is due, until told to stop; what is away is waited for."""
    rested_at = 0.0
    while not await closes_within(closing, LOOK_SECONDS):
        try:
            if unreadable := await segments.store.forget_unreadable():
                log.warning("segment_members_forgotten", segments=unreadable)
            now = to_moment(round(segments.now() * 1_000))
            known = await segments.store.all()
            started = monotonic()
            is_rested = started >= rested_at
            if any(_is_due(each, now, every, is_rested=is_rested) for each in known):
                await walk(segments, known, now, closing)
                rested_at = 2 * monotonic() - started
        except StoreUnavailableError as error:
            log.warning("walk_broken_off", reason=str(error))


def _is_due(segment: Segment, now: datetime, every: timedelta, *, is_rested: bool) -> bool:
    """Say whether everybody is to be looked at; a moment to come is of a clock that went back."""
    if segment.walked_at is None:
        return is_rested
    return not timedelta() <= now - segment.walked_at < every


async def walk(
    segments: Segments, known: Sequence[Segment], began: datetime, closing: asyncio.Event
) -> None:
    """Look at everybody whom the store knows, and at whoever is in a segment and is not there.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    started, people = monotonic(), 0
    async for users in segments.profiles.scan():
        if not await _look_at(segments, users, closing):
            return
        people += len(users)
    for segment in known:
        async for members in segments.store.members(segment.name):
            if not await _look_at(segments, [each.user for each in members], closing):
                return
    await segments.store.note_walk(known, began)
    seconds = monotonic() - started
    metrics.segment_walk_seconds.set(seconds)
    log.info("segments_walked", segments=len(known), people=people, seconds=round(seconds, 3))


async def _look_at(segments: Segments, users: Sequence[str], closing: asyncio.Event) -> bool:
    """Look at some people, as soon as there is room for what is told. Says whether to go on."""
    for at in range(0, len(users), AT_ONCE):
        while await segments.store.queued("topic") >= MOST_QUEUED:
            if await closes_within(closing, LOOK_SECONDS):
                return False
        while True:
            try:
                await segments.look_at(users[at : at + AT_ONCE])
                break
            except OvertakenError:
                if await closes_within(closing, PAUSE_SECONDS):
                    return False
    return not closing.is_set()
