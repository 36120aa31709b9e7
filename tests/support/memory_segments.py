"""Segments in memory."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from portrait.errors import OvertakenError
from portrait.segments.segment import MOST_SEGMENTS, Change, Member, Segment
from portrait.segments.store import (
    MOST_WAITING,
    Moved,
    Opened,
    TooManySegmentsError,
    changes_of,
    walked,
)


class MemorySegments:
    """A `SegmentStore` in dicts."""

    def __init__(self) -> None:
        self.segments: dict[str, Segment] = {}
        self.since: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.outbox: dict[str, list[Change]] = {"topic": [], "webhook": []}
        self.revision = 0

    async def all(self) -> Sequence[Segment]:
        """Return every segment, by name."""
        return [self.segments[name] for name in sorted(self.segments)]

    async def put(self, name: str, change: Callable[[Segment | None], Segment]) -> Segment:
        """Let one be another."""
        changed = change(self.segments.get(name))
        if len(self.segments.keys() | {name}) > MOST_SEGMENTS:
            raise TooManySegmentsError
        self.segments[name] = changed
        return changed

    async def remove(self, name: str) -> bool:
        """Forget one, and who is in it."""
        self.since.pop(name, None)
        self.revision += 1
        return self.segments.pop(name, None) is not None

    async def forget_unreadable(self) -> Sequence[str]:
        """Find none: what is in memory can be read."""
        return []

    async def open(self, users: Sequence[str]) -> Opened:
        """Return what is known."""
        segments = await self.all()
        since = [
            {user: self.since[each.name][user] for user in users if user in self.since[each.name]}
            for each in segments
        ]
        return Opened(self.revision, segments, since)

    async def settle(self, opened: Opened, moved: Sequence[Moved], now_ms: int) -> Sequence[Change]:
        """Store who is in what."""
        if opened.revision != self.revision:
            raise OvertakenError
        self.revision, changes = changes_of(opened, moved, now_ms)
        for segment, user, is_in in moved:
            if is_in:
                self.since[segment.name][user] = now_ms
            else:
                self.since[segment.name].pop(user, None)
        is_sent = {each.name for each in opened.segments if each.webhook}
        self.outbox["topic"] += changes
        self.outbox["webhook"] += [each for each in changes if each.segment in is_sent]
        del self.outbox["webhook"][:-MOST_WAITING]
        return changes

    async def note_walk(self, segments: Sequence[Segment], began: datetime) -> None:
        """Note it, where a segment is as it was."""
        for segment in segments:
            now = walked(self.segments.get(segment.name), was=segment, began=began)
            if now is not None:
                self.segments[segment.name] = now

    async def sizes(self, names: Sequence[str]) -> list[int]:
        """Return how many people are in each."""
        return [len(self.since[name]) for name in names]

    async def members(self, name: str) -> AsyncIterator[list[Member]]:
        """Yield them, two at a time."""
        members = [Member(*each) for each in self.since[name].items()]
        for at in range(0, len(members), 2):
            yield members[at : at + 2]

    async def of_users(self, users: Sequence[str]) -> list[dict[str, int]]:
        """Return which segments each is in."""
        names = sorted(self.segments)
        return [
            {name: self.since[name][user] for name in names if user in self.since[name]}
            for user in users
        ]

    async def waiting(self, way: str, most: int) -> list[Change]:
        """Return the oldest."""
        return self.outbox[way][:most]

    async def queued(self, way: str) -> int:
        """Return how many there are."""
        return len(self.outbox[way])

    async def sent(self, way: str, changes: Sequence[Change]) -> None:
        """Drop them."""
        self.outbox[way] = [each for each in self.outbox[way] if each not in changes]
