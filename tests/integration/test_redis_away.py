"""Redis away: one error of ours, whatever the client raised."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_progress import RedisPopularity, RedisProgress
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
