"""Turns: rankings come one after the other, and nobody waits for long."""

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Event, current_thread

import numpy as np
import pytest
from fastapi import Request
from numpy.typing import NDArray

from portrait.catalogue.catalogue import Catalogue
from portrait.errors import BusyError
from portrait.inference.explain import Evidence, evidence_of
from service.dependencies import turns_of
from service.recommendations import turns as module
from service.recommendations.turns import MOST_WAITING, Turns
from tests.support.catalogues import catalogue
from tests.support.shop import Shop, open_shop


async def begun(turns: Turns, work: Callable[[], object]) -> asyncio.Task[object]:
    """Ask for some work, and let it be handed to the thread."""
    task = asyncio.create_task(turns.take(work))
    await asyncio.sleep(0)
    return task


async def test_work_is_done_one_after_the_other_in_the_order_of_asking() -> None:
    done: list[tuple[int, str]] = []

    def work(number: int) -> None:
        done.append((number, current_thread().name))

    with Turns() as turns:
        await asyncio.gather(*(turns.take(partial(work, number)) for number in range(9)))

    assert [number for number, _ in done] == [*range(9)]
    assert len({thread for _, thread in done}) == 1


async def test_the_loop_goes_on_while_something_is_ranked() -> None:
    gate = Event()
    with Turns() as turns:
        ranked = await begun(turns, lambda: gate.wait(10))
        gate.set()  # by the loop, which therefore runs

        assert await ranked is True


async def test_beyond_so_many_waiting_one_is_told_to_come_again() -> None:
    gate = Event()
    with Turns() as turns:
        waiting = [await begun(turns, lambda: gate.wait(10)) for _ in range(MOST_WAITING)]

        with pytest.raises(BusyError):
            await turns.take(gate.wait)

        gate.set()
        assert all(await asyncio.gather(*waiting))
        assert await turns.take(lambda: "there is room again") == "there is room again"


async def test_whoever_waited_for_too_long_is_not_ranked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, ranked = Event(), Event()
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.0)
    with Turns() as turns:
        first = await begun(turns, lambda: gate.wait(10))
        late = await begun(turns, ranked.set)
        gate.set()

        with pytest.raises(BusyError):
            await late
        await asyncio.gather(first, return_exceptions=True)
    assert not ranked.is_set()


async def test_work_that_fails_makes_room_too() -> None:
    def fail() -> None:
        raise LookupError

    with Turns() as turns:
        for _ in range(MOST_WAITING + 1):
            with pytest.raises(LookupError):
                await turns.take(fail)


async def test_the_service_answers_503_and_says_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop()
    await shop.stock()
    monkeypatch.setattr(module, "MOST_WAITING", 0)

    async with open_shop(shop) as client:
        answer = await client.post("/recommend", json={})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:portrait:problem:busy"


async def test_of_those_who_ask_for_much_one_is_let_in_at_a_time_and_the_rest_pass_by() -> None:
    inside: list[int] = []
    most = 0

    async def ask(turns: Turns) -> None:
        nonlocal most
        async with turns.alone():
            inside.append(1)
            most = max(most, len(inside))
            await turns.take(lambda: None)
            inside.pop()

    with Turns() as turns:
        async with turns.alone():
            assert await turns.take(lambda: "little") == "little"
        await asyncio.gather(*(ask(turns) for _ in range(9)))

    assert most == 1


async def test_whoever_asks_for_much_is_not_kept_waiting_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.01)
    with Turns() as turns:
        async with turns.alone():
            with pytest.raises(BusyError):
                async with turns.alone():
                    pass
        async with turns.alone():  # and whoever waited in vain holds nothing
            pass


async def test_a_large_request_waits_for_the_one_before_and_a_small_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.5)
    taken: list[Turns] = []
    monkeypatch.setattr("service.routing.turns_of", lambda request: _kept(request, taken))
    shop = Shop()
    await shop.stock()
    large = {"exclude": [f"{place:064}" for place in range(100)]}

    async with open_shop(shop) as client:
        first = await client.post("/recommend", json=large)
        async with taken[0].alone():
            small = await client.post("/recommend", json={})
            second = await client.post("/recommend", json=large)
        third = await client.post("/recommend", json=large)

    assert [first.status_code, small.status_code, third.status_code] == [200] * 3
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")


def _kept(request: Request, taken: list[Turns]) -> Turns:
    turns = turns_of(request)
    taken.append(turns)
    return turns


async def test_the_events_of_a_request_are_looked_up_in_the_thread_that_ranks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[str] = []

    def noting(ring: NDArray[np.void], built: Catalogue) -> Evidence:
        threads.append(current_thread().name)
        return evidence_of(ring, built)

    for looks_up in ("service.recommendations.known", "portrait.inference.session"):
        monkeypatch.setattr(f"{looks_up}.evidence_of", noting)
    shop = Shop()
    await shop.stock()
    shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    asked = {"user_id": "ann", "session": {"items": ["tuna"]}, "explain": True}

    async with open_shop(shop) as client:
        answer = await client.post("/recommend", json=asked)

    assert answer.status_code == 200
    assert [name.startswith("ranking") for name in threads] == [True, True]
