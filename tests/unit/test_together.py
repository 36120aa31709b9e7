"""Together: what is asked for in one turn of the loop is asked for at once."""

import asyncio
from collections.abc import Sequence

import pytest

from portrait.adapters.coalesce import Together


class Store:
    """Answers a name with itself in capitals."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.was_asked = asyncio.Semaphore(0)
        self.failure: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ask(self, keys: Sequence[str]) -> list[str]:
        self.asked.append([*keys])
        self.was_asked.release()
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return [key.upper() for key in keys]


async def test_those_of_one_turn_are_asked_for_at_once_and_each_gets_its_own() -> None:
    store = Store()
    together = Together(store.ask)

    found = await asyncio.gather(*(together.get(name) for name in "abca"))

    assert found == ["A", "B", "C", "A"]
    assert store.asked == [["a", "b", "c", "a"]]


async def test_whoever_comes_later_does_not_wait_for_those_before() -> None:
    store = Store()
    together = Together(store.ask)
    store.may_answer.clear()
    early = asyncio.create_task(together.get("early"))
    await store.was_asked.acquire()

    late = asyncio.create_task(together.get("late"))
    await store.was_asked.acquire()
    store.may_answer.set()

    assert [await early, await late] == ["EARLY", "LATE"]
    assert store.asked == [["early"], ["late"]]


async def test_a_failure_is_everybodys_and_not_that_of_those_who_come_later() -> None:
    store = Store()
    together = Together(store.ask)
    store.failure = ConnectionError("away")

    failed = await asyncio.gather(*(together.get(name) for name in "ab"), return_exceptions=True)
    store.failure = None

    assert [type(each) for each in failed] == [ConnectionError] * 2
    assert await together.get("c") == "C"


async def test_one_who_stops_waiting_takes_nothing_from_the_others() -> None:
    store = Store()
    together = Together(store.ask)
    leaving = asyncio.create_task(together.get("leaving"))
    staying = asyncio.create_task(together.get("staying"))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying == "STAYING"
    with pytest.raises(asyncio.CancelledError):
        await leaving
