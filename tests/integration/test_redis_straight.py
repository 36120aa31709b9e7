"""Reading straight from Redis: right answers to everybody, whatever became of a connection."""

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from portrait.adapters import redis_straight as module
from portrait.adapters.redis_store import CONNECTIONS
from portrait.adapters.redis_straight import MOST_KEPT, Straight


async def test_it_reads_what_lies_there(redis: Redis) -> None:
    await redis.set("one", b"1")

    assert await Straight(redis).mget(["one", "none"]) == [b"1", None]


async def test_many_at_once_get_their_own_answers_and_leave_connections_to_others(
    redis: Redis,
) -> None:
    keys = [f"key-{place}" for place in range(4 * CONNECTIONS)]
    await redis.mset({key: key for key in keys})
    straight = Straight(redis)

    found = await asyncio.gather(*(straight.mget([key]) for key in keys))
    assert found == [[key.encode()] for key in keys]

    await asyncio.gather(*(redis.blpop(["empty"], 0.2) for _ in range(CONNECTIONS - MOST_KEPT)))


async def test_a_connection_that_was_lost_is_made_anew(redis: Redis) -> None:
    straight = Straight(redis)
    await redis.set("one", b"1")
    await straight.mget(["one"])

    await redis.client_kill_filter(_type="normal", skipme=True)

    assert await straight.mget(["one"]) == [b"1"]
    assert await straight.mget(["one"]) == [b"1"]


async def test_whoever_stops_waiting_leaves_no_answer_to_the_next(redis: Redis) -> None:
    straight = Straight(redis)
    await redis.mset({"one": b"1", "two": b"2"})
    await straight.mget(["one"])

    for turns in range(20):
        reading = asyncio.create_task(straight.mget(["one"]))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            assert await reading == [b"1"]  # the client library may have had the answer

        assert await straight.mget(["two"]) == [b"2"]


@pytest.mark.parametrize(("seconds", "taken"), [(-1.0, 9), (60.0, 1)])
async def test_the_pool_is_gone_through_again_after_a_while(
    seconds: float, taken: int, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone_through: list[object] = []
    get_connection = redis.connection_pool.get_connection

    async def noted() -> object:
        gone_through.append(None)
        return await get_connection()  # type: ignore[no-untyped-call] # redis-py's own

    monkeypatch.setattr(redis.connection_pool, "get_connection", noted)
    monkeypatch.setattr(module, "KEPT_SECONDS", seconds)
    straight = Straight(redis)

    for _ in range(9):
        await straight.mget(["none"])

    assert len(gone_through) == taken
