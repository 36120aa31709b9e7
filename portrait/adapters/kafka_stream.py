"""The log on Kafka, read as one member of a consumer group."""

import asyncio
import bisect
import itertools
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
)
from aiokafka.structs import OffsetAndMetadata

from portrait import metrics
from portrait.adapters.kafka_client import Cluster, why_away
from portrait.adapters.kafka_fetch import MOST_FETCHED, Fetching
from portrait.adapters.kafka_names import SAME, Names
from portrait.adapters.kafka_offsets import KafkaOffsets, written
from portrait.adapters.kafka_places import AWAY_SECONDS, Places
from portrait.adapters.kafka_records import Intake
from portrait.errors import StreamUnavailableError
from portrait.events.history import Place
from portrait.events.progress import LogName
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Notes, Record, Unreadable
from portrait.outage import Outage, closes_within

IDLE_MS = 200  # how often an idle reader reports its progress
STUCK_SECONDS = 0.2  # that the client may take for longer than it was told: then it rejoins
LAG_SECONDS = 1.0  # how often lag is exported: it costs a pass over every partition
CONNECT_SECONDS = 2.0  # between two tries to connect
SILENT_SECONDS = 10.0  # without an answer until that is said; a fetch is answered within 0.1
DRAIN_SECONDS = 20.0  # longest a rebalance waits for the batch in hand; a join allows 300
ANSWER_SECONDS = 10.0  # longest wait for a commit, until it is tried again
METADATA_MS = 3_000  # between two looks at the cluster: a topic that is made anew has a group again
PARTITION_BYTES = 1_048_576  # of one partition in a fetch: Kafka's own default

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a batch may be, and how long whoever reads waits."""

    wait: timedelta  # for a batch to fill
    records: int  # of a batch
    bytes: int  # of a batch's messages
    outage: timedelta  # of store or log, until reading ends


class KafkaStream:
    """An `EventStream`. One task reads it; `closing` ends it after the batch in hand."""

    def __init__(  # noqa: PLR0913, PLR0917 - what is read, by whom, from where
        self,
        consumer: AIOKafkaConsumer,
        bounds: Bounds,
        closing: asyncio.Event,
        resume: Resume,
        notes: Notes | None = None,
        names: Names = SAME,
    ) -> None:
        self._consumer = consumer
        self._names = names
        self._wait = bounds.wait.total_seconds()
        self._most_records = bounds.records
        self._most_bytes = bounds.bytes
        # Read, but not yielded yet: over the bounds of the last batch.
        self._held: dict[TopicPartition, list[Record]] = {}
        self._closing = closing
        self._intake = Intake()
        self._fetching = Fetching(consumer, self._intake, names)
        self._places = Places(
            consumer, self._fetching, resume, notes or Notes(), bounds.outage, names
        )
        self._outage = bounds.outage
        self._silence = 0.0  # seconds of polling since the broker last answered
        self._last: Batch | None = None  # yielded, and not committed yet
        self._idle = asyncio.Event()  # everything yielded is committed
        self._idle.set()
        self._handing_over = False
        self._rejoining = False  # from a rebalance until partitions are assigned
        self._lag_at = 0.0

    @property
    def is_handing_over(self) -> bool:
        """Whether a rebalance waits for what is in hand."""
        return self._handing_over

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield batches until closed: what arrives within the wait, up to the bounds."""
        while not self._closing.is_set():
            batch = await self._gather()
            if batch.ends:
                self._last = batch
                self._idle.clear()
            yield batch

    async def commit(self, batch: Batch) -> None:
        """Commit the offsets after this batch; a member voted out leaves that to the next."""
        if not batch.ends:
            return
        try:
            await self._commit(batch)
        except (CommitFailedError, IllegalStateError):
            log.warning("commit_refused", partitions=len(batch.ends))  # its new owner reads again
        if batch is self._last:
            self._idle.set()

    async def _commit(self, batch: Batch) -> None:
        """Commit as often as the log is away, for as long as is allowed, or until closed."""
        offsets = {
            self._names.at(place): OffsetAndMetadata(end, self._metadata(place, batch))
            for place, end in batch.ends.items()
        }
        outage = Outage(self._outage)
        while True:
            try:
                await asyncio.wait_for(self._consumer.commit(offsets), ANSWER_SECONDS)
            except (CommitFailedError, IllegalStateError):
                raise
            except (KafkaError, TimeoutError) as error:
                if outage.is_over_limit():
                    raise StreamUnavailableError from error
                log.warning("stream_unavailable", doing="commit", retry_seconds=AWAY_SECONDS)
                if await closes_within(self._closing, AWAY_SECONDS):
                    return  # what is not committed is read again
            else:
                return

    def _metadata(self, place: Place, batch: Batch) -> str:
        """Say which log an offset is of, for whoever goes on from it."""
        named = self._places.log_of(self._names.at(place))
        number = batch.logs.get(place, 0) if batch.ids or batch.logs else named.number
        return written(LogName(number, batch.ids.get(place, named.id)))

    async def pause(self, seconds: float) -> bool:
        """Take in nothing for a while; polling goes on, so the group keeps this member.

        Returns whether reading is to go on: false if the stream was closed meanwhile.
        """
        assigned = self._consumer.assignment()
        self._consumer.pause(*assigned)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self._closing.is_set():
            self._hold(await self._fetch(IDLE_MS) or {})  # of a new assignment
        still = assigned & self._consumer.assignment()
        self._consumer.resume(*still)
        return not self._closing.is_set()

    @property
    def partitions(self) -> set[int]:
        """The partition numbers that this member reads, of whichever topic."""
        return {at.partition for at in self._consumer.assignment()}

    def rewind(self) -> None:
        """Drop what was read and is not committed; go on from where the store says it is."""
        self._held.clear()
        self._places.rewind()
        self._idle.set()

    def begin(self, topics: Sequence[str]) -> None:
        """Join the group, once the consumer is connected."""
        self._fetching.watch()
        self._consumer.subscribe([*map(self._names.there, topics)], listener=_Handover(self))

    def assigned(self, partitions: set[TopicPartition]) -> None:
        """Take partitions over: reading begins where the store says it is."""
        self._places.unplaced |= partitions
        self._rejoining = False

    async def drained(self, revoked: set[TopicPartition]) -> None:
        """Wait until what is in hand is committed; forget what was read of partitions now lost."""
        self._handing_over = self._rejoining = True
        try:
            await asyncio.wait_for(self._idle.wait(), DRAIN_SECONDS)
        except TimeoutError:
            log.warning("drain_timed_out", seconds=DRAIN_SECONDS)
        finally:
            self._handing_over = False
        for lost in revoked:
            self._held.pop(lost, None)
            self._places.leave(lost)
            with suppress(KeyError):  # a partition that is not ours has no lag to tell of
                metrics.partition_lag.remove(self._names.here(lost.topic), str(lost.partition))

    async def _gather(self) -> Batch:
        """Wait for a first record, then for more until the batch is full or the wait is over.

        While the group waits for what is in hand, nothing more comes into it.
        """
        if self._handing_over:
            await closes_within(self._closing, IDLE_MS / 1_000)
            return Batch(())
        held = sum(len(each.value or b"") for records in self._held.values() for each in records)
        self._intake.left = self._most_bytes - held
        if not self._held:
            await self._poll(IDLE_MS)
        ends = time.monotonic() + self._wait
        while self._held and self._has_room() and not self._is_waited_for:
            left = ends - time.monotonic()
            if left <= 0:
                break
            await self._poll(int(left * 1_000) + 1)
        return Batch(()) if self._rejoining else self._cut()

    @property
    def _is_waited_for(self) -> bool:
        """Whether the group waits for what is in hand, or somebody for the end."""
        return self._handing_over or self._closing.is_set()

    def _has_room(self) -> bool:
        return self._room() > 0 and self._intake.left > 0

    def _room(self) -> int:
        """Return how many records the batch can still take."""
        return self._most_records - sum(map(len, self._held.values()))

    async def _poll(self, timeout_ms: int) -> None:
        await self._places.resume(self._closing)
        await self._places.heal({at.topic for at in self._held})
        started = time.monotonic()
        try:
            while (found := await self._fetch(timeout_ms, self._room())) is None:
                if self._is_waited_for:
                    return
        except KafkaError as error:
            raise StreamUnavailableError from error
        if self._rejoining:
            return  # what was found is read again, from where the store says
        self._hold(found)
        self._fetching.give_turns(found)
        self._listen(started, heard=bool(found))
        await self._places.learn(self._held)

    async def _fetch(
        self, timeout_ms: int, most: int | None = None
    ) -> Mapping[TopicPartition, list[Record]] | None:
        """Return what comes within a time, or None while the client rejoins the group.

        From the start of a rebalance to its end it does not return: whoever waits for it does not
        learn that the group waits for what is in hand. Cut short, it has not given anything yet.
        """
        fetching = self._consumer.getmany(timeout_ms=timeout_ms, max_records=most)
        try:
            return await asyncio.wait_for(fetching, timeout_ms / 1_000 + STUCK_SECONDS)
        except TimeoutError:
            return None

    def _listen(self, started: float, *, heard: bool) -> None:
        """Say when the broker has not answered for long, and give up when for too long."""
        heard = heard or self._fetching.answered_at >= started
        if heard or not self._consumer.assignment():
            self._silence = 0.0
            return
        before, self._silence = self._silence, self._silence + time.monotonic() - started
        if before // SILENT_SECONDS < self._silence // SILENT_SECONDS:
            log.warning("stream_unavailable", doing="fetch", seconds=round(self._silence))
        if self._silence > self._outage.total_seconds():
            raise StreamUnavailableError

    def _hold(self, found: Mapping[TopicPartition, list[Record]]) -> None:
        """Keep what was read, but for partitions assigned meanwhile, whose place was another."""
        for at, records in found.items():
            if at not in self._places.unplaced:
                self._held.setdefault(at, []).extend(records)
                _count_unreadable(records)

    def _cut(self) -> Batch:
        """Take records up to the byte bound, at least one; the rest stays for the next batch."""
        taken: list[Record] = []
        newest: dict[TopicPartition, Record] = {}
        room = self._most_bytes
        for at in list(self._held):
            if room <= 0:
                break
            records = self._held.pop(at)
            sizes = list(itertools.accumulate(len(record.value or b"") for record in records))
            fit = min(bisect.bisect_left(sizes, room) + 1, len(records))
            if fit < len(records):
                self._held[at] = records[fit:]
            taken += records[:fit]
            room -= sizes[fit - 1]
            newest[at] = records[fit - 1]
        ends = {self._names.place(at): record.offset + 1 for at, record in newest.items()}
        self._places.position.update({at: record.offset + 1 for at, record in newest.items()})
        names = {self._names.place(at): self._places.log_of(at) for at in newest}
        logs = {place: named.number for place, named in names.items() if named.number}
        ids = {place: named.id for place, named in names.items() if named.id}
        since = self._since()
        return Batch(taken, ends, self._reached(newest), logs, ids, since)

    def _since(self) -> int:
        """Say when every partition was last known to be read to its end, ms; 0: not known."""
        return min((self._places.ended.get(at, 0) for at in self._consumer.assignment()), default=0)

    def _reached(self, newest: Mapping[TopicPartition, Record]) -> dict[int, int]:
        """Say up to which moment each partition number has been read, in all its topics."""
        reached: dict[int, int] = {}
        now = round(time.time() * 1_000)
        for at in self._consumer.assignment():
            end = self._consumer.highwater(at)
            if end is not None and self._next(at) >= end:
                moment = self._places.ended[at] = self._consumer.last_poll_timestamp(at)
            else:  # 0: not known, as of what a producer has stamped for the future
                moment = newest[at].timestamp if at in newest else 0
                moment = moment if 0 < moment <= now else 0
            reached[at.partition] = min(reached.get(at.partition, moment), moment)
        self._export_lag()
        return {partition: moment for partition, moment in reached.items() if moment}

    def _next(self, at: TopicPartition, unknown: int = -1) -> int:
        """Return the offset of the next record to be yielded: behind what is none, too.

        That is a transaction's marker, what an aborted one held, or what compaction has removed.
        """
        position = self._places.position.get(at)
        if position is None:
            return unknown
        return position if at in self._held else max(position, self._fetching.epochs.read_to(at))

    def _export_lag(self) -> None:
        """Set the lag of every partition, once in a while."""
        if time.monotonic() - self._lag_at < LAG_SECONDS:
            return
        self._lag_at = time.monotonic()
        for at in self._consumer.assignment():
            end = self._consumer.highwater(at) or 0
            lag = max(end - self._next(at, end), 0)
            metrics.partition_lag.labels(*self._names.place(at)).set(lag)


def _count_unreadable(records: Sequence[Record]) -> None:
    """Count what could not be read, of one partition; with a line for each reason, not for each."""
    unreadable = [record for record in records if isinstance(record, Unreadable)]
    for reason, same in itertools.groupby(unreadable, lambda record: record.reason):
        first, *others = same
        metrics.records_unreadable.labels(first.topic).inc(1 + len(others))
        log.warning(
            "record_unreadable",
            topic=first.topic,
            partition=first.partition,
            offset=first.offset,
            records=1 + len(others),
            reason=reason,
        )


class _Handover(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Lets the stream finish what it has in hand, and begin where its predecessor ended."""

    def __init__(self, stream: KafkaStream) -> None:
        self._stream = stream

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._stream.drained(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._stream.assigned(assigned)
        log.info("partitions_assigned", partitions=len(assigned))


@asynccontextmanager
async def open_stream(  # noqa: PLR0913 - what is read, by whom, from where
    cluster: Cluster,
    bounds: Bounds,
    *,
    group: str,
    topics: Sequence[str],
    closing: asyncio.Event,
    resume: Resume | None = None,
    notes: Notes | None = None,
) -> AsyncIterator[KafkaStream]:
    """Join a consumer group, as soon as the log is there; leave it at the end.

    Reading begins where `resume` says, asked whenever partitions are assigned; without it, at the
    offsets committed to Kafka.

    Partitions are given out by range: topics with equal partition counts are assigned together, so
    a user's events of all topics go to one member.

    Raises:
        StreamUnavailableError: The log has been away for too long.
    """
    names = cluster.names
    consumer = await _connected(cluster, bounds.outage, names.there(group), closing)
    offsets = resume or Resume(KafkaOffsets(consumer, names), group)
    stream = KafkaStream(consumer, bounds, closing, offsets, notes, names)
    try:
        if not closing.is_set():
            await _look_at(consumer, [*map(names.there, topics)])
            stream.begin(topics)
        yield stream
    finally:
        await consumer.stop()


async def _look_at(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> None:
    """Say what is wrong with topics that are read together, and what to do."""
    with suppress(KafkaError):  # if it is away again, reading says so
        there = await consumer.topics()
        missing = sorted({*topics} - there)
        if missing:
            names = ", ".join(missing)
            reason = f"{names}: not on Kafka. Run `portrait topics`, which creates what is missing."
            log.warning("topics_missing", reason=reason)
        counts = {at: len(consumer.partitions_for_topic(at) or ()) for at in topics if at in there}
        if len({*counts.values()}) > 1:
            told = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
            reason = (
                f"{told} partitions. What a user did then lies in several of them: it is counted "
                "once all the same, but profiles are larger. Give all topics as many."
            )
            log.warning("partitions_differ", reason=reason)


async def _connected(
    cluster: Cluster, longest: timedelta, group: str, closing: asyncio.Event
) -> AIOKafkaConsumer:
    """Connect, as often as the log is away, for as long as is allowed, or until closed."""
    outage = Outage(longest)
    while True:
        consumer = _consumer(cluster, group)
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            reason = await why_away(cluster, error)
            if outage.is_over_limit():
                raise StreamUnavailableError(reason) from error
            log.warning("kafka_away", reason=reason, retry_seconds=CONNECT_SECONDS)
            if await closes_within(closing, CONNECT_SECONDS):
                return consumer  # nothing will be read
        else:
            return consumer


def _consumer(cluster: Cluster, group: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **cluster.options(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        partition_assignment_strategy=(RangePartitionAssignor,),
        fetch_max_wait_ms=100,  # how stale "nothing more to read" may be
        fetch_max_bytes=MOST_FETCHED,
        max_partition_fetch_bytes=PARTITION_BYTES,
        check_crcs=False,  # `PartitionReader` does
        metadata_max_age_ms=METADATA_MS,
    )
