"""The lease in hand: kept alive, given back, and lost without harm."""

import asyncio
from datetime import timedelta

import pytest

from portrait.lifecycle.lease import LeaseLostError, held, stopped
from tests.support.fake_training import MemoryLease
from tests.support.patience import PATIENCE
from tests.support.processes import until

SHORT = timedelta(milliseconds=60)


class Counted(MemoryLease):
    """A lease that counts how often somebody asked to renew it."""

    asked = 0

    async def renew(self, token: int) -> bool:
        self.asked += 1
        return await super().renew(token)


async def test_who_comes_second_gets_nothing() -> None:
    lease = MemoryLease()

    async with held(lease) as first, held(lease) as second:
        assert first is not None
        assert second is None
        assert lease.is_held


async def test_it_is_given_back_even_after_an_error() -> None:
    lease = MemoryLease()

    with pytest.raises(ZeroDivisionError):
        async with held(lease):
            raise ZeroDivisionError

    assert not lease.is_held


async def test_a_holder_learns_that_it_lost_the_lease_and_leaves_the_next_ones_alone() -> None:
    lease = MemoryLease(SHORT)

    async with held(lease) as hold:
        assert hold is not None
        hold.require()
        lease.run_out()
        await lease.take()
        async with asyncio.timeout(PATIENCE):
            await hold.lost.wait()

        with pytest.raises(LeaseLostError):
            hold.require()

    assert lease.is_held


async def test_a_task_that_misses_a_cancellation_is_stopped_all_the_same() -> None:
    misses = 2

    async def deaf() -> None:
        nonlocal misses
        while misses:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                misses -= 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await stopped(task)

    assert task.done()


async def test_redis_may_be_away_for_less_than_the_lease_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portrait.lifecycle.lease.RENEWALS", 3_000)
    lease = Counted(timedelta(seconds=30))

    async with held(lease) as hold:
        assert hold is not None
        lease.is_down = True
        await until(lambda: lease.asked >= 2, "renewals fail")
        lease.is_down = False
        renewed = lease.asked + 2
        await until(lambda: lease.asked >= renewed, "it is renewed again")

        assert not hold.lost.is_set()


async def test_redis_being_away_for_longer_loses_it() -> None:
    lease = MemoryLease(SHORT)

    async with held(lease) as hold:
        assert hold is not None
        lease.is_down = True
        async with asyncio.timeout(PATIENCE):
            await hold.lost.wait()
