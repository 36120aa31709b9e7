"""What is asked for the sake of one person's privacy: every place, as the settings say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from redis.asyncio import Redis

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_given import RedisGiven
from portrait.adapters.redis_identities import RedisIdentities
from portrait.adapters.redis_labels import RedisLabels
from portrait.adapters.redis_lists import RedisLists
from portrait.adapters.redis_opinions import RedisOpinions
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_rights import RedisErasures, RedisExports
from portrait.adapters.redis_segments import RedisSegments
from portrait.adapters.redis_store import RedisProfiles
from portrait.archive.archive import Archive
from portrait.events.stream import EventStream
from portrait.events.topics import DEAD
from portrait.reading.mapping import Mapped, read_mapping
from portrait.settings import Settings
from workers.privacy.belongings import Places, naming_of
from workers.roots.bounds import bounds_of


def places_of(settings: Settings, redis: Redis, archive: Archive, closing: asyncio.Event) -> Places:
    """Connect to every place."""

    @asynccontextmanager
    async def dead_letters() -> AsyncIterator[EventStream]:
        """Read all letters, in a group that nobody else is in: it commits nothing."""
        group = f"portrait-privacy-{uuid4().hex[:8]}"
        bounds = bounds_of(settings)
        async with open_stream(
            cluster_of(settings), bounds, group=group, topics=(DEAD,), closing=closing
        ) as stream:
            yield stream

    return Places(
        profiles=RedisProfiles(redis, settings.profile_ttl),
        identities=RedisIdentities(redis, settings.profile_ttl),
        lists=RedisLists(redis),
        given=RedisGiven(redis),
        opinions=RedisOpinions(redis),
        messages=RedisLabels(redis),
        segments=RedisSegments(redis),
        archive=archive,
        dead_letters=dead_letters,
        naming=naming_of(Mapped() if settings.mapping is None else read_mapping(settings.mapping)),
        audit=RedisAudit(redis),
        registry=RedisRegistry(redis),
        erasures=RedisErasures(redis),
        exports=RedisExports(redis),
    )
