"""Offsets that a consumer group commits to Kafka itself, beside the name of the log they are of."""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from portrait.adapters.kafka_names import Names
from portrait.events.progress import LARGEST_LOG, LogName, StoredOffsets

LIFE = "kafka"  # what is committed there is not lost with a process


class KafkaOffsets:
    """An `OffsetStore` for what is written elsewhere: of the partitions that are assigned."""

    def __init__(self, consumer: AIOKafkaConsumer, names: Names) -> None:
        self._consumer = consumer
        self._names = names

    async def load(self, group: str) -> StoredOffsets:  # noqa: ARG002 - the consumer's own
        """Return what is committed."""
        coordinator = self._consumer._coordinator  # noqa: SLF001 - `committed` keeps names back
        found = await coordinator.fetch_committed_offsets(list(self._consumer.assignment()))
        committed = {self._names.place(at): stored for at, stored in found.items()}
        return StoredOffsets(
            LIFE,
            {place: stored.offset for place, stored in committed.items() if stored.offset >= 0},
            {place: log_of(stored.metadata) for place, stored in committed.items()},
        )

    async def save(self, group: str, offsets: StoredOffsets) -> bool:  # noqa: ARG002
        """Commit; a member voted out leaves that to the next."""
        try:
            await self._consumer.commit(
                {
                    self._names.at(place): OffsetAndMetadata(
                        end, written(offsets.logs.get(place, LogName()))
                    )
                    for place, end in offsets.ends.items()
                }
            )
        except (CommitFailedError, IllegalStateError):
            return True  # its next owner finds out by itself
        return True


def written(log: LogName) -> str:
    """Write the name of a log, as it is committed beside an offset."""
    return f"{log.number} {log.id}"


def log_of(metadata: str | None) -> LogName:
    """Read the name of a log; older versions committed none, and some brokers keep none."""
    number, _, id = (metadata or "").partition(" ")
    is_one = number.isdecimal() and len(number) < 10 and int(number) <= LARGEST_LOG  # noqa: PLR2004
    return LogName(int(number), id) if is_one else LogName()
