"""The lease and the jobs of training on Redis.

{train}:lease  token of who holds it, expires    {train}:token  the newest token
{train}:jobs   id → job    {train}:log  ids, newest first    {train}:open  id of the open job
"""

from datetime import timedelta

from redis.asyncio import Redis

from portrait.adapters.redis_common import script, text, translated
from portrait.jobs import KEPT, Job, JobNotFoundError, JobOpenError
from portrait.lease import LeaseLostError

LEASE, TOKEN, JOBS = "{train}:lease", "{train}:token", "{train}:jobs"
LOG, OPEN = "{train}:log", "{train}:open"


class RedisLease:
    """A `Lease`."""

    def __init__(self, redis: Redis, lasts: timedelta) -> None:
        self.lasts = lasts
        self._ms = int(lasts.total_seconds() * 1_000)
        self._take = script(redis, "take_lease.lua")
        self._keep = script(redis, "keep_lease.lua")

    async def take(self) -> int | None:
        """Take it if nobody has it."""
        async with translated():
            token = await self._take(keys=[LEASE, TOKEN], args=[self._ms])
        return None if token is None else int(token)

    async def renew(self, token: int) -> bool:
        """Let it expire later."""
        async with translated():
            return bool(await self._keep(keys=[LEASE], args=[token, self._ms]))

    async def give_back(self, token: int) -> None:
        """Let it expire now."""
        async with translated():
            await self._keep(keys=[LEASE], args=[token, 0])


class RedisJobs:
    """A `Jobs`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ask = script(redis, "ask_job.lua")
        self._save = script(redis, "save_job.lua")

    async def ask(self, job: Job) -> None:
        """Open a job; the oldest of very many is forgotten."""
        async with translated():
            args: list[str | int] = [job.id, job.model_dump_json(), KEPT]
            other = await self._ask(keys=[OPEN, JOBS, LOG], args=args)
        if other is not None:
            raise JobOpenError(text(other))

    async def open(self) -> Job | None:
        """Return the job that is open."""
        async with translated():
            id = await self._redis.get(OPEN)
        return None if id is None else await self.get(text(id))

    async def save(self, job: Job, token: int) -> None:
        """Store a job, if the token is the newest."""
        args: list[str | int] = [token, job.id, job.model_dump_json(), int(job.is_over)]
        async with translated():
            is_stored = await self._save(keys=[TOKEN, JOBS, OPEN], args=args)
        if not is_stored:
            raise LeaseLostError

    async def get(self, id: str) -> Job:
        """Return a job."""
        async with translated():
            written = await self._redis.hget(JOBS, id)
        if written is None:
            raise JobNotFoundError
        return Job.model_validate_json(written)

    async def newest(self, most: int) -> list[Job]:
        """Return jobs: two round trips."""
        async with translated():
            ids = await self._redis.lrange(LOG, 0, most - 1)
            found = await self._redis.hmget(JOBS, [text(id) for id in ids]) if ids else []
        return [Job.model_validate_json(written) for written in found if written is not None]
