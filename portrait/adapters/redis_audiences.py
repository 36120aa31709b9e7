"""Audiences on Redis.

audience:<id>             a job, as JSON; for an hour, and for a minute while it runs
audience:<id>:members     list: parts of it, each `[[score, user], …]` as JSON; for an hour
"""

from collections.abc import AsyncIterator, Sequence

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from redis.asyncio import Redis

from portrait.adapters.redis_common import readable, slices, text, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.audiences.best import Member
from portrait.audiences.job import (
    KEPT,
    LOST,
    MEMBERS_AT_ONCE,
    AudienceJob,
    AudienceNotFoundError,
    State,
)

_PART = TypeAdapter(list[Member])


class RedisAudiences:
    """An `AudienceJobs`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("audience_job")

    async def put(self, job: AudienceJob) -> None:
        """Store it, and how long it is kept."""
        kept = LOST if job.state is State.RUNNING else KEPT
        async with translated():
            await self._redis.set(_key(job.id), job.model_dump_json(), ex=kept)

    async def get(self, id: str) -> AudienceJob:
        """Return one; what was damaged is as good as none."""
        key = _key(id)
        stored = await mended(self._redis, {key: "string"}, lambda: self._redis.get(key))
        if stored is None:
            raise AudienceNotFoundError
        try:
            return AudienceJob.model_validate_json(readable(stored) or "")
        except ValidationError:
            self._damage.say([key])
            raise AudienceNotFoundError from None

    async def write(self, id: str, members: Sequence[Member]) -> None:
        """Store them part by part; of others who were there before nothing is left."""
        key = _members_key(id)
        async with translated():
            await self._redis.delete(key)
            for part in slices(members, MEMBERS_AT_ONCE):
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.rpush(key, to_json(part))
                    pipe.expire(key, KEPT)
                    await pipe.execute()

    async def read(self, id: str) -> AsyncIterator[list[Member]]:
        """Yield the parts one by one, each of some 30 KB."""
        key, place = _members_key(id), 0
        while True:
            async with translated():
                part = await self._redis.lindex(key, place)
            if not isinstance(part, bytes):
                return
            yield _PART.validate_json(part)
            place += 1


def _key(id: str) -> str:
    return f"audience:{text(id)}"


def _members_key(id: str) -> str:
    return f"{_key(id)}:members"
