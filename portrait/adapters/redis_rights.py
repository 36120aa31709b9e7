"""What people ask of what is kept of them, on Redis.

erasure:<id>         a job, as JSON; erasure:<id>:receipt  its newest receipt; both for 90 days
erasures:open        set: ids of the jobs that are not over
exports:asked        list: whose export is waited for
export:{user}        size of a file, or -1: it is too large; export:{user}:parts  list: the file
export:{user}:asked  while it is waited for
"""

from collections.abc import AsyncIterator, Sequence

from pydantic import ValidationError
from redis.asyncio import Redis

from portrait.adapters.redis_common import number, readable, text, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.rights.erasure_job import (
    KEPT,
    ErasureJob,
    ErasureNotFoundError,
    ReceiptMissingError,
)
from portrait.rights.export import GATHERED, MOST_BYTES, ExportTooLargeError
from portrait.rights.export import KEPT as FILE_KEPT

OPEN, ASKED = "erasures:open", "exports:asked"
LISTED, WAITING = {OPEN: "set"}, {ASKED: "list"}
TOO_LARGE = -1
MOST_ASKED = 1_000  # exports that wait; the oldest are forgotten, and may be asked for anew


class RedisErasures:
    """An `ErasureJobs`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("erasure_job")

    async def ask(self, job: ErasureJob) -> None:
        """Store it, and list it as open."""

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(_job_key(job.id), job.model_dump_json(), ex=KEPT)
                pipe.sadd(OPEN, job.id)
                await pipe.execute()

        await mended(self._redis, LISTED, write)

    async def get(self, id: str) -> ErasureJob:
        """Return one."""
        job = self._read(id, await self._value(_job_key(id)))
        if job is None:
            raise ErasureNotFoundError
        return job

    async def open(self) -> Sequence[ErasureJob]:
        """Return those listed; one that is not there any more is struck off."""
        listed = await mended(self._redis, LISTED, lambda: self._redis.smembers(OPEN))
        async with translated():
            ids = sorted(readable(id) or "" for id in listed)
            found = await self._redis.mget([_job_key(id) for id in ids]) if ids else []
            jobs = {id: self._read(id, value) for id, value in zip(ids, found, strict=True)}
            lost = [id for id, job in jobs.items() if job is None]
            if lost:
                await self._redis.srem(OPEN, *lost)
        return sorted((job for job in jobs.values() if job is not None), key=_asked_at)

    async def save(self, job: ErasureJob, receipt: str | None) -> None:
        """Store both; one that is over is not listed any more."""

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(_job_key(job.id), job.model_dump_json(), keepttl=True)
                if receipt is not None:
                    pipe.set(_receipt_key(job.id), receipt, ex=KEPT)
                if job.is_over:
                    pipe.srem(OPEN, job.id)
                await pipe.execute()

        await mended(self._redis, LISTED, write)

    async def receipt(self, id: str) -> str:
        """Return its newest receipt."""
        await self.get(id)
        written = readable(await self._value(_receipt_key(id)))
        if written is None:
            raise ReceiptMissingError
        return written

    async def _value(self, key: str) -> object:
        return await mended(self._redis, {key: "string"}, lambda: self._redis.get(key))

    def _read(self, id: str, value: object) -> ErasureJob | None:
        if value is None:
            return None
        try:
            return ErasureJob.model_validate_json(readable(value) or "")
        except ValidationError:
            self._damage.say([_job_key(id)])
            return None


class RedisExports:
    """An `Exports`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def ask(self, user: str) -> bool:
        """List it, unless it is listed or being gathered."""
        async with translated():
            is_new = await self._redis.set(f"{_file_key(user)}:asked", 1, nx=True, ex=GATHERED)
        if is_new:
            await mended(self._redis, WAITING, lambda: self._redis.rpush(ASKED, user))
            async with translated():
                await self._redis.ltrim(ASKED, -MOST_ASKED, -1)
        return bool(is_new)

    async def take(self) -> str | None:
        """Take the oldest."""
        return readable(await mended(self._redis, WAITING, lambda: self._redis.lpop(ASKED)))

    async def put(self, user: str, parts: AsyncIterator[bytes]) -> int:
        """Write the parts, then that they are whole; of too many nothing is left."""
        key, size = _file_key(user), 0
        async with translated():
            await self._redis.delete(f"{key}:parts")
            async for part in parts:
                size += len(part)
                if size > MOST_BYTES:
                    size = TOO_LARGE
                    await self._redis.delete(f"{key}:parts")
                    break
                await self._redis.rpush(f"{key}:parts", part)
                await self._redis.expire(f"{key}:parts", FILE_KEPT)
            await self._redis.set(key, size, ex=FILE_KEPT)
            await self._redis.delete(f"{key}:asked")
        return size

    async def size(self, user: str) -> int | None:
        """Return what was written last."""
        key = _file_key(user)
        size = number(await mended(self._redis, {key: "string"}, lambda: self._redis.get(key)))
        if size == TOO_LARGE:
            raise ExportTooLargeError
        return size

    async def read(self, user: str) -> AsyncIterator[bytes]:
        """Yield the parts one by one, each of some 100 KB."""
        place = 0
        while True:
            async with translated():
                part = await self._redis.lindex(f"{_file_key(user)}:parts", place)
            if not isinstance(part, bytes):
                return
            yield part
            place += 1

    async def forget(self, user: str) -> None:
        """Remove a file, and that it was asked for."""
        key = _file_key(user)
        await mended(self._redis, WAITING, lambda: self._redis.lrem(ASKED, 0, user))
        async with translated():
            await self._redis.delete(key, f"{key}:parts", f"{key}:asked")


def _asked_at(job: ErasureJob) -> tuple[object, str]:
    return job.asked_at, job.id


def _job_key(id: str) -> str:
    return f"erasure:{text(id)}"


def _receipt_key(id: str) -> str:
    return f"{_job_key(id)}:receipt"


def _file_key(user: str) -> str:
    return f"export:{{{user}}}"
