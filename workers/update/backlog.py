"""Backlog: new texts that take longer to read than a batch may wait are read beside the stream.

batch ─▶ new texts? ─▶ read within the wait ─▶ fold ─▶ paint ─────────────────────▶ mark
                   └─▶ not yet: fold ─▶ paint without them ─▶ … ─▶ paint again ─▶ mark

Folding needs no vector, only painting does, and painting again is what a replay does, too. Offsets
are marked up to the first batch that still has texts to be read: a crash reads them again. Beyond
a bound, new texts are passed over, and weigh nothing until they come again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait.events.stream import Batch
from portrait.lifecycle.lease import stopped
from portrait.reading.decode import EventBatch
from workers.painter import Painter

MOST_LATE = 8  # parts of batches; each has no more text than `batch_tokens`
CHARACTERS_AT_ONCE = 6_144  # read before others have their turn: some 2,000 tokens
LONGEST_READ = 1_024  # characters of a text that cost anything: the encoder cuts it

Ends = Mapping[tuple[str, int], int]
Read = Callable[[Painter], Coroutine[None, None, None]]


@dataclass(slots=True)
class Late:
    """New texts of a part of a batch, being read."""

    part: EventBatch
    refs: Sequence[int]  # of searches, and of items that the catalogue lacks; ids of reviews
    read: Read
    painter: Painter
    task: "asyncio.Task[None]"

    @classmethod
    def begun(cls, part: EventBatch, refs: Sequence[int], read: Read, painter: Painter) -> "Late":
        """Begin to read."""
        return cls(part, refs, read, painter, asyncio.create_task(read(painter)))

    def is_read(self, painter: Painter) -> bool:
        """Say whether all have been read for this painter. For another one, begin again.

        Raises:
            StoreUnavailableError: Not this time; the next time it begins again.
        """
        if not self.task.done():
            return False
        failed = self.task.exception() is not None
        if failed or self.painter is not painter:
            former, self.painter = self.task, painter
            self.task = asyncio.create_task(self.read(painter))
            former.result()
            return False
        return True

    @property
    def members(self) -> NDArray[np.int64]:
        """The places of the events that name what is new: their users are painted again."""
        refs = np.array(self.refs, np.uint64)
        event = self.part.columns["event"]
        return np.flatnonzero(np.isin(event["ref"], refs) | np.isin(event["id"], refs))


@dataclass(slots=True)
class _Held:
    """Where batches end that are stored, and what has to be read before that is marked."""

    ends: dict[tuple[str, int], int]
    logs: dict[tuple[str, int], int]  # which log of its name each of them lies in
    late: list[Late]


@dataclass(slots=True)
class Backlog:
    """What is late. Lives as long as the worker; used on its loop alone."""

    most: int = MOST_LATE
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # of those who read
    _held: list[_Held] = field(default_factory=list)
    _newest: Batch = field(default_factory=lambda: Batch(()))

    def __len__(self) -> int:
        return sum(len(held.late) for held in self._held)

    def hold(self, batch: Batch, late: list[Late]) -> None:
        """Take in a batch that is stored, but for what is late."""
        if batch.ends:
            self._newest = batch
        if late or not self._held:
            self._held.append(_Held(dict(batch.ends), dict(batch.logs), late))
        else:
            self._held[-1].ends |= batch.ends
            self._held[-1].logs |= batch.logs

    def read(self, painter: Painter) -> Iterator[Late]:
        """Yield what has been read for a painter; to be painted, and then dropped."""
        for held in self._held:
            yield from [late for late in held.late if late.is_read(painter)]

    def drop(self, read: Late) -> None:
        """Forget what was late: the portraits know it."""
        for held in self._held:
            held.late = [late for late in held.late if late is not read]

    def ends(self) -> tuple[Ends, Ends]:
        """Return up to where nothing is late, and which logs these offsets are of."""
        ends: dict[tuple[str, int], int] = {}
        logs: dict[tuple[str, int], int] = {}
        for held in self._held:
            if held.late:
                break
            ends |= held.ends
            logs |= held.logs
        return ends, logs

    def release(self) -> list[Batch]:
        """Return what may be committed now that `ends` are marked: no batch comes twice."""
        ends, _ = self.ends()
        while self._held and not self._held[0].late:
            self._held.pop(0)
        if self._held:
            return [Batch((), ends)] if ends else []
        whole = self._newest.ends == ends
        newest, self._newest = self._newest, Batch(())
        return [newest] if whole else [Batch((), ends), newest]  # the newest: nothing is in hand

    async def forget(self, also: Sequence[Late] = ()) -> None:
        """Read nothing any more, nor what is late of a batch that is not held yet."""
        for late in [*also, *(late for held in self._held for late in held.late)]:
            await stopped(late.task)
            if not late.task.cancelled():
                late.task.exception()  # seen: nobody else will ask
        self._held.clear()
        self._newest = Batch(())


def portions(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut texts into what is read at once."""
    portion: list[str] = []
    room = CHARACTERS_AT_ONCE
    for text in texts:
        portion.append(text)
        room -= min(len(text), LONGEST_READ)
        if room <= 0:
            yield portion
            portion, room = [], CHARACTERS_AT_ONCE
    if portion:
        yield portion
