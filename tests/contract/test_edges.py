"""What every store of edges promises: the fake and Redis."""

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_edges import EDGES, RedisEdges
from portrait.catalogue.edges import Edge, EdgeStore, Relation, tabled
from portrait.ref import item_ref
from tests.support.memory_edges import MemoryEdges

CASE = Edge("case", Relation.FITS, "phone")
LENS = Edge("镜头", Relation.ACCESSORY_OF, "camera")
PHONE = item_ref("phone")


class EdgesContract:
    """They are replaced whole, and come back as they were."""

    async def test_at_first_there_are_none(self, edges: EdgeStore) -> None:
        assert await edges.version() == 0
        assert len(await edges.load()) == 0

    async def test_they_come_back_and_replace_those_before(self, edges: EdgeStore) -> None:
        assert await edges.replace(tabled([LENS])) == 1
        assert await edges.replace(tabled([CASE, CASE])) == 2

        found = await edges.load()

        assert (found.version, len(found), await edges.version()) == (2, 1, 2)
        linked = found.to(Relation.FITS, [PHONE])
        assert linked is not None
        assert linked.tolist() == [item_ref("case")]
        assert found.to(Relation.ACCESSORY_OF, [item_ref("camera")]) is None

    async def test_none_may_be_left(self, edges: EdgeStore) -> None:
        await edges.replace(tabled([CASE]))
        await edges.replace(tabled([]))

        assert len(await edges.load()) == 0


class TestMemoryEdges(EdgesContract):
    @pytest.fixture
    def edges(self) -> EdgeStore:
        return MemoryEdges()


class TestRedisEdges(EdgesContract):
    @pytest.fixture
    def edges(self, redis: Redis) -> EdgeStore:
        return RedisEdges(redis)

    async def test_damaged_ones_are_none(self, edges: EdgeStore, redis: Redis) -> None:
        await edges.replace(tabled([CASE]))
        await redis.set(EDGES, b"garbage")

        assert len(await edges.load()) == 0
