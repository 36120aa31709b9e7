"""Time order: events of any number in the order in which they happened, little of it in memory.

An external merge sort: what fits into memory is sorted and written aside as a run; runs are merged
as they are read. A line of a run begins with what it is sorted by, in digits of one width, so that
lines are compared as they are.

Source: D. Knuth, The Art of Computer Programming, volume 3, section 5.4.
"""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.events.history import PastEvent

RUN_BYTES = 67_108_864  # held at once
MOST_RUNS = 256  # merged at once: each is an open file
_ACTIONS = [*Action]
_AT, _NUMBER, _ACTION, _REST = slice(13), slice(13, 29), slice(29, 31), slice(31, -1)  # of a line


class TimeOrder:
    """Takes events in, then yields them by their moments, of the same moment by their numbers."""

    def __init__(self, folder: Path, run_bytes: int = RUN_BYTES) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._run_bytes = run_bytes
        self._held: list[bytes] = []
        self._bytes = 0
        self.runs: list[Path] = []  # put aside
        self._written = 0
        self._count = 0
        self.actions: set[Action] = set()  # of all events

    def __len__(self) -> int:
        return self._count

    def add(self, event: PastEvent) -> None:
        """Take in one event; its key has no tab, and neither that nor its value a line break."""
        at, number, action, key, value = event
        line = b"%013d%016d%02d%b\t%b\n" % (at, number, ACTION_CODE[action], key, value)
        self._held.append(line)
        self._bytes += len(line)
        self._count += 1
        self.actions.add(action)
        if self._bytes >= self._run_bytes:
            self.put_aside()

    def put_aside(self) -> None:
        """Write what is held: nothing is in memory then."""
        if self._held:
            self._held.sort()
            self._write(self._held)
            self._held, self._bytes = [], 0
        if len(self.runs) >= MOST_RUNS:
            self._merge()

    def join(self, other: "TimeOrder") -> None:
        """Take in what another has put aside."""
        self.runs += other.runs
        self._count += len(other)
        self.actions |= other.actions

    def events(self, after: int = 0) -> Iterator[PastEvent]:
        """Yield the events, the oldest first, but for so many."""
        self._held.sort()
        with ExitStack() as stack:
            runs = [stack.enter_context(run.open("rb")) for run in self.runs]
            lines = heapq.merge(*runs, self._held) if runs else iter(self._held)
            yield from map(_event, islice(lines, after, None))

    def _write(self, lines: Iterable[bytes]) -> None:
        run = self._folder / f"run-{self._written}"
        with run.open("wb") as file:
            file.writelines(lines)
        self.runs.append(run)
        self._written += 1

    def _merge(self) -> None:
        """Make one of all runs."""
        runs, self.runs = self.runs, []
        with ExitStack() as stack:
            self._write(heapq.merge(*(stack.enter_context(run.open("rb")) for run in runs)))
        for run in runs:
            run.unlink()


def _event(line: bytes) -> PastEvent:
    key, _, value = line[_REST].partition(b"\t")
    action = _ACTIONS[int(line[_ACTION])]
    return PastEvent(int(line[_AT]), int(line[_NUMBER]), action, key, value)
