"""Segments on Redis.

segments                hash: name to the segment as JSON
segment:<name>          hash: who is in it, since when (ms)
segments:revision       string: the position of the newest change of anybody's
segments:outbox:<way>   sorted set: changes as JSON that are still to leave, by position
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import WatchError

from portrait.adapters.redis_common import number, readable, slices, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.errors import OvertakenError, StoreUnavailableError
from portrait.segments.segment import MOST_SEGMENTS, Change, Member, Segment
from portrait.segments.store import (
    MOST_WAITING,
    OUTBOX,
    Moved,
    Opened,
    TooManySegmentsError,
    changes_of,
    walked,
)

SEGMENTS, REVISION = "segments", "segments:revision"
TRIES = 5  # where others change segments at the same moment
SCANNED = 500  # members of one step

S = TypeVar("S", bound=Segment | None)


class RedisSegments:
    """A `SegmentStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("segment")

    async def all(self) -> Sequence[Segment]:
        """Return every segment; a damaged one is none."""
        async with translated():
            return self._read(await self._redis.hgetall(SEGMENTS))

    def _read(self, stored: Mapping[bytes | str, bytes | str]) -> list[Segment]:
        read = {name: _segment(value) for name, value in stored.items()}
        self._damage.say([readable(name) for name, each in read.items() if each is None])
        return sorted((each for each in read.values() if each is not None), key=_name)

    async def put(self, name: str, change: Callable[[Segment | None], Segment]) -> Segment:
        """Change one."""
        return await self._change(name, change)

    async def remove(self, name: str) -> bool:
        """Delete one; the revision grows with it: who has looked by what was, looks again."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(SEGMENTS, name)
            pipe.unlink(_key(name))
            pipe.incr(REVISION)
            removed, *_ = await pipe.execute()
        return bool(removed)

    async def _change(self, name: str, change: Callable[[Segment | None], S]) -> S:
        """Change one in a transaction, again where somebody else was faster; to None: not."""
        for _ in range(TRIES):
            async with translated(), self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(SEGMENTS)
                known = {each.name: each for each in self._read(await pipe.hgetall(SEGMENTS))}
                changed = change(known.get(name))
                if changed is None or changed == known.get(name):
                    return changed
                if len(known.keys() | {name}) > MOST_SEGMENTS:
                    raise TooManySegmentsError
                pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
                pipe.hset(SEGMENTS, name, changed.model_dump_json())
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return changed
        msg = "Others change segments at the same moment: try again later."
        raise StoreUnavailableError(msg)

    async def forget_unreadable(self) -> Sequence[str]:
        """Delete who is in them in a transaction, as with a segment that is removed."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(SEGMENTS)
            stored: Any = await pipe.hgetall(SEGMENTS)
            left = [
                name
                for name, value in stored.items()
                if _segment(value) is None and await pipe.exists(_key_of(name))
            ]
            if not left:
                return []
            pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
            pipe.unlink(*map(_key_of, left))
            pipe.incr(REVISION)
            try:
                await pipe.execute()
            except WatchError:
                return []  # somebody puts one: it is looked at again soon
        return [readable(name) or "?" for name in left]

    async def open(self, users: Sequence[str]) -> Opened:
        """Return what is known; the revision first, so that what changes meanwhile is noticed."""
        async with translated():
            revision = number(await self._redis.get(REVISION)) or 0
        segments = await self.all()
        since = [await self._since(each.name, users) for each in segments]
        return Opened(revision, segments, since)

    async def _since(self, name: str, users: Sequence[str]) -> dict[str, int]:
        """Return who of these is in a segment; since when, as far as that can be read."""
        found: dict[str, int] = {}
        key = _key(name)
        for some in slices(users):
            ask = partial(self._redis.hmget, key, [*some])
            values: Sequence[bytes | str | None] = await mended(self._redis, {key: "hash"}, ask)
            pairs = zip(some, values, strict=True)
            found |= {user: number(at) or 0 for user, at in pairs if at is not None}
        return found

    async def settle(self, opened: Opened, moved: Sequence[Moved], now_ms: int) -> Sequence[Change]:
        """Write all in one transaction."""
        position, changes = changes_of(opened, moved, now_ms)
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(REVISION)
            if (number(await pipe.get(REVISION)) or 0) != opened.revision:
                raise OvertakenError
            pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
            pipe.set(REVISION, position)
            for segment, user, is_in in moved:
                if is_in:
                    pipe.hset(_key(segment.name), user, now_ms)
                else:
                    pipe.hdel(_key(segment.name), user)
            is_sent = {each.name for each in opened.segments if each.webhook}
            for way in OUTBOX:
                leaving = [each for each in changes if way == "topic" or each.segment in is_sent]
                if leaving:
                    pipe.zadd(_outbox(way), {each.model_dump_json(): position for each in leaving})
            pipe.zremrangebyrank(_outbox("webhook"), 0, -MOST_WAITING - 1)
            try:
                await pipe.execute()
            except WatchError:
                raise OvertakenError from None
        return changes

    async def note_walk(self, segments: Sequence[Segment], began: datetime) -> None:
        """Note it, where a segment is as it was when the walk began."""
        for segment in segments:
            change = partial(walked, was=segment, began=began)
            await self._change(segment.name, change)

    async def sizes(self, names: Sequence[str]) -> list[int]:
        """Return how many people are in each: one round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hlen(_key(name))
            return [*await pipe.execute()]

    async def members(self, name: str) -> AsyncIterator[list[Member]]:
        """Yield them, step by step of a scan."""
        cursor = 0
        while True:
            async with translated():
                step: Any = await self._redis.hscan(_key(name), cursor, count=SCANNED)
            cursor, found = step
            users = {field: readable(field) for field in found}
            await self._forget(_key(name), [field for field, user in users.items() if user is None])
            some = [
                Member(user, number(found[field]) or 0)
                for field, user in users.items()
                if user is not None
            ]
            if some:
                yield some
            if not cursor:
                return

    async def _forget(self, key: str, damaged: Sequence[bytes]) -> None:
        """Drop members whom nobody can name."""
        if damaged:
            self._damage.say(damaged)
            async with translated():
                await self._redis.hdel(key, *damaged)

    async def of_users(self, users: Sequence[str]) -> list[dict[str, int]]:
        """Return which segments each is in."""
        opened = await self.open(users)
        pairs = [*zip(opened.segments, opened.since, strict=True)]
        return [
            {segment.name: since[user] for segment, since in pairs if user in since}
            for user in users
        ]

    async def waiting(self, way: str, most: int) -> list[Change]:
        """Return the oldest; what is damaged is dropped, and what another program wrote is ours."""
        async with translated():
            stored: Any = await self._redis.zrange(_outbox(way), 0, most - 1)
        read = {value: _change(value) for value in stored}
        damaged = [value for value, each in read.items() if each is None]
        if damaged:
            self._damage.say(damaged)
            async with translated():
                await self._redis.zrem(_outbox(way), *damaged)
        sound = {value: each for value, each in read.items() if each is not None}
        await self._rewrite(_outbox(way), sound)
        return [*sound.values()]

    async def _rewrite(self, outbox: str, read: Mapping[bytes, Change]) -> None:
        """Let changes that are written otherwise than we do be as we do: `sent` finds them so."""
        ours = {value: each.model_dump_json().encode() for value, each in read.items()}
        others = [value for value, written in ours.items() if written != value]
        if others:
            async with translated(), self._redis.pipeline(transaction=True) as pipe:
                pipe.zrem(outbox, *others)
                pipe.zadd(outbox, {ours[value]: read[value].position for value in others})
                await pipe.execute()

    async def queued(self, way: str) -> int:
        """Return how many there are."""
        async with translated():
            return int(await self._redis.zcard(_outbox(way)))

    async def sent(self, way: str, changes: Sequence[Change]) -> None:
        """Drop them."""
        if changes:
            async with translated():
                await self._redis.zrem(_outbox(way), *(each.model_dump_json() for each in changes))


def _key(name: str) -> str:
    return f"segment:{name}"


def _key_of(name: bytes) -> bytes:
    """Return the same of a name as it is stored: it may be no text."""
    return _key("").encode() + name


def _outbox(way: str) -> str:
    return f"segments:outbox:{way}"


def _name(segment: Segment) -> str:
    return segment.name


def _segment(value: bytes | str) -> Segment | None:
    try:
        return Segment.model_validate_json(value)
    except ValidationError:
        return None


def _change(value: bytes | str) -> Change | None:
    try:
        return Change.model_validate_json(value)
    except ValidationError:
        return None
