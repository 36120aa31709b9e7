"""Where reading goes on in each partition: in the log that the store says, from where it says.

A log may be another one by now, because its topic was deleted and made anew, or may have lost its
end or its beginning. All of that is seen here, told once, and mended.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, IncompatibleBrokerVersion, KafkaError

from portrait import metrics
from portrait.adapters.kafka_fetch import Failed, Failure, Fetching
from portrait.adapters.kafka_names import Names
from portrait.errors import StoreRestartedError, StoreUnavailableError, StreamUnavailableError
from portrait.events.progress import FIRST_LOG, LogName
from portrait.events.resume import Point, Resume
from portrait.events.stream import Notes
from portrait.outage import Outage, closes_within

AWAY_SECONDS = 0.5  # between two tries while the store or the log is away
POSITION_SECONDS = 1.0  # longest wait to learn where reading begins
ASK_SECONDS = 5.0  # longest wait for what else a broker is asked
LOOK_SECONDS = 2.0  # between two looks at the ids of topics, where a fetch does not go by them

log = structlog.get_logger()


class Places:
    """Of each partition that one member of a group reads: which log, and how far."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that it goes by
        self,
        consumer: AIOKafkaConsumer,
        fetching: Fetching,
        resume: Resume,
        notes: Notes,
        outage: timedelta,
        names: Names,
    ) -> None:
        self.position: dict[TopicPartition, int] = {}  # next offset to be yielded
        self.ended: dict[TopicPartition, int] = {}  # when each was last read to its end, ms
        self.unplaced: set[TopicPartition] = set()  # assigned, and not yet where they resume
        self._consumer = consumer
        self._fetching = fetching
        self._resume = resume
        self._names = names
        self._notes = notes
        self._outage = Outage(outage)
        self._logs: dict[TopicPartition, LogName] = {}
        self._gone: set[TopicPartition] = set()  # whose log is not there any more
        self._missing: set[str] = set()  # topics that are not there
        self._told: set[tuple[str, LogName]] = set()  # which logs are known to have begun again
        self._looked_at = 0.0

    def log_of(self, at: TopicPartition) -> LogName:
        """Return which log is read."""
        return self._logs.get(at, FIRST_LOG)

    def leave(self, at: TopicPartition) -> None:
        """Forget about a partition that another member reads now."""
        self.position.pop(at, None)
        self.ended.pop(at, None)
        self.unplaced.discard(at)
        self._gone.discard(at)
        self._logs.pop(at, None)
        self._fetching.leave(at)

    def rewind(self) -> None:
        """Go on, in every partition, from where the store says it is."""
        self.position.clear()
        self.ended.clear()
        self.unplaced |= self._consumer.assignment()

    async def resume(self, closing: asyncio.Event) -> None:
        """Go to where the store says it is, in partitions that have just been assigned.

        Until all are there, or what is away has been waited for a little.

        Raises:
            StoreUnavailableError: The store has been away for too long.
            StreamUnavailableError: The log has.
        """
        self.unplaced &= self._consumer.assignment()
        if not self.unplaced:
            return
        try:
            everything = await self._go_to_points(set(self.unplaced))
        except (StoreUnavailableError, KafkaError, TimeoutError, StoreRestartedError) as error:
            is_store = isinstance(error, StoreUnavailableError | StoreRestartedError)
            if self._outage.is_over_limit():
                raise (error if is_store else StreamUnavailableError) from error
            what = "store_unavailable" if is_store else "stream_unavailable"
            log.warning(what, doing="resume", retry_seconds=AWAY_SECONDS)
            await closes_within(closing, AWAY_SECONDS)
        else:
            self._outage.ends()
            if not everything:
                await closes_within(closing, AWAY_SECONDS)

    async def _go_to_points(self, places: set[TopicPartition]) -> bool:
        """Say whether all logs are there; nobody has made those anew yet that are not."""
        ids = await self._ids({at.topic for at in places})
        there = [at for at in places if ids is None or at.topic in ids]
        points = await self._resume.points(
            {self._names.place(at): "" if ids is None else ids[at.topic].hex() for at in there},
            gone={*map(self._names.place, self._gone)},
        )
        found = {at: points[self._names.place(at)] for at in there}
        self._tell_begun({at: point.log for at, point in found.items() if point.is_new})
        for at, point in found.items():
            await self._go_to(at, point)
            self._gone.discard(at)
        self._tell_missing({at.topic for at in there}, {at.topic for at in places - {*there}})
        return len(there) == len(places)

    async def _go_to(self, at: TopicPartition, point: Point) -> None:
        """Begin to read a log at a point."""
        self._fetching.enter(at, point.log.id)
        self.position.pop(at, None)
        self.ended.pop(at, None)
        with suppress(IllegalStateError):  # lost again meanwhile
            if point.offset is None:
                await asyncio.wait_for(self._consumer.seek_to_beginning(at), ASK_SECONDS)
            else:
                self._consumer.seek(at, point.offset)
        self._logs[at] = point.log
        self.unplaced.discard(at)

    async def _ids(self, topics: set[str]) -> Mapping[str, bytes] | None:
        """Return the ids of topics that are there; None if the broker gives them none."""
        try:
            return await asyncio.wait_for(self._fetching.topic_ids(topics), ASK_SECONDS)
        except (NotImplementedError, IncompatibleBrokerVersion):
            return None

    async def learn(self, held: Collection[TopicPartition]) -> None:
        """Ask where reading began in partitions that have just been assigned."""
        for at in self._consumer.assignment() - self.position.keys() - self.unplaced:
            if at not in held:
                with suppress(IllegalStateError, TimeoutError):  # lost again, or not known yet
                    position = self._consumer.position(at)
                    self.position[at] = await asyncio.wait_for(position, POSITION_SECONDS)

    async def heal(self, in_hand: Collection[str]) -> None:
        """Deal with logs that are not there any more, or not as long as they were.

        What was read of such a topic is taken in first: it is healed when none of it is in hand.
        """
        try:
            await self._look()
            for at, failed in list(self._fetching.failed.items()):
                if at not in self._consumer.assignment() or at in self.unplaced:
                    del self._fetching.failed[at]
                elif at.topic not in in_hand:
                    del self._fetching.failed[at]
                    await self._heal_one(at, failed)
        except (KafkaError, TimeoutError, StoreUnavailableError, StoreRestartedError) as error:
            log.warning("log_not_checked", reason=type(error).__name__)  # it will fail again

    async def _heal_one(self, at: TopicPartition, failed: Failed) -> None:
        if failed.why is Failure.GONE:
            gone = self._of_one_id_with(at)
            self._gone |= gone
            self.unplaced |= gone
            return
        position = await asyncio.wait_for(self._consumer.position(at), POSITION_SECONDS)
        if position != failed.offset:
            return
        if failed.why is Failure.DIVERGES:
            await self._go_on_at(at, failed.end)
            return
        starts = await asyncio.wait_for(self._consumer.beginning_offsets([at]), ASK_SECONDS)
        ends = await asyncio.wait_for(self._consumer.end_offsets([at]), ASK_SECONDS)
        end = max(ends[at], failed.end)
        if position < starts[at]:
            log.warning("records_expired", topic=at.topic, records=starts[at] - position)
            self._consumer.seek(at, starts[at])
        elif position > end:
            await self._go_on_at(at, end)
        self._fetching.epochs.forget(at)

    def _of_one_id_with(self, at: TopicPartition) -> set[TopicPartition]:
        """Return the partitions of a topic that were read by the same id: what is true of one."""
        of_topic = {each for each in self._consumer.assignment() if each.topic == at.topic}
        return {each for each in of_topic if self.log_of(each).id == self.log_of(at).id}

    async def _go_on_at(self, at: TopicPartition, end: int) -> None:
        """Go on in a log that lost its end: what comes there was not read yet."""
        self._logs[at] = await self._resume.cut(self._names.place(at), end)
        self._fetching.epochs.forget(at)
        self._consumer.seek(at, end)
        self.position[at] = end
        self._tell_begun({at: self._logs[at]})

    async def _look(self) -> None:
        """See by the ids of topics whether they are others, where a fetch does not tell."""
        if self._fetching.is_by_id or time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        placed = {at: named.id for at, named in self._logs.items() if named.id}
        ids = await self._ids({at.topic for at in placed}) or {}
        for at, id in placed.items():
            if at.topic in ids and ids[at.topic].hex() != id:
                self._fetching.failed[at] = Failed(Failure.GONE, 0)

    def _tell_missing(self, there: set[str], missing: set[str]) -> None:
        """Say once of topics that they are not there."""
        new = missing - self._missing
        self._missing = self._missing - there | missing
        if new:
            log.warning("log_missing", topics=sorted(new))

    def _tell_begun(self, begun: Mapping[TopicPartition, LogName]) -> None:
        """Say that logs have begun again: count each partition, and name each topic once."""
        for at in begun:
            metrics.logs_begun.labels(self._names.here(at.topic)).inc()
        found = {(at.topic, named) for at, named in begun.items()}
        topics = sorted({topic for topic, _ in found - self._told})
        self._told |= found
        if not topics:
            return
        log.warning("logs_begun_again", topics=topics)
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        self._notes.add(
            f"At {now} the log of {', '.join(topics)} was found to be another one than before, or "
            "to have lost its end: it is read anew from there. Find out why."
        )
