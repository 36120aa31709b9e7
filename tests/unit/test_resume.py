"""Resume: reading goes on from where the store says it is."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import StoreRestartedError
from portrait.events.progress import LogName
from portrait.events.resume import Point, Resume
from tests.support.fakes import FIRST_LIFE, MemoryOffsets

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


async def test_before_anything_was_read_no_life_of_the_store_is_missed() -> None:
    resume = Resume(MemoryOffsets(), "update")

    await resume.mark({})  # an empty batch while partitions are still being given out

    with pytest.raises(StoreRestartedError):
        await resume.mark({("events.click", 0): 1})


async def test_after_reading_the_points_again_the_new_life_is_the_right_one() -> None:
    offsets = MemoryOffsets()
    resume = await resumed(offsets)
    offsets.life = "second"

    await resume.points()

    resume.check("second")
    await resume.mark(ENDS)


ID, OTHER = "0a", "0b"
PLACE = ("events.click", 0)


async def test_a_log_with_the_same_id_goes_on_where_it_was() -> None:
    offsets = MemoryOffsets()
    first = Resume(offsets, "group")
    await first.points({PLACE: ID})
    await first.mark(ENDS)

    points = await Resume(offsets, "group").points({PLACE: ID}, gone={PLACE})

    assert points == {PLACE: Point(LogName(0, ID), 4)}


async def test_a_log_that_is_gone_is_followed_by_the_next_from_its_beginning() -> None:
    offsets = MemoryOffsets()
    resume = Resume(offsets, "group")
    await resume.points({PLACE: ID})
    await resume.mark(ENDS)

    points = await resume.points({PLACE: OTHER}, gone={PLACE})

    assert points == {PLACE: Point(LogName(1, OTHER), None, is_new=True)}
    again = await Resume(offsets, "group").points({PLACE: OTHER})
    assert again == {PLACE: Point(LogName(1, OTHER), 0)}


async def test_a_log_whose_offset_went_with_its_topic_is_known_to_be_another_one() -> None:
    offsets = MemoryOffsets()
    resume = Resume(offsets, "group")
    first = await resume.points({PLACE: ID})
    offsets.ends.clear()
    offsets.logs.clear()

    same = await resume.points({PLACE: ID})
    offsets.ends.clear()
    offsets.logs.clear()
    other = await resume.points({PLACE: OTHER})

    assert not first[PLACE].is_new  # nobody knows of one before
    assert same == {PLACE: Point(LogName(0, ID), None)}
    assert other == {PLACE: Point(LogName(1, OTHER), None, is_new=True)}


async def test_an_id_that_is_late_moves_nothing() -> None:
    offsets = MemoryOffsets()
    resume = Resume(offsets, "group")
    await resume.points({PLACE: ID})
    await resume.mark(ENDS)

    points = await Resume(offsets, "group").points({PLACE: OTHER})

    assert points == {PLACE: Point(LogName(0, ID), 4)}


async def test_what_an_older_version_stored_is_of_the_log_that_is_there() -> None:
    offsets = MemoryOffsets()
    offsets.ends["group"] = dict(ENDS)

    points = await Resume(offsets, "group").points({PLACE: ID})

    assert points == {PLACE: Point(LogName(0, ID), 4)}


async def test_offsets_of_a_log_that_is_over_do_not_hold_up_the_next() -> None:
    offsets = MemoryOffsets()
    resume = Resume(offsets, "group")
    await resume.points({PLACE: ID})
    await resume.points({PLACE: OTHER}, gone={PLACE})

    await resume.mark({PLACE: 3}, {PLACE: 1})
    await resume.mark({PLACE: 444}, {PLACE: 0})

    stored = await offsets.load("group")
    assert (stored.ends[PLACE], stored.logs[PLACE]) == (3, LogName(1, OTHER))


@dataclass
class Shop:
    """A log that may begin again, lose its end, or be lost sight of; and what was made of it."""

    offsets: MemoryOffsets = field(default_factory=MemoryOffsets)
    log: list[int] = field(default_factory=list)  # events, each another number
    id: int = 1
    events: int = 0
    folded: Counter[int] = field(default_factory=Counter)
    reached: tuple[int, int] = (0, 0)  # log and offset, as a profile has them
    resume: Resume | None = None
    point: Point | None = None

    async def append(self, count: int) -> None:
        self.log += range(self.events, self.events + count)
        self.events += count

    async def begin_again(self, count: int) -> None:
        self.log, self.id = [], self.id + 1
        await self.append(count)

    async def lose_end(self, count: int) -> None:
        """An unclean leader: the broker says at the next fetch where its log differs.

        Only while somebody reads who is not behind what he folded before: see decision 0013.
        """
        kept = max(len(self.log) - count, 0)
        if self.resume is None or self.point is None or self.point.log.id != f"{self.id:02x}":
            return
        if (self.point.log.number, self.point.offset or 0) < self.reached:
            return
        self.log = self.log[:kept]
        if (self.point.offset or 0) > kept:
            self.point = Point(await self.resume.cut(PLACE, kept), kept)

    async def read(self, count: int) -> None:
        """Fetch by id, fold, mark: what the stream and the update worker do."""
        if self.resume is None:
            self.resume = Resume(self.offsets, "group")
            self.point = (await self.resume.points({PLACE: f"{self.id:02x}"}))[PLACE]
        if self.point and self.point.log.id != f"{self.id:02x}":  # the broker refuses the fetch
            self.point = (await self.resume.points({PLACE: f"{self.id:02x}"}, {PLACE}))[PLACE]
        assert self.point is not None
        start = self.point.offset or 0
        for offset, event in enumerate(self.log[start : start + count], start):
            if (self.point.log.number, offset + 1) > self.reached:
                self.folded[event] += 1
                self.reached = (self.point.log.number, offset + 1)
        end = min(start + count, len(self.log))
        self.point = Point(self.point.log, end)

    async def mark(self, _: int) -> None:
        if self.resume and self.point:
            await self.resume.mark({PLACE: self.point.offset or 0}, {PLACE: self.point.log.number})

    async def crash(self, _: int) -> None:
        self.resume = self.point = None


STEPS = ("append", "begin_again", "lose_end", "read", "mark", "crash")


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=40))
def test_whenever_the_log_begins_again_each_event_counts_once(
    steps: list[tuple[str, int]],
) -> None:
    async def run() -> Shop:
        shop = Shop()
        for name, count in steps:
            await getattr(shop, name)(count)
        await shop.read(1_000)
        return shop

    shop = asyncio.run(run())

    assert set(shop.folded.values()) <= {1}
    assert set(shop.log) <= set(shop.folded)  # whatever is still there was folded
