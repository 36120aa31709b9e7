"""Dead letters are never lost: wherever a worker dies, its successor sends what was not sent.

The successor goes on from the offsets that the store holds, so a letter whose offset was marked
before it was sent would be lost. A repeat has the same id.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from portrait.events.progress import StoredOffsets
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Message, Record
from portrait.events.topics import DEAD
from tests.support.fakes import ListPublisher, MemoryCatalogue, MemoryOffsets
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_spaces, memory_updater, memory_upkeep
from workers.index.origin import Completeness
from workers.index.worker import Indexer, index
from workers.update.worker import update

Work = Callable[["World"], Coroutine[None, None, None]]


class KilledError(Exception):
    """The worker is gone: nothing of it happens after this."""


class Fate:
    """Kills at one of the steps that touch something outside, before or after it is taken."""

    def __init__(self, step: int, *, after: bool) -> None:
        self._step, self._after = step, after
        self.taken = 0

    def meet(self, *, after: bool) -> None:
        """Die if it is time."""
        self.taken += not after
        if self.taken == self._step and after == self._after:
            raise KilledError


class World:
    """A log, what is stored and sent, and the fate of who works on it."""

    def __init__(self, fate: Fate, *batches: Sequence[Record]) -> None:
        self.batches = batches
        self.publisher = FatedPublisher(fate)
        self.offsets = FatedOffsets(fate)
        self.fate = fate

    def stream(self) -> ListStream:
        """Return the log from where the store says."""
        (ends,) = self.offsets.ends.values() if self.offsets.ends else ({},)
        left = [
            [r for r in records if r.offset >= ends.get((r.topic, r.partition), 0)]
            for records in self.batches
        ]
        return FatedStream(self.fate, *left)

    def letters(self) -> set[bytes | None]:
        """Return the ids of what has been sent."""
        sent = [message for message in self.publisher.messages if message.topic == DEAD]
        return {dict(letter.headers)["portrait-id"] for letter in sent}


class FatedPublisher(ListPublisher):
    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        self._fate.meet(after=False)
        published = await super().publish(messages)
        self._fate.meet(after=True)
        return published


class FatedOffsets(MemoryOffsets):
    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    async def save(self, group: str, offsets: StoredOffsets) -> bool:
        self._fate.meet(after=False)
        saved = await super().save(group, offsets)
        self._fate.meet(after=True)
        return saved


class FatedStream(ListStream):
    def __init__(self, fate: Fate, *batches: Sequence[Record]) -> None:
        super().__init__(*batches)
        self._fate = fate

    async def batches(self) -> AsyncIterator[Batch]:
        async for batch in super().batches():
            yield batch
            self._fate.meet(after=False)

    async def commit(self, batch: Batch) -> None:
        self._fate.meet(after=False)
        await super().commit(batch)
        self._fate.meet(after=True)


async def by_update(world: World) -> None:
    updater = await memory_updater(offsets=world.offsets)
    await update(world.stream(), replace(updater, publisher=world.publisher))


async def by_index(world: World) -> None:
    store = MemoryCatalogue()
    spaces, _ = await memory_spaces(store)
    resume = Resume(world.offsets, "index")
    await resume.points()
    stream = world.stream()
    await index(
        stream.batches(),
        stream,
        Indexer(
            store,
            spaces,
            world.publisher,
            resume,
            Completeness(resume, lambda: {0}),
            timedelta(seconds=9),
            memory_upkeep(store),
        ),
    )


EVENTS = (
    [event_record(0), FakeRecord("events.click", b"{", 1)],
    [FakeRecord("events.click", b"?", 2), event_record(3)],
)
ITEMS = (
    [FakeRecord("items", b'{"id": "a"}', 0), FakeRecord("items", b"{", 1)],
    [FakeRecord("items", b"?", 2), FakeRecord("items", b'{"id": "b"}', 3)],
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, 9))
@pytest.mark.parametrize(
    ("work", "batches"), [(by_update, EVENTS), (by_index, ITEMS)], ids=["update", "index"]
)
async def test_a_worker_killed_at_any_step_loses_no_letter(
    work: Work, batches: Sequence[Sequence[Record]], step: int, *, after: bool
) -> None:
    world = World(Fate(step, after=after), *batches)
    try:
        await work(world)
    except* KilledError:
        pass

    await work(world)

    topic = batches[0][0].topic
    assert world.letters() == {f"{topic}/0/0/{offset}".encode() for offset in (1, 2)}
    assert world.fate.taken >= step
