"""The two requests of Kafka's protocol that know topics by their ids.

aiokafka has them in older versions, which know names alone. Schemas: Kafka's `MetadataRequest.json`
and `FetchRequest.json`, and their responses.
"""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO

from aiokafka import TopicPartition
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

NO_ID = bytes(16)
BY_ID = 13  # the version of Fetch that first asks so
_TAGS = ("tags", TaggedFields)


class Uuid(AbstractType[bytes]):  # type: ignore[misc]
    """The sixteen bytes of an id."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """Write them."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """Read them."""
        return data.read(16)


class MetadataAnswer(Response):  # type: ignore[misc] # aiokafka is untyped
    """What topics there are, with their ids."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                _TAGS,
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString()),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("topic_authorized_operations", Int32),
                _TAGS,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        _TAGS,
    )


class MetadataQuestion(RequestStruct):  # type: ignore[misc]
    """Which topics there are."""

    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = MetadataAnswer
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("topic", CompactString()), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class TopicIds(Request[MetadataQuestion]):  # type: ignore[misc]
    """Asks which ids topics have now."""

    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[MetadataQuestion]) -> MetadataQuestion:
        """Return the question."""
        topics: list[tuple[object, ...]] = [(NO_ID, topic, {}) for topic in self._topics]
        return request_struct_class(topics, False, False, False, {})  # noqa: FBT003 - by position


class FetchAnswer(Response):  # type: ignore[misc] # aiokafka is untyped
    """What lies in partitions, by the ids of their topics."""

    API_KEY = 1
    API_VERSION = BY_ID
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("session_id", Int32),
        (
            "topics",
            CompactArray(
                ("topic_id", Uuid),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("highwater", Int64),
                        ("last_stable_offset", Int64),
                        ("log_start_offset", Int64),
                        (
                            "aborted_transactions",
                            CompactArray(("producer_id", Int64), ("first_offset", Int64), _TAGS),
                        ),
                        ("preferred_read_replica", Int32),
                        ("message_set", CompactBytes),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class FetchQuestion(RequestStruct):  # type: ignore[misc]
    """What lies in partitions, by the ids of their topics, and behind what was read."""

    API_KEY = 1
    API_VERSION = BY_ID
    RESPONSE_TYPE = FetchAnswer
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("replica_id", Int32),
        ("max_wait_time", Int32),
        ("min_bytes", Int32),
        ("max_bytes", Int32),
        ("isolation_level", Int8),
        ("session_id", Int32),
        ("session_epoch", Int32),
        (
            "topics",
            CompactArray(
                ("topic_id", Uuid),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("current_leader_epoch", Int32),
                        ("fetch_offset", Int64),
                        ("last_fetched_epoch", Int32),
                        ("log_start_offset", Int64),
                        ("max_bytes", Int32),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        (
            "forgotten_topics_data",
            CompactArray(("topic_id", Uuid), ("partitions", CompactArray(Int32)), _TAGS),
        ),
        ("rack_id", CompactString()),
        _TAGS,
    )


class FetchById(FetchRequest):  # type: ignore[misc] # aiokafka is untyped
    """The client library's request, by id where the broker understands that."""

    def __init__(
        self,
        asked: FetchRequest,
        ids: Mapping[TopicPartition, bytes],
        epoch_before: Callable[[TopicPartition, int], int],
        room: int,
    ) -> None:
        super().__init__(
            asked._max_wait_ms,  # noqa: SLF001 - the library has no other way to read them
            asked._min_bytes,  # noqa: SLF001
            min(asked._max_bytes, room),  # noqa: SLF001
            asked._isolation_level,  # noqa: SLF001
            asked.topics,
        )
        self._ids = ids
        self._epoch_before = epoch_before

    def prepare(self, versions: dict[int, tuple[int, int]]) -> RequestStruct:
        """Choose the version."""
        lowest, highest = versions.get(self.API_KEY, (0, 0))
        if lowest <= BY_ID <= highest and all(at in self._ids for at, *_ in self.asked()):
            return self._by_id()
        return super().prepare(versions)

    def asked(self) -> list[tuple[TopicPartition, int, int]]:
        """Return what is asked for: where, from which offset, how many bytes."""
        return [
            (TopicPartition(topic, partition), offset, most)
            for topic, partitions in self.topics
            for partition, offset, most in partitions
        ]

    def _by_id(self) -> FetchQuestion:
        topics: dict[bytes, list[tuple[object, ...]]] = {}
        for at, offset, most in self.asked():
            epoch = self._epoch_before(at, offset)
            entry: tuple[object, ...] = (at.partition, -1, offset, epoch, -1, most, {})
            topics.setdefault(self._ids[at], []).append(entry)
        listed: list[tuple[object, ...]] = [
            (id, partitions, {}) for id, partitions in topics.items()
        ]
        bounds = (self._max_wait_ms, self._min_bytes, self._max_bytes, self._isolation_level)
        return FetchQuestion(-1, *bounds, 0, -1, listed, [], "", {})
