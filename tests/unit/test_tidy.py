"""Tidy: fewer files, the same rows; old and erased ones go."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import EVER, Archive, Span
from portrait.archive.rows import cut, tabulate
from portrait.archive.segment import Segment
from portrait.archive.tidy import FEWEST, Rules, Tidied, merge, mergeable, outlived, tidy
from portrait.events.consent import Consents
from portrait.events.erasure import Erasures
from portrait.ref import user_ref
from portrait.times import DAY_MS
from tests.support.archives import (
    DAY,
    RECEIVED_ON,
    TOLERANCE_MS,
    TOMORROW,
    click,
    fill,
    memory_archive,
    offsets_of,
)
from tests.support.records import RECEIVED

RULES = Rules(timedelta(days=30))


class Dying:
    """An `Archive` whose process is killed before one of its writing steps."""

    def __init__(self, archive: Archive, steps: int) -> None:
        self._archive = archive
        self._left = steps

    def segments(self) -> list[Segment]:
        return self._archive.segments()

    def write(self, segment: Segment, rows: Iterable[pa.Table]) -> None:
        self._step()
        self._archive.write(segment, rows)

    def read(
        self, segment: Segment, columns: Sequence[str], within: Span = EVER
    ) -> Iterator[pa.RecordBatch]:
        return self._archive.read(segment, columns, within)

    def remove(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._step()
            self._archive.remove([segment])

    def erasures(self) -> Erasures:
        return self._archive.erasures()

    def consents(self) -> Consents:
        return self._archive.consents()

    def agree(self, consents: Consents) -> None:
        self._archive.agree(consents)

    def pending(self) -> Erasures:
        return self._archive.pending()

    def erase(self, erasures: Erasures) -> None:
        self._archive.erase(erasures)

    def settle(self, swept: Erasures) -> None:
        self._step()
        self._archive.settle(swept)

    def clean(self) -> None:
        self._archive.clean()

    def _step(self) -> None:
        if self._left == 0:
            raise InterruptedError
        self._left -= 1


def small_files(count: int) -> ParquetArchive:
    archive = memory_archive()
    fill(archive, *([click(2 * n), click(2 * n + 1, "bob")] for n in range(count)))
    return archive


def users_in_files(archive: ParquetArchive) -> set[str]:
    batches = [b for each in archive.segments() for b in archive.read(each, ["user"])]
    return {user for batch in batches for user in batch["user"].to_pylist()}


def test_the_small_files_of_a_day_that_is_over_become_one() -> None:
    archive = small_files(5)

    done = tidy(archive, RULES, TOMORROW)

    (segment,) = archive.segments()
    assert (segment.first, segment.end) == (0, 10)
    assert offsets_of(archive) == list(range(10))
    assert done == Tidied(retired=0, swept=0, merged=5)


def test_a_day_that_is_not_over_waits_for_enough_small_files() -> None:
    few, enough = small_files(FEWEST - 1), small_files(FEWEST)

    for archive in (few, enough):
        tidy(archive, RULES, TOMORROW - DAY)

    assert (len(few.segments()), len(enough.segments())) == (FEWEST - 1, 1)


def test_a_merge_keeps_days_and_partitions_apart() -> None:
    archive = memory_archive()
    for n in range(4):
        fill(archive, [click(n, received=RECEIVED + (n // 2) * DAY_MS)])

    tidy(archive, RULES, TOMORROW + DAY)

    assert [(each.day, each.first, each.end) for each in archive.segments()] == [
        (RECEIVED_ON, 0, 2),
        (RECEIVED_ON + DAY, 2, 4),
    ]


def test_files_are_merged_up_to_a_size() -> None:
    sizes = [10, 20, 20, 60, 5, 5, 45]
    segments = [Segment(RECEIVED_ON, "t", 0, n, n + 1, bytes=each) for n, each in enumerate(sizes)]

    groups = mergeable(segments, replace(RULES, file_bytes=50), TOMORROW.date())

    assert [[each.bytes for each in group] for group in groups] == [[10, 20, 20], [5, 5]]


def test_files_that_overlap_are_merged_at_once_however_large() -> None:
    large = Segment(RECEIVED_ON, "t", 0, 0, 100, bytes=60)
    inside = Segment(RECEIVED_ON, "t", 0, 50, 60, bytes=60)
    after = Segment(RECEIVED_ON, "t", 0, 100, 110, bytes=60)

    groups = mergeable([large, inside, after], replace(RULES, file_bytes=50), TOMORROW.date() - DAY)

    assert list(groups) == [[large, inside]]


def test_a_merge_of_files_that_overlap_keeps_each_row_once() -> None:
    archive = memory_archive()
    fill(archive, [click(n) for n in range(10)], [click(n) for n in range(5, 8)])

    tidy(archive, RULES, TOMORROW)

    (segment,) = archive.segments()
    rows = [n for batch in archive.read(segment, ["offset"]) for n in batch["offset"].to_pylist()]
    assert rows == list(range(10))


def test_a_merge_is_written_over_no_other_file() -> None:
    archive = memory_archive()
    huge = Segment(RECEIVED_ON, "events.click", 0, 0, 4)  # too large to be merged with the others
    ((_, rows),) = cut(tabulate([click(0), click(3, "eve")], TOLERANCE_MS).rows)
    archive.write(huge, [rows])
    fill(archive, [click(0), click(1)], [click(2), click(3)])
    sized = [replace(each, bytes=900 if each == huge else 10) for each in archive.segments()]

    for group in mergeable(sized, replace(RULES, file_bytes=100), TOMORROW.date()):
        merge(archive, group)

    assert huge in archive.segments()
    assert offsets_of(archive) == [0, 1, 2, 3]
    assert len(archive.segments()) == 2


def test_tidying_again_changes_nothing() -> None:
    archive = small_files(5)
    tidy(archive, RULES, TOMORROW)

    assert tidy(archive, RULES, TOMORROW) == Tidied(0, 0, 0)


def test_days_past_retention_go() -> None:
    archive = small_files(2)

    tidy(archive, RULES, TOMORROW + timedelta(days=29))
    kept = offsets_of(archive)
    tidy(archive, RULES, TOMORROW + timedelta(days=30))

    assert kept == list(range(4))
    assert archive.segments() == []


def test_beyond_the_size_limit_the_oldest_days_go() -> None:
    segments = [Segment(RECEIVED_ON + n * DAY, "t", 0, n, n + 1, bytes=10) for n in range(5)]

    gone = outlived(segments, replace(RULES, most_bytes=25), RECEIVED_ON)

    assert {each.first for each in gone} == {0, 1, 2}


def test_an_erased_user_leaves_the_files() -> None:
    archive = small_files(3)
    archive.erase(Erasures.of({user_ref("bob"): RECEIVED}))

    done = tidy(archive, replace(RULES, file_bytes=0), TOMORROW)

    assert done == Tidied(retired=0, swept=3, merged=0)
    assert users_in_files(archive) == {"ann"}
    assert len(archive.pending()) == 0
    assert offsets_of(archive) == [0, 2, 4]


def test_a_fresh_erasure_is_swept_again_for_writers_who_did_not_know_of_it() -> None:
    archive = small_files(1)
    archive.erase(Erasures.of({user_ref("bob"): RECEIVED}))
    soon = TOMORROW.fromtimestamp(RECEIVED / 1_000 + 60, TOMORROW.tzinfo)
    tidy(archive, RULES, soon)
    fill(archive, [click(9, "bob")])

    done = tidy(archive, RULES, soon)

    assert (done.swept, users_in_files(archive)) == (1, {"ann"})


def test_when_told_to_stop_the_rest_waits() -> None:
    archive = small_files(5)
    archive.erase(Erasures.of({user_ref("bob"): RECEIVED}))

    done = tidy(archive, RULES, TOMORROW, stop=lambda: True)

    assert done == Tidied(0, 0, 0)
    assert (len(archive.segments()), len(archive.pending())) == (5, 1)


@pytest.mark.parametrize("steps", range(8))
def test_a_kill_at_any_step_shows_no_row_twice_and_loses_none(steps: int) -> None:
    archive = small_files(3)
    archive.erase(Erasures.of({user_ref("bob"): RECEIVED}))
    expected = offsets_of(archive)

    for _ in range(2):
        with suppress(InterruptedError):
            tidy(Dying(archive, steps), RULES, TOMORROW)
        assert offsets_of(archive) == expected
    tidy(archive, RULES, TOMORROW)

    assert offsets_of(archive) == expected
    assert len(archive.segments()) == 1
    assert users_in_files(archive) == {"ann"}
