"""What people ask of what is kept of them: the same suite on the fakes and on Redis."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_rights import RedisErasures, RedisExports
from portrait.rights.erasure_job import (
    ErasureJob,
    ErasureJobs,
    ErasureNotFoundError,
    Place,
    PlaceState,
    ReceiptMissingError,
    new_erasure,
)
from portrait.rights.export import MOST_BYTES, Exports, ExportTooLargeError
from tests.support.memory_rights import MemoryErasures, MemoryExports

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
GONE = PlaceState(state="gone", at=NOW)


def job_at(minutes: int) -> ErasureJob:
    return new_erasure("ann", ["anonymous:c-1"], NOW + timedelta(minutes=minutes), None)


async def parts(*each: bytes) -> AsyncIterator[bytes]:
    for part in each:
        yield part


class ErasureJobsContract:
    async def test_a_job_is_kept_as_it_was_asked_for(self, store: ErasureJobs) -> None:
        job = job_at(0)
        await store.ask(job)

        assert await store.get(job.id) == job

    async def test_open_ones_are_told_the_oldest_first(self, store: ErasureJobs) -> None:
        late, early = job_at(9), job_at(1)
        await store.ask(late)
        await store.ask(early)

        assert await store.open() == [early, late]

    async def test_one_that_is_over_is_kept_and_not_open(self, store: ErasureJobs) -> None:
        job = job_at(0)
        await store.ask(job)
        over = job.at_places(dict.fromkeys(Place, GONE))

        await store.save(over, "receipt")

        assert await store.open() == []
        assert await store.get(job.id) == over
        assert await store.receipt(job.id) == "receipt"

    async def test_a_receipt_stays_until_there_is_another(self, store: ErasureJobs) -> None:
        job = job_at(0)
        await store.ask(job)
        with pytest.raises(ReceiptMissingError):
            await store.receipt(job.id)

        await store.save(job, "first")
        await store.save(job, None)

        assert await store.receipt(job.id) == "first"

    async def test_there_is_no_other(self, store: ErasureJobs) -> None:
        with pytest.raises(ErasureNotFoundError):
            await store.get("0" * 32)
        with pytest.raises(ErasureNotFoundError):
            await store.receipt("0" * 32)


class TestMemoryErasures(ErasureJobsContract):
    @pytest.fixture
    def store(self) -> ErasureJobs:
        return MemoryErasures()


class TestRedisErasures(ErasureJobsContract):
    @pytest.fixture
    def store(self, redis: Redis) -> ErasureJobs:
        return RedisErasures(redis)

    async def test_nothing_of_it_stays_for_ever(self, store: ErasureJobs, redis: Redis) -> None:
        job = job_at(0)
        await store.ask(job)
        await store.save(job, "receipt")

        for key in (f"erasure:{job.id}", f"erasure:{job.id}:receipt"):
            assert 0 < await redis.ttl(key) <= 90 * 86_400

    async def test_a_damaged_one_is_as_good_as_none(self, store: ErasureJobs, redis: Redis) -> None:
        job = job_at(0)
        await store.ask(job)
        await redis.set(f"erasure:{job.id}", b"\xff{")

        assert await store.open() == []
        with pytest.raises(ErasureNotFoundError):
            await store.get(job.id)

    @pytest.mark.parametrize("key", ["erasures:open", "erasure:{}", "erasure:{}:receipt"])
    async def test_a_key_of_another_type_holds_up_nobody(
        self, store: ErasureJobs, redis: Redis, key: str
    ) -> None:
        job = job_at(0)
        await redis.hset(key.format(job.id), "a", "b")
        assert await store.open() == []
        with pytest.raises(ErasureNotFoundError):
            await store.receipt(job.id)

        await store.ask(job)
        await store.save(job, "receipt")

        assert [each.id for each in await store.open()] == [job.id]
        assert await store.receipt(job.id) == "receipt"


class ExportsContract:
    async def test_what_is_asked_for_is_taken_once_the_oldest_first(self, store: Exports) -> None:
        assert await store.ask("ann")
        assert await store.ask("bob")
        assert not await store.ask("ann")

        assert [await store.take(), await store.take(), await store.take()] == ["ann", "bob", None]

    async def test_a_file_is_read_as_it_came(self, store: Exports) -> None:
        await store.ask("ann")
        assert await store.size("ann") is None

        assert await store.put("ann", parts(b"\x00one", b"two")) == 7

        assert await store.size("ann") == 7
        assert [part async for part in store.read("ann")] == [b"\x00one", b"two"]
        assert await store.ask("ann")

    async def test_a_file_replaces_the_one_before(self, store: Exports) -> None:
        await store.put("ann", parts(b"one", b"two"))
        await store.put("ann", parts(b"three"))

        assert [part async for part in store.read("ann")] == [b"three"]

    async def test_what_is_too_large_is_not_kept(self, store: Exports) -> None:
        await store.put("ann", parts(b"x" * (MOST_BYTES - 1), b"xx"))

        with pytest.raises(ExportTooLargeError):
            await store.size("ann")
        assert [part async for part in store.read("ann")] == []

    async def test_what_is_forgotten_may_be_asked_for_again(self, store: Exports) -> None:
        await store.ask("ann")
        await store.put("ann", parts(b"one"))

        await store.forget("ann")

        assert await store.size("ann") is None
        assert [part async for part in store.read("ann")] == []
        assert await store.ask("ann")

    async def test_what_is_forgotten_is_not_gathered_any_more(self, store: Exports) -> None:
        for user in ("ann", "bob"):
            await store.ask(user)

        await store.forget("ann")

        assert [await store.take(), await store.take()] == ["bob", None]


class TestMemoryExports(ExportsContract):
    @pytest.fixture
    def store(self) -> Exports:
        return MemoryExports()


class TestRedisExports(ExportsContract):
    @pytest.fixture
    def store(self, redis: Redis) -> Exports:
        return RedisExports(redis)

    async def test_nothing_of_it_stays_for_ever(self, store: Exports, redis: Redis) -> None:
        await store.put("ann", parts(b"one"))

        for key in ("export:{ann}", "export:{ann}:parts"):
            assert 0 < await redis.ttl(key) <= 3_600

    @pytest.mark.parametrize("key", ["exports:asked", "export:{ann}", "export:{ann}:parts"])
    async def test_a_key_of_another_type_holds_up_nobody(
        self, store: Exports, redis: Redis, key: str
    ) -> None:
        await redis.hset(key, "a", "b")
        assert await store.size("ann") is None
        assert await store.ask("ann")
        assert await store.take() == "ann"

        assert await store.put("ann", parts(b"one")) == 3

        assert [part async for part in store.read("ann")] == [b"one"]
