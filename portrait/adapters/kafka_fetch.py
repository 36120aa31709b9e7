"""Fetching from one log, and from no other of the same name.

The client library asks for a topic by its name, so a topic that was deleted and made anew goes on
under an old offset without a word. Here the same request asks by the topic's id, and says which
leader wrote what was read last: a broker answers then that this log is not there any more, or where
it differs from what was read. What comes is read by our own reader (`kafka_records`).

aiokafka's fetcher ─▶ Fetching.send ─▶ its client ─▶ broker
        ▲                  │ ids, epochs, room              what it could not give: `failed`
        └── placeholder ◀──┘ readers, put into its place by `watch`
"""

import asyncio
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.protocol.fetch import FetchRequest

from portrait.adapters.kafka_names import Names
from portrait.adapters.kafka_protocol import BY_ID, NO_ID, FetchAnswer, FetchById, TopicIds
from portrait.adapters.kafka_records import Intake, PartitionReader

MOST_FETCHED = 16_777_216  # bytes that wait to be read, of all partitions together
ROOM_SECONDS = 0.02  # between two looks whether there is room again
REFUSED_SECONDS = 0.1  # after an answer that some log is not there: the next one will say so, too
WITH_REPLICA = 11  # the version of Fetch that names a replica to read from, before the records
OUT_OF_RANGE, NO_TOPIC, NO_TOPIC_ID, OTHER_TOPIC_ID = 1, 3, 100, 103  # error codes of Kafka's
_DIVERGES = struct.Struct(">iq")  # epoch, its end: where the log differs from what was read
_PLACEHOLDER = struct.pack(">qi", 0, 50) + bytes(50)  # a batch, as far as the library looks


class Failure(StrEnum):
    """Why nothing came."""

    GONE = "gone"  # the log is not there under its id
    RANGE = "range"  # it does not hold the offset
    DIVERGES = "diverges"  # it holds something else before the offset


class Failed(NamedTuple):
    """A partition of which nothing came."""

    why: Failure
    offset: int  # asked for
    end: int = 0  # as far as the answer tells it


class Epochs:
    """Which leader wrote what was read last, by partition: of one place, or it is not known."""

    def __init__(self) -> None:
        self._readers: dict[TopicPartition, PartitionReader] = {}

    def note(self, at: TopicPartition, reader: PartitionReader) -> None:
        """Go by what this one reads."""
        self._readers[at] = reader

    def forget(self, at: TopicPartition) -> None:
        """Go by nothing."""
        self._readers.pop(at, None)

    def read_to(self, at: TopicPartition) -> int:
        """Return the offset behind what was read, markers and all; -1 if that is not known."""
        reader = self._readers.get(at)
        return reader.next_fetch_offset if reader else -1

    def before(self, at: TopicPartition, offset: int) -> int:
        """Return the epoch of what was read before an offset; -1 if that is not known."""
        reader = self._readers.get(at)
        return reader.epoch if reader and reader.next_fetch_offset == offset else -1


@dataclass(frozen=True, slots=True)
class _Part:
    """What an answer says of a partition, whatever its version."""

    at: TopicPartition
    error: int
    highwater: int
    stable: int  # offset of the first transaction that is still open, or the highwater
    aborted: Sequence[tuple[int, int]]  # transactions: producer, first offset
    records: bytes
    diverges: int | None = None  # at which offset


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as the client library reads it."""

    topics: list[tuple[str, list[tuple[object, ...]]]]
    API_VERSION: int = 11


class Fetching:
    """What stands between the client library's fetcher and its client."""

    def __init__(self, consumer: AIOKafkaConsumer, intake: Intake, names: Names) -> None:
        self.ids: dict[TopicPartition, bytes] = {}  # of the log that is read; none: by name
        self.failed: dict[TopicPartition, Failed] = {}
        self.epochs = Epochs()
        self.answered_at = time.monotonic()
        self.is_by_id = False  # whether the last answer came by ids
        self._client = consumer._client  # noqa: SLF001 - there is no other way in between
        self._fetcher: Fetcher = consumer._fetcher  # noqa: SLF001
        self._intake = intake
        self._names = names
        self._brought: dict[TopicPartition, PartitionReader] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        return getattr(self._client, name)

    def watch(self) -> None:
        """Stand in between from now on."""
        self._fetcher._client = self  # noqa: SLF001
        self._fetcher._proc_fetch_request = self._fetched  # noqa: SLF001

    def enter(self, at: TopicPartition, id: str) -> None:
        """Read the log with this id from now on; without one, whichever has the name."""
        self.leave(at)
        if id:
            self.ids[at] = bytes.fromhex(id)

    def leave(self, at: TopicPartition) -> None:
        """Forget about a partition."""
        self.ids.pop(at, None)
        self.failed.pop(at, None)
        self.epochs.forget(at)

    def give_turns(self, taken: Iterable[TopicPartition]) -> None:
        """Let those come first that nothing was taken of: the fetcher goes by the order it has."""
        waiting = self._fetcher._records  # noqa: SLF001
        for at in taken:
            if at in waiting:
                waiting[at] = waiting.pop(at)

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, bytes]:
        """Return the ids that topics have now; none of one that is not there.

        Raises:
            KafkaError: No answer.
            NotImplementedError: The broker gives topics no ids, as aiokafka says it of a version,
            IncompatibleBrokerVersion: or of a request that it does not know at all.
        """
        node = self._client.get_random_node()
        answer = await self._client.send(node, TopicIds(sorted(set(topics))))
        return {topic: id for error, topic, id, *_ in answer.topics if not error and id != NO_ID}

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:  # noqa: ANN401
        """Send a request; of a fetch, put what comes into order first."""
        if not isinstance(request, FetchRequest):
            return await self._client.send(node_id, request, **options)
        fetch = FetchById(request, dict(self.ids), self.epochs.before, await self._room())
        answer = await self._client.send(node_id, fetch, **options)
        self.answered_at = time.monotonic()
        self.is_by_id = answer.API_VERSION == BY_ID
        parts = _parts_by_id(answer, fetch, self.ids) if self.is_by_id else _parts(answer)
        offsets = {at: offset for at, offset, _ in fetch.asked()}
        told = [self._told(part, offsets[part.at]) for part in parts if part.at in offsets]
        if any(entry is None or entry[1] for entry in told):
            await asyncio.sleep(REFUSED_SECONDS)
        places = zip((part.at for part in parts if part.at in offsets), told, strict=True)
        return _Answer([(at.topic, [entry]) for at, entry in places if entry is not None])

    async def _room(self) -> int:
        """Wait until something may wait to be read; return how many bytes."""
        while True:
            waiting = sum(
                result._partition_records.bytes  # noqa: SLF001
                for result in self._fetcher._records.values()  # noqa: SLF001
                if isinstance(result, FetchResult)
                and isinstance(result._partition_records, PartitionReader)  # noqa: SLF001
            )
            if waiting < MOST_FETCHED:
                return MOST_FETCHED - waiting
            await asyncio.sleep(ROOM_SECONDS)

    def _told(self, part: _Part, offset: int) -> tuple[object, ...] | None:
        """Return what the client library is to hear of a partition, None for nothing."""
        if part.error in {NO_TOPIC, NO_TOPIC_ID, OTHER_TOPIC_ID}:
            self.failed[part.at] = Failed(Failure.GONE, offset)
            return part.at.partition, NO_TOPIC, -1, -1, -1, None, -1, b""  # looks for its leader
        if part.error == OUT_OF_RANGE:
            self.failed[part.at] = Failed(Failure.RANGE, offset)
            return None
        if part.diverges is not None:
            self.failed[part.at] = Failed(Failure.DIVERGES, offset, part.diverges)
            return None
        if not part.error and part.highwater < offset:
            self.failed[part.at] = Failed(Failure.RANGE, offset, part.highwater)
        if part.records:
            bounds = (offset, part.highwater, self._intake)
            at = TopicPartition(*self._names.place(part.at))
            reader = PartitionReader(at, part.records, *bounds, aborted=part.aborted)
            self._brought[part.at] = reader
        held = _PLACEHOLDER if part.records else b""
        return part.at.partition, part.error, part.highwater, part.stable, -1, None, -1, held

    async def _fetched(self, assignment: Any, node_id: int, request: FetchRequest) -> bool:  # noqa: ANN401
        """Do what the client library does, and put our readers where its own are.

        It takes an answer to be of when it arrives: what was appended since the broker gave it
        would count as read. It is of when it was asked for, or later.
        """
        asked = round(time.time() * 1_000)
        places = [
            TopicPartition(topic, partition)
            for topic, partitions in request.topics
            for partition, *_ in partitions
        ]
        states = {at: assignment.state_value(at) for at in places}
        before = {at: state.timestamp for at, state in states.items() if state}
        has_new = await Fetcher._proc_fetch_request(self._fetcher, assignment, node_id, request)  # noqa: SLF001
        for at in places:
            if at in before and states[at].timestamp != before[at]:
                states[at].timestamp = asked
            reader = self._brought.pop(at, None)
            result = self._fetcher._records.get(at)  # noqa: SLF001
            if reader is not None and _is_fresh(result):
                result._partition_records = reader  # noqa: SLF001
                self.epochs.note(at, reader)
        return bool(has_new)


def _is_fresh(result: object) -> bool:
    return isinstance(result, FetchResult) and isinstance(
        result._partition_records,  # noqa: SLF001
        PartitionRecords,
    )


def _parts(answer: Any) -> list[_Part]:  # noqa: ANN401 - a response of versions 4 to 11
    aborted = -3 if answer.API_VERSION == WITH_REPLICA else -2
    return [
        _Part(
            TopicPartition(topic, partition),
            error,
            highwater,
            stable,
            rest[aborted] or (),
            rest[-1] or b"",
        )
        for topic, partitions in answer.topics
        for partition, error, highwater, stable, *rest in partitions
    ]


def _parts_by_id(
    answer: FetchAnswer, fetch: FetchById, ids: Mapping[TopicPartition, bytes]
) -> list[_Part]:
    """Return what an answer says; of a topic that it does not name, that it is not there."""
    answered = {
        (id, partition): (
            error,
            highwater,
            stable,
            _named(aborted),
            records or b"",
            _diverges(tags),
        )
        for id, partitions, _ in answer.topics
        for partition, error, highwater, stable, _, aborted, _, records, tags in partitions
    }
    absent = (NO_TOPIC_ID, -1, -1, (), b"", None)
    return [
        _Part(at, *answered.get((ids.get(at, NO_ID), at.partition), absent))
        for at, *_ in fetch.asked()
    ]


def _named(aborted: Sequence[tuple[int, int, object]] | None) -> list[tuple[int, int]]:
    return [(producer, first) for producer, first, _ in aborted or ()]


def _diverges(tags: Mapping[int, bytes]) -> int | None:
    if len(tags.get(0, b"")) < _DIVERGES.size:
        return None
    epoch, end = _DIVERGES.unpack_from(tags[0])
    return int(end) if epoch >= 0 else None
