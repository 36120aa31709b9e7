"""Tidying the archive: old files go, erased users leave theirs, small ones are merged.

Every step may be killed and repeated. A merge writes the new file first and then removes the old
ones: in between a row lies twice, and readers take it once (`archive.scan`). Only files whose rows
are in a file that has been written are removed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from uuid import uuid4

import pyarrow as pa

from portrait.archive.archive import ERASED_BY, SCHEMA, Archive, erased, scan
from portrait.archive.segment import Segment, by_place
from portrait.events.erasure import Erasures
from portrait.times import to_ms

Stop = Callable[[], bool]

SMALL = 8  # of the day that is not over, only files smaller than this part of the limit are merged,
FEWEST = 8  # and only so many at once: a row is rewritten two or three times, not fifty
SETTLING = timedelta(minutes=15)  # a writer that did not know of an erasure has written by then
OVERLAP = 4  # times the limit: most that a merge reads of files that overlap


@dataclass(frozen=True, slots=True)
class Rules:
    """How long, how much and in how large pieces the archive keeps events."""

    retention: timedelta
    most_bytes: int | None = None  # None: whatever there is
    file_bytes: int = 33_554_432


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was done."""

    retired: int  # files too old, or beyond the size limit
    swept: int  # files rewritten without erased users
    merged: int  # files that have become parts of others


NOTHING = Tidied(0, 0, 0)


def tidy(archive: Archive, rules: Rules, now: datetime, stop: Stop = lambda: False) -> Tidied:
    """Do whatever there is to do; when told to stop, leave the rest for the next time.

    Raises:
        ArchiveUnavailableError: A file could not be read or written: do it again later.
    """
    today = now.astimezone(UTC).date()
    archive.clean()
    retired = outlived(archive.segments(), rules, today)
    archive.remove(retired)
    swept = sweep(archive, now, stop)
    merged = 0
    for group in mergeable(archive.segments(), rules, today):
        if stop():
            break
        merge(archive, group)
        merged += len(group)
    return Tidied(len(retired), swept, merged)


def outlived(segments: Iterable[Segment], rules: Rules, today: date) -> list[Segment]:
    """Return the segments of days past retention, and the oldest beyond the size limit."""
    ordered = sorted(segments, key=lambda each: (each.day, *each.place, each.first), reverse=True)
    kept_bytes = 0
    gone = []
    for segment in ordered:
        kept_bytes += segment.bytes
        too_many = rules.most_bytes is not None and kept_bytes > rules.most_bytes
        if too_many or segment.day < today - rules.retention:
            gone.append(segment)
    return gone


def sweep(archive: Archive, now: datetime, stop: Stop = lambda: False) -> int:
    """Rewrite the files that hold rows of erased users. Returns how many there were."""
    pending = archive.pending()
    if not len(pending):
        return 0
    rewritten = 0
    for segment in archive.segments():
        if stop():
            return rewritten
        if _holds(archive, segment, pending):
            _rewrite(archive, [segment], segment)
            rewritten += 1
    archive.settle(pending.before(to_ms(now - SETTLING)))
    return rewritten


def mergeable(segments: Iterable[Segment], rules: Rules, today: date) -> Iterator[list[Segment]]:
    """Yield groups of neighbours in a day and topic-partition that are better one file."""
    for of_place in by_place(segments):
        ordered = sorted(of_place, key=attrgetter("day"))  # stable: by offset in each day
        for day, of_day in groupby(ordered, attrgetter("day")):
            over = day < today
            small = rules.file_bytes if over else rules.file_bytes // SMALL
            for group, overlap in _neighbours(of_day, small, rules.file_bytes):
                if overlap or len(group) >= (2 if over else FEWEST):
                    yield group


def _neighbours(
    segments: Iterable[Segment], small: int, most: int
) -> Iterator[tuple[list[Segment], bool]]:
    """Yield stretches that make one file, and whether any two of their segments overlap."""
    group: list[Segment] = []
    size, end, overlap = 0, 0, False
    for segment in segments:
        overlaps = segment.first < end and size + segment.bytes <= OVERLAP * most
        fits = max(each.bytes for each in (*group, segment)) < small
        if group and not overlaps and not (fits and size + segment.bytes <= most):
            yield group, overlap
            group, size, end, overlap = [], 0, 0, False
        group.append(segment)
        size, end = size + segment.bytes, max(end, segment.end)
        overlap |= overlaps and len(group) > 1
    if group:
        yield group, overlap


def merge(archive: Archive, group: list[Segment]) -> None:
    """Write one file for several, then remove them."""
    first, end = group[0].first, max(segment.end for segment in group)
    whole = replace(group[0], first=first, end=end, tag=f"-{uuid4().hex[:8]}")
    _rewrite(archive, group, whole)
    archive.remove(group)


def _rewrite(archive: Archive, group: list[Segment], whole: Segment) -> None:
    rows = scan(archive, group, SCHEMA.names, erasures=archive.erasures())
    archive.write(whole, (pa.Table.from_batches([batch]) for batch in rows))


def _holds(archive: Archive, segment: Segment, erasures: Erasures) -> bool:
    return any(erased(batch, erasures).any() for batch in archive.read(segment, ERASED_BY))
