"""The log on Kafka, read as one member of a consumer group."""

import asyncio
import bisect
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from portrait import metrics
from portrait.adapters.kafka_client import client_options
from portrait.errors import StoreUnavailableError, StreamUnavailableError
from portrait.settings import Settings
from portrait.stream import Batch

IDLE_MS = 200  # how often an idle reader reports its progress
LAG_SECONDS = 1.0  # how often lag is exported: it costs a pass over every partition
POSITION_SECONDS = 1.0  # longest wait to learn where reading begins
AWAY_SECONDS = 0.5  # between two tries while the store is away
DRAIN_SECONDS = 20.0  # longest a rebalance waits for the batch in hand; a join allows 300

Points = Callable[[], Awaitable[Mapping[tuple[str, int], int]]]  # next offset by topic, partition

log = structlog.get_logger()


class KafkaStream:
    """An `EventStream`. One task reads it; `closing` ends it after the batch in hand."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        settings: Settings,
        closing: asyncio.Event,
        resume: Points | None = None,
    ) -> None:
        self._consumer = consumer
        self._wait = settings.batch_wait.total_seconds()
        self._most_records = settings.batch_events
        self._most_bytes = settings.batch_bytes
        # Read, but not yielded yet: over the bounds of the last batch.
        self._held: dict[TopicPartition, list[ConsumerRecord]] = {}
        self._position: dict[TopicPartition, int] = {}  # next offset to be yielded
        self._closing = closing
        self._resume = resume
        self._unplaced: set[TopicPartition] = set()  # assigned, and not yet where they resume
        self._outage = settings.outage_limit.total_seconds()
        self._away_since: float | None = None  # when the store was first found to be away
        self._last: Batch | None = None  # yielded, and not committed yet
        self._idle = asyncio.Event()  # everything yielded is committed
        self._idle.set()
        self._handing_over = False
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
            await self._consumer.commit(
                {TopicPartition(*at): end for at, end in batch.ends.items()}
            )
        except (CommitFailedError, IllegalStateError):
            log.warning("commit_refused", partitions=len(batch.ends))  # its new owner reads again
        except KafkaError as error:
            raise StreamUnavailableError from error
        if batch is self._last:
            self._idle.set()

    async def pause(self, seconds: float) -> bool:
        """Take in nothing for a while; polling goes on, so the group keeps this member.

        Returns whether reading is to go on: false if the stream was closed meanwhile.
        """
        assigned = self._consumer.assignment()
        self._consumer.pause(*assigned)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self._closing.is_set():
            self._hold(await self._consumer.getmany(timeout_ms=IDLE_MS))  # of a new assignment
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
        self._position.clear()
        self._unplaced |= self._consumer.assignment()
        self._idle.set()

    def assigned(self, partitions: set[TopicPartition]) -> None:
        """Take partitions over: reading begins where the store says it is."""
        if self._resume is not None:
            self._unplaced |= partitions

    async def drained(self, revoked: set[TopicPartition]) -> None:
        """Wait until what is in hand is committed; forget what was read of partitions now lost."""
        self._handing_over = True
        try:
            await asyncio.wait_for(self._idle.wait(), DRAIN_SECONDS)
        except TimeoutError:
            log.warning("drain_timed_out", seconds=DRAIN_SECONDS)
        finally:
            self._handing_over = False
        for lost in revoked:
            self._held.pop(lost, None)
            self._position.pop(lost, None)
            self._unplaced.discard(lost)
            with suppress(KeyError):  # a partition that is not ours has no lag to tell of
                metrics.partition_lag.remove(lost.topic, str(lost.partition))

    async def _gather(self) -> Batch:
        """Wait for a first record, then for more until the batch is full or the wait is over."""
        if not self._held:
            await self._poll(IDLE_MS)
        ends = time.monotonic() + self._wait
        while self._held and self._room() and not self._closing.is_set():
            left = ends - time.monotonic()
            if left <= 0:
                break
            await self._poll(int(left * 1_000) + 1)
        return self._cut()

    def _room(self) -> int:
        """Return how many records the batch can still take."""
        return self._most_records - sum(map(len, self._held.values()))

    async def _poll(self, timeout_ms: int) -> None:
        try:
            if not await self._is_placed():
                return
            found = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=self._room())
        except KafkaError as error:
            raise StreamUnavailableError from error
        self._hold(found)
        await self._learn_positions()

    async def _is_placed(self) -> bool:
        """Go to where the store says it is, in partitions that have just been assigned.

        Returns false while the store is away, and raises when it has been for too long.
        """
        if not self._unplaced or self._resume is None:
            return True
        try:
            points = await self._resume()
        except StoreUnavailableError:
            self._away_since = self._away_since or time.monotonic()
            if time.monotonic() - self._away_since > self._outage:
                raise
            log.warning("store_unavailable", retry_seconds=AWAY_SECONDS)
            await asyncio.sleep(AWAY_SECONDS)
            return False
        self._away_since = None
        for at in self._unplaced & self._consumer.assignment():
            point = points.get((at.topic, at.partition))
            if point is None:
                await self._consumer.seek_to_beginning(at)
            else:
                self._consumer.seek(at, point)
        self._unplaced.clear()
        return True

    def _hold(self, found: Mapping[TopicPartition, list[ConsumerRecord]]) -> None:
        """Keep what was read, but for partitions assigned meanwhile, whose place was another."""
        for at, records in found.items():
            if at not in self._unplaced:
                self._held.setdefault(at, []).extend(records)

    async def _learn_positions(self) -> None:
        """Ask where reading began in partitions that have just been assigned."""
        for at in self._consumer.assignment() - self._position.keys():
            if at not in self._held:
                with suppress(IllegalStateError, TimeoutError):  # lost again, or not known yet
                    position = self._consumer.position(at)
                    self._position[at] = await asyncio.wait_for(position, POSITION_SECONDS)

    def _cut(self) -> Batch:
        """Take records up to the byte bound, at least one; the rest stays for the next batch."""
        taken: list[ConsumerRecord] = []
        newest: dict[TopicPartition, ConsumerRecord] = {}
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
        ends = {(at.topic, at.partition): record.offset + 1 for at, record in newest.items()}
        self._position.update({at: record.offset + 1 for at, record in newest.items()})
        return Batch(taken, ends, self._reached(newest))

    def _reached(self, newest: Mapping[TopicPartition, ConsumerRecord]) -> dict[int, int]:
        """Say up to which moment each partition number has been read, in all its topics."""
        reached: dict[int, int] = {}
        for at in self._consumer.assignment():
            end = self._consumer.highwater(at)
            at_end = end is not None and self._position.get(at, -1) >= end and at not in self._held
            if at_end:
                moment = self._consumer.last_poll_timestamp(at)
            else:
                moment = newest[at].timestamp if at in newest else 0  # 0: not known
            reached[at.partition] = min(reached.get(at.partition, moment), moment)
        self._export_lag()
        return {partition: moment for partition, moment in reached.items() if moment}

    def _export_lag(self) -> None:
        """Set the lag of every partition, once in a while."""
        if time.monotonic() - self._lag_at < LAG_SECONDS:
            return
        self._lag_at = time.monotonic()
        for at in self._consumer.assignment():
            end = self._consumer.highwater(at) or 0
            lag = max(end - self._position.get(at, end), 0)
            metrics.partition_lag.labels(at.topic, at.partition).set(lag)


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
async def open_stream(
    settings: Settings,
    *,
    group: str,
    topics: Sequence[str],
    closing: asyncio.Event,
    resume: Points | None = None,
) -> AsyncIterator[KafkaStream]:
    """Join a consumer group; leave it at the end.

    Reading begins where `resume` says, asked whenever partitions are assigned; without it, at the
    offsets committed to Kafka.

    Partitions are given out by range: topics with equal partition counts are assigned together, so
    a user's events of all topics go to one member.
    """
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=(RangePartitionAssignor,),
        fetch_max_wait_ms=100,  # how stale "nothing more to read" may be
    )
    stream = KafkaStream(consumer, settings, closing, resume)
    try:
        await consumer.start()
    except KafkaError as error:
        await consumer.stop()
        raise StreamUnavailableError from error
    try:
        consumer.subscribe(list(topics), listener=_Handover(stream))
        yield stream
    finally:
        await consumer.stop()
