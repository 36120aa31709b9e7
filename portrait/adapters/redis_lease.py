"""The lease and the jobs of training on Redis.

{train}:lease  token of who holds it, expires    {train}:token  the newest token
{train}:jobs   id → job    {train}:log  ids, newest first    {train}:open  id of the open job
{train}:cancel  id → why, of a job that is to stop    {train}:alive  while a trainer is; expires
{train}:lack   what the next training waits for, expires
"""

from datetime import datetime, timedelta

from redis.asyncio import Redis

from portrait.adapters.redis_common import script, text, translated
from portrait.lifecycle.jobs import (
    KEPT,
    Job,
    JobCancelledError,
    JobNotFoundError,
    JobOpenError,
    JobOverError,
    Situation,
)
from portrait.lifecycle.lease import LeaseLostError
from portrait.lifecycle.need import Need

LEASE, TOKEN, JOBS = "{train}:lease", "{train}:token", "{train}:jobs"
LOG, OPEN, CANCEL, ALIVE = "{train}:log", "{train}:open", "{train}:cancel", "{train}:alive"
LACK = "{train}:lack"
LOST, OVER, TO_CANCEL = 0, 2, 3  # what `save_job.lua` says
CHANGED = 0  # what `cancel_job.lua` says


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
        self._cancel = script(redis, "cancel_job.lua")

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
        """Store a job, if the token is the newest and nobody has ended it."""
        args: list[str | int] = [token, job.id, job.model_dump_json(), int(job.is_over)]
        async with translated():
            said, *reason = await self._save(keys=[TOKEN, JOBS, OPEN, CANCEL], args=args)
        if said == LOST:
            raise LeaseLostError
        if said == OVER:
            raise JobOverError
        if said == TO_CANCEL:
            raise JobCancelledError(text(reason[0]))

    async def cancel(self, id: str, reason: str, now: datetime) -> Job:
        """Tell its trainer, or end it; read anew if it has changed between reading and writing."""
        said = CHANGED
        while said == CHANGED:
            written = await self._written(id)
            job = Job.model_validate_json(written)
            if job.is_over:
                msg = f"Job {id} has ended: {job.state}."
                raise JobOverError(msg)
            ended = job.ended("cancelled", reason, now).model_dump_json()
            async with translated():
                said = await self._cancel(
                    keys=[OPEN, JOBS, LEASE, CANCEL], args=[id, written, ended, reason]
                )
        return await self.get(id)

    async def get(self, id: str) -> Job:
        """Return a job."""
        return Job.model_validate_json(await self._written(id))

    async def newest(self, most: int) -> list[Job]:
        """Return jobs: two round trips."""
        async with translated():
            ids = await self._redis.lrange(LOG, 0, most - 1)
            found = await self._redis.hmget(JOBS, [text(id) for id in ids]) if ids else []
        return [Job.model_validate_json(written) for written in found if written is not None]

    async def attend(self, lasts: timedelta) -> None:
        """Say that a trainer is alive."""
        async with translated():
            await self._redis.set(ALIVE, 1, px=lasts)

    async def lack(self, need: Need, lasts: timedelta) -> None:
        """Say what a training waits for."""
        async with translated():
            await self._redis.set(LACK, need.model_dump_json(), px=lasts)

    async def situation(self) -> Situation:
        """Look for a trainer, idle or at work, and for what was said of it: one round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.exists(ALIVE, LEASE)
            pipe.hkeys(CANCEL)
            pipe.get(LACK)
            trainers, cancelled, lack = await pipe.execute()
        return Situation(
            bool(trainers),
            text(cancelled[0]) if cancelled else None,
            None if lack is None else Need.model_validate_json(lack),
        )

    async def _written(self, id: str) -> bytes:
        async with translated():
            written = await self._redis.hget(JOBS, id)
        if not isinstance(written, bytes):
            raise JobNotFoundError
        return written
