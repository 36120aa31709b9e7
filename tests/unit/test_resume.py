"""Resume: reading goes on from where the store says it is."""

import pytest

from portrait.errors import StoreRestartedError
from portrait.resume import Point, Resume
from portrait.store import LogName
from tests.fakes import FIRST_LIFE, MemoryOffsets

ENDS = {("events.click", 0): 4}


async def resumed(offsets: MemoryOffsets) -> Resume:
    resume = Resume(offsets, "group")
    await resume.points()
    return resume


async def test_what_was_marked_is_where_another_goes_on() -> None:
    offsets = MemoryOffsets()
    await (await resumed(offsets)).mark(ENDS)

    assert await Resume(offsets, "group").points() == {("events.click", 0): Point(LogName(), 4)}


async def test_a_store_that_started_again_is_found_out_by_reader_and_writer() -> None:
    offsets = MemoryOffsets()
    resume = await resumed(offsets)
    offsets.life = "second"

    with pytest.raises(StoreRestartedError):
        resume.check(offsets.life)
    with pytest.raises(StoreRestartedError):
        await resume.mark(ENDS)
    resume.check(FIRST_LIFE)


async def test_after_reading_the_points_again_the_new_life_is_the_right_one() -> None:
    offsets = MemoryOffsets()
    resume = await resumed(offsets)
    offsets.life = "second"

    await resume.points()

    resume.check("second")
    await resume.mark(ENDS)
