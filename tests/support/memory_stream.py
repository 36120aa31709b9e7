"""A log in memory, read by the members of a group: kept to what Kafka does by the same tests."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress

from portrait.errors import StoreUnavailableError
from portrait.events.progress import LogName, StoredOffsets
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Record
from portrait.outage import closes_within
from tests.support.fakes import MemoryOffsets
from tests.support.memory_log import MemoryLog, Place, place_of

IDLE_SECONDS = 0.005  # how often an idle reader reports its progress


class MemoryGroup:
    """Who reads some topics of a log together, or all, and up to where that is committed."""

    def __init__(self, log: MemoryLog, topics: Collection[str] = ()) -> None:
        self.log = log
        self.offsets = MemoryOffsets()
        self.members: list[MemoryStream] = []
        self._topics = topics

    @asynccontextmanager
    async def reader(
        self, closing: asyncio.Event, resume: Resume | None = None, most: int = sys.maxsize
    ) -> "AsyncIterator[MemoryStream]":
        """Join the group, and leave it at the end."""
        stream = MemoryStream(self, closing, resume, most)
        try:
            yield stream
        finally:
            self.members.remove(stream)

    def share(self, member: "MemoryStream") -> set[Place]:
        """Return what a member is to read: a range of the partitions of each topic."""
        rank, members = self.members.index(member), len(self.members)
        topics: dict[str, list[Place]] = {}
        for place in sorted(self.log.places):
            topics.setdefault(place[0], []).append(place)
        return {
            place
            for topic, places in topics.items()
            if topic in self._topics or not self._topics
            for number, place in enumerate(places)
            if number * members // len(places) == rank
        }

    def held(self, but_by: "MemoryStream") -> set[Place]:
        """Return what other members still have."""
        return {place for each in self.members if each is not but_by for place in each.assigned}


class MemoryStream:
    """An `EventStream`: one member of a group, that remembers what it was asked to do."""

    def __init__(
        self,
        group: MemoryGroup,
        closing: asyncio.Event | None = None,
        resume: Resume | None = None,
        most: int = sys.maxsize,
    ) -> None:
        """Join a group; without a `resume`, reading begins at the offsets committed to it."""
        self.closing = closing or asyncio.Event()
        self.assigned: set[Place] = set()
        self.committed: list[Batch] = []
        self.pauses: list[float] = []
        self.at_pause: Callable[[], object] = lambda: None
        self.rewinds = 0
        self._group = group
        self._resume = resume or Resume(group.offsets, "group")
        self._most = most  # records of a batch
        self._unplaced: set[Place] = set()  # assigned, and not yet where they resume
        self._next: dict[Place, int] = {}  # which of the log's records is the first to be read
        self._ended: dict[Place, int] = {}  # when each was last read to its end, ms
        self._in_hand: Batch | None = None  # yielded, and not committed yet
        group.members.append(self)

    @property
    def has_in_hand(self) -> bool:
        """Whether something was yielded and is not committed."""
        return self._in_hand is not None

    @property
    def is_handing_over(self) -> bool:
        """Whether somebody else waits for what is in hand."""
        return self.has_in_hand and not self.assigned <= self._group.share(self)

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield batches until closed."""
        while not self._is_over():
            await asyncio.sleep(0)
            batch = await self._gather()
            if batch.ends:
                self._in_hand = batch
            yield batch

    async def commit(self, batch: Batch) -> None:
        """Commit the offsets after this batch."""
        self.committed.append(batch)
        logs = {place: LogName(number) for place, number in batch.logs.items()}
        offsets = self._group.offsets
        await offsets.save("group", StoredOffsets(offsets.life, batch.ends, logs))
        if batch is self._in_hand:
            self._in_hand = None

    async def pause(self, seconds: float) -> bool:
        """Take in nothing for a while; false if closed meanwhile."""
        self.pauses.append(seconds)
        self.at_pause()
        return not await closes_within(self.closing, seconds)

    def rewind(self) -> None:
        """Go on from where the store says it is."""
        self.rewinds += 1
        self._unplaced = set(self.assigned)
        self._next.clear()
        self._ended.clear()
        self._in_hand = None

    def _is_over(self) -> bool:
        return self.closing.is_set()

    async def _gather(self) -> Batch:
        """Return what is there, or, after a while, that there is nothing."""
        self._share()
        await self._place()
        if self.is_handing_over or not self._unread():
            await closes_within(self.closing, IDLE_SECONDS)
        return Batch(()) if self.is_handing_over else self._cut()

    def _share(self) -> None:
        """Leave to others what is theirs, once it is committed; take what nobody has any more."""
        share = self._group.share(self)
        if not self.has_in_hand:
            for lost in self.assigned - share:
                self.assigned.discard(lost)
                self._unplaced.discard(lost)
                self._next.pop(lost, None)
                self._ended.pop(lost, None)
        new = share - self.assigned - self._group.held(but_by=self)
        self.assigned |= new
        self._unplaced |= new

    async def _place(self) -> None:
        """Go to where the store says it is, in partitions that have just been assigned."""
        if not self._unplaced:
            return
        with suppress(StoreUnavailableError):  # asked again with the next batch
            points = await self._resume.points(dict.fromkeys(self._unplaced, ""))
            for place in self._unplaced:
                self._next[place] = self._group.log.index(place, points[place].offset or 0)
            self._unplaced.clear()

    def _unread(self) -> list[tuple[int, Record]]:
        """Return the records to be read, each with its number in the log."""
        records = self._group.log.records
        start = min(self._next.values(), default=len(records))
        return [
            (number, records[number])
            for number in range(start, len(records))
            if number >= self._next.get(place_of(records[number]), len(records))
        ]

    def _cut(self) -> Batch:
        """Take records up to the bound; the rest stays for the next batch."""
        unread, since = self._unread(), self._since()
        left = {place_of(record): number for number, record in reversed(unread[self._most :])}
        self._next = dict.fromkeys(self._next, len(self._group.log.records)) | left
        taken = [record for _, record in unread[: self._most]]
        newest = {place_of(record): record for record in taken}
        ends = {place: record.offset + 1 for place, record in newest.items()}
        return Batch(taken, ends, self._reached(newest, left), since=since)

    def _since(self) -> int:
        """Say when every partition was last known to be read to its end, ms; 0: not known."""
        return min((self._ended.get(place, 0) for place in self.assigned), default=0)

    def _reached(self, newest: Mapping[Place, Record], behind: Collection[Place]) -> dict[int, int]:
        """Say up to which moment each partition number has been read, in all its topics."""
        reached: dict[int, int] = {}
        now = round(time.time() * 1_000)
        for place in self.assigned:
            if place in self._unplaced or place in behind:
                moment = newest[place].timestamp if place in newest else 0
            else:
                moment = self._ended[place] = now
            _, partition = place
            reached[partition] = min(reached.get(partition, moment), moment)
        return {partition: moment for partition, moment in reached.items() if moment}
