"""Segments: the files of the archive, named by what they hold.

A name says from where to where in a topic-partition the rows of a file lie. Names bound the rows,
they do not promise every one: two names that overlap say only that rows may be there twice, and
the offsets in the rows decide (`archive.scan`). So nothing has to be undone after a kill.

A log that began again has the same offsets once more: so a name says which log it is of, too.
Files of versions before that say nothing, and are taken to be of one log of their own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Self

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes

_NAME = re.compile(
    r"day=(\d{4}-\d\d-\d\d)/([^/]+)-(\d+)-(\d{20})-(\d{20})"
    r"(?:\.(\d+-[0-9a-f]{8}))?(-[0-9a-f]{8})?\.parquet"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: rows of one topic-partition with first <= offset < end."""

    day: date  # of receipt: no row was received later
    topic: str
    partition: int
    first: int
    end: int
    tag: str = ""  # of a merge: it is written over no other file
    bytes: int = field(default=0, compare=False)
    log: str = ""  # of this topic and partition, by `log_name`

    @property
    def name(self) -> str:
        """Its path inside the archive."""
        log = f".{self.log}" if self.log else ""
        span = f"{self.first:020d}-{self.end:020d}{log}{self.tag}"
        return f"day={self.day}/{self.topic}-{self.partition}-{span}.parquet"

    @property
    def place(self) -> tuple[str, int, str]:
        """Its topic, partition and log: where an offset is one record."""
        return self.topic, self.partition, self.log

    @property
    def key(self) -> str:
        """The same, as a manifest writes it."""
        return f"{self.topic}/{self.partition}" + (f"@{self.log}" if self.log else "")

    @classmethod
    def from_name(cls, name: str, bytes: int) -> Self | None:
        """Read a path inside the archive; None if it names no segment."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        day, topic, partition, first, end, log, tag = match.groups(default="")
        place = date.fromisoformat(day), topic, int(partition)
        return cls(*place, int(first), int(end), tag, bytes, log)


def log_name(number: int, id: str) -> str:
    """Name a log of a topic and partition: the how-manieth it is, and what the broker calls it.

    Both, because a number is lost with the offsets that a deleted topic takes along, and a log
    that lost its end goes on under its id. Of ids made from the time only the end differs.
    """
    return f"{number}-{id[-8:] or '0' * 8}" if number or id else ""


def by_place(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Yield the segments of each log, in order of offsets; the longer first."""
    ordered = sorted(segments, key=lambda each: (*each.place, each.first, -each.end, each.day))
    for _, group in groupby(ordered, attrgetter("place")):
        yield list(group)


def overlapping(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Yield groups of segments such that no two groups can share a row."""
    for ordered in by_place(segments):
        group: list[Segment] = []
        end = -1
        for segment in ordered:
            if group and segment.first >= end:
                yield group
                group = []
            group.append(segment)
            end = max(end, segment.end)
        yield group


def covered(segments: Iterable[Segment]) -> dict[str, tuple[int, int]]:
    """Return from where to where each `topic/partition@log` is archived."""
    return {
        group[0].key: (
            group[0].first,
            max(segment.end for segment in group),
        )
        for group in by_place(segments)
    }


class OffsetSet:
    """A set of offsets as runs: all offsets of a file take two numbers, unless some are missing."""

    def __init__(self) -> None:
        self._starts: Codes = np.zeros(0, np.int64)
        self._ends: Codes = np.zeros(0, np.int64)

    @property
    def runs(self) -> int:
        """How many stretches without a gap there are."""
        return len(self._starts)

    def has(self, offsets: Codes) -> NDArray[np.bool_]:
        """Say which of these, (E,), are in the set."""
        if not len(self._starts):
            return np.zeros(len(offsets), np.bool_)
        place = np.searchsorted(self._starts, offsets, side="right") - 1
        inside: NDArray[np.bool_] = (place >= 0) & (offsets < self._ends[place])
        return inside

    def add(self, offsets: Codes) -> None:
        """Put in these, (E,), in any order."""
        if not len(offsets):
            return
        these = np.unique(offsets)
        breaks = np.flatnonzero(np.diff(these) > 1)
        starts = np.concatenate([self._starts, these[:1], these[breaks + 1]])
        ends = np.concatenate([self._ends, these[breaks] + 1, these[-1:] + 1])
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        begins = np.flatnonzero(np.r_[True, starts[1:] > reach[:-1]])
        self._starts = starts[begins]
        self._ends = reach[np.r_[begins[1:] - 1, len(reach) - 1]]
