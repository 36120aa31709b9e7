"""Suppression: what an erased user does later is passed over, until that is lifted."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.dataset.archive_reading import read_interactions
from portrait.events.erasure import (
    FOREVER,
    LIFTING,
    SUPPRESSING,
    Erasures,
    Moments,
    Stance,
    stance_of,
)
from portrait.events.topics import ERASURES, UNWANTED
from portrait.events.unwanted import read_unwanted
from portrait.profiles.profile import decode_profile
from portrait.profiles.record import is_suppressed
from tests.support.archives import memory_archive
from tests.support.records import RECEIVED, FakeRecord, event_record
from tests.support.streams import ListStream
from tests.unit.test_update_erase import BOUNDS as WIDE
from tests.unit.test_update_erase import HOUR_MS, records_of, run
from workers.archive import archive


def erasure(hour: int, stance: Stance, offset: int) -> FakeRecord:
    record = FakeRecord(ERASURES, None, offset, timestamp=RECEIVED + hour * HOUR_MS, key=b"ann")
    if stance is Stance.SUPPRESSED:
        return replace(record, value=SUPPRESSING)
    return replace(record, headers=(LIFTING,)) if stance is Stance.LIFTED else record


def act(hour: int) -> FakeRecord:
    at = np.datetime_as_string(
        np.datetime64(RECEIVED + hour * HOUR_MS, "ms"), timezone="UTC", unit="s"
    )
    record = event_record(hour, event_id=f"e{hour}", item_id="milk", occurred_at=at)
    return replace(record, timestamp=RECEIVED + hour * HOUR_MS)


BOUNDS = replace(WIDE, future_tolerance=timedelta(minutes=1))
BEFORE, SUPPRESS, DURING = act(0), erasure(1, Stance.SUPPRESSED, 0), act(2)
AGAIN, LIFT, AFTER = erasure(3, Stance.NEW, 1), erasure(4, Stance.LIFTED, 2), act(5)
LOG = [BEFORE, SUPPRESS, DURING, AGAIN, LIFT, AFTER]


@pytest.mark.parametrize(
    ("value", "headers", "stance"),
    [
        (None, (), Stance.NEW),
        (b"", (), Stance.NEW),
        (b"anything", (), Stance.NEW),
        (b'{"until": "lifted"}', (), Stance.SUPPRESSED),
        (SUPPRESSING, (), Stance.SUPPRESSED),
        (SUPPRESSING, (LIFTING,), Stance.LIFTED),
        (None, (LIFTING,), Stance.LIFTED),
    ],
)
def test_a_message_says_what_comes_after_it(
    value: bytes | None, headers: tuple[tuple[str, bytes], ...], stance: Stance
) -> None:
    assert stance_of(value, headers) is stance


async def test_who_is_suppressed_stays_empty_whatever_they_do() -> None:
    updater = await run([BEFORE], [SUPPRESS], [DURING], [AGAIN], [AFTER])

    record = records_of(updater)["ann"]
    assert is_suppressed(record)
    assert decode_profile(record).head["totals"].sum() == 0


async def test_after_the_lift_what_they_do_is_a_new_profile() -> None:
    updater = await run(*([each] for each in LOG))

    record = records_of(updater)["ann"]
    assert not is_suppressed(record)
    assert decode_profile(record).head["totals"].sum() == 1


async def test_what_who_is_suppressed_does_not_want_is_passed_over_until_the_lift() -> None:
    def word(hour: int) -> FakeRecord:
        at = RECEIVED + hour * HOUR_MS
        return FakeRecord(UNWANTED, b'{"item_id": "h%d"}' % hour, hour, timestamp=at, key=b"ann")

    async def kept(*batches: list[FakeRecord]) -> set[str]:
        updater = await run(*batches)
        (stored,) = await updater.profiles.load_whole(["ann"])
        return {*read_unwanted(stored.unwanted).said}

    assert await kept([BEFORE, word(0)]) == {"item:h0"}
    assert await kept([BEFORE, word(0), SUPPRESS, word(2)]) == set()
    assert await kept([BEFORE], [SUPPRESS], [word(2)]) == set()
    assert await kept([BEFORE], [SUPPRESS], [LIFT], [word(2), word(5)]) == {"item:h5"}


async def test_who_reads_only_the_lift_brings_nothing_back() -> None:
    """As a new reader of a compacted topic does."""
    updater = await run([BEFORE, DURING, LIFT, AFTER])

    assert decode_profile(records_of(updater)["ann"]).head["totals"].sum() == 1


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
async def test_no_replay_and_no_batching_changes_anything(cut: int, start: int, end: int) -> None:
    once = await run(LOG[:cut], LOG[cut:])

    before = records_of(once)
    assert before == records_of(await run(LOG))
    await run(LOG[start:end], updater=once)

    assert records_of(once) == before


async def test_the_archive_takes_nothing_of_who_is_suppressed_until_that_is_lifted() -> None:
    store = memory_archive()
    for record in LOG[:4]:
        await archive(ListStream([record]), store, BOUNDS)
    assert read_interactions(store, most_events=9).rows == 0

    for record in LOG[4:]:
        await archive(ListStream([record]), store, BOUNDS)

    assert read_interactions(store, most_events=9).rows == 1


@given(st.permutations([(10, 10, 0), (20, 0, 0), (30, 0, 30), (40, 40, 0)]))
def test_lists_of_erasures_say_the_same_in_any_order(said: list[tuple[int, int, int]]) -> None:
    merged = Erasures.joined(*(Erasures.of({7: Moments(*each)}) for each in said))

    assert merged.ends.tolist() == [FOREVER]
    lifted = Erasures.joined(merged, Erasures.of({7: Moments(50, 0, 50)}))
    assert lifted.ends.tolist() == [50]
    assert len(lifted.differ(merged)) == 1
    assert len(merged.differ(lifted)) == 0
