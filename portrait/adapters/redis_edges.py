"""Edges between items on Redis.

edges           string: (E,) of EDGE
edges:version   string: how often they were replaced
"""

import asyncio

import numpy as np
from redis.asyncio import Redis

from portrait.adapters.redis_common import number, translated
from portrait.adapters.redis_damage import Damage
from portrait.arrays import Records
from portrait.catalogue.edges import EDGE, Edges

EDGES, VERSION = "edges", "edges:version"


class RedisEdges:
    """An `EdgeStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("edges")

    async def version(self) -> int:
        """Return their version."""
        async with translated():
            return number(await self._redis.get(VERSION)) or 0

    async def load(self) -> Edges:
        """Return them with their version, read in one step."""
        async with translated():
            version, stored = await self._redis.mget(VERSION, EDGES)
        stored = stored if isinstance(stored, bytes) else b""
        if len(stored) % EDGE.itemsize:
            self._damage.say([EDGES])
            stored = b""
        edges = np.frombuffer(stored, EDGE)
        return await asyncio.to_thread(Edges.of, edges, number(version) or 0)

    async def replace(self, edges: Records) -> int:
        """Keep them in one step."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.set(EDGES, edges.tobytes())
            pipe.incr(VERSION)
            _, version = await pipe.execute()
        return int(version)
