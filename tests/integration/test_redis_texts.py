"""Texts in Redis: what a search brought in stays for good once an item has the same text."""

from datetime import timedelta

from redis.asyncio import Redis

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.catalogue.texts import TextReader
from portrait.ref import text_ref
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder


async def test_a_search_that_becomes_an_items_text_no_longer_expires(redis: Redis) -> None:
    reader = TextReader(HashEncoder(), SPACE, RedisCatalogue(redis))
    key = f"text:{SPACE.id}:{text_ref('whole milk'):016x}"
    await reader.read(["whole milk"], ttl=timedelta(days=1))
    assert await redis.ttl(key) > 0

    await reader.read(["whole milk"])

    assert await redis.ttl(key) == -1
