"""Redis away: one error of ours, whatever the client raised."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles, connect_redis, ping
from portrait.errors import StoreUnavailableError
from sandbox.servers import free_port


@pytest.fixture
async def nobody() -> AsyncIterator[Redis]:
    client = await connect_redis(f"redis://127.0.0.1:{free_port()}/0")
    yield client
    await client.aclose()


async def test_a_redis_that_does_not_answer_is_unavailable(nobody: Redis) -> None:
    calls = [
        ping(nobody),
        RedisProfiles(nobody, timedelta(1)).load(["ann"]),
        RedisCatalogue(nobody).all_ids(),
        RedisPopularity(nobody).newest(1),
        RedisProgress(nobody).reached(),
        RedisRegistry(nobody).champion(),
    ]

    for call in calls:
        with pytest.raises(StoreUnavailableError):
            await call


async def test_another_server_where_redis_should_be_is_said_to_be_one() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()  # until the client leaves
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = await connect_redis(f"redis://127.0.0.1:{port}/0")

    with pytest.raises(StoreUnavailableError, match="does not answer as Redis does"):
        await ping(redis)

    await redis.aclose()
    server.close()
    await server.wait_closed()
