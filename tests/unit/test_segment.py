"""Segments: names that say what a file may hold."""

from dataclasses import replace
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.archive.segment import OffsetSet, Segment, covered, log_name, overlapping

DAY = date(2026, 9, 21)


def segment(first: int, end: int, partition: int = 0, topic: str = "events.click") -> Segment:
    return Segment(DAY, topic, partition, first, end)


def test_a_name_says_what_the_segment_is() -> None:
    original = segment(100, 150, 3, "shop-a.clicks-1")

    assert Segment.from_name(original.name, 7) == original


def test_a_merge_has_a_name_of_its_own() -> None:
    written = segment(100, 150)
    merged = replace(written, tag="-0123abcd")

    assert Segment.from_name(merged.name, 7) == merged
    assert merged != written


def test_a_name_says_of_which_log_it_is() -> None:
    begun_again = replace(segment(0, 150), log=log_name(1, "1f9fcf4aaa3045ccb5066788bba75489"))
    merged = replace(begun_again, tag="-0123abcd")

    assert "150.1-bba75489" in begun_again.name
    assert Segment.from_name(begun_again.name, 7) == begun_again
    assert Segment.from_name(merged.name, 7) == merged
    assert log_name(0, "") == ""  # what older versions wrote
    assert list(overlapping([segment(0, 150), begun_again])) == [[segment(0, 150)], [begun_again]]


def test_logs_are_covered_each_from_its_own_beginning() -> None:
    first, second = (replace(segment(n, 100), log=log_name(n, "00ab")) for n in (0, 1))

    assert covered([first, second]) == {first.key: (0, 100), second.key: (1, 100)}


def test_what_lies_beside_the_segments_is_none() -> None:
    strange = ("erasures/pending/x.parquet", f"{segment(1, 2).name}.part", "day=2026-09-21/x")

    assert [Segment.from_name(name, 1) for name in strange] == [None] * 3


def test_only_segments_that_may_share_a_row_are_in_one_group() -> None:
    apart, inside, touching, across = (
        segment(0, 100),
        segment(20, 30),
        segment(100, 150),
        segment(140, 200),
    )
    elsewhere = segment(0, 200, partition=1)

    groups = list(overlapping([across, elsewhere, touching, inside, apart]))

    assert groups == [[apart, inside], [touching, across], [elsewhere]]


def test_what_is_archived_is_told_by_topic_and_partition() -> None:
    here = covered([segment(0, 100), segment(150, 200), segment(5, 9, partition=1)])

    assert here == {"events.click/0": (0, 200), "events.click/1": (5, 9)}


def test_offsets_without_a_gap_are_one_run() -> None:
    found = OffsetSet()
    for first in (0, 20, 10):
        found.add(np.arange(first, first + 10))

    assert found.runs == 1


@given(st.lists(st.lists(st.integers(0, 60)), max_size=6), st.lists(st.integers(0, 70)))
def test_a_set_of_offsets_has_what_was_put_in(added: list[list[int]], asked: list[int]) -> None:
    found = OffsetSet()
    for offsets in added:
        found.add(np.array(offsets, np.int64))

    expected = set().union(*added)
    assert found.has(np.array(asked, np.int64)).tolist() == [each in expected for each in asked]
