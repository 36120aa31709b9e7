"""What the lease, the jobs and the live counts promise: the same suite on fakes and Redis."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_lease import RedisJobs, RedisLease
from portrait.adapters.redis_live import RedisLive
from portrait.lifecycle.jobs import (
    KEPT,
    Job,
    JobCancelledError,
    JobNotFoundError,
    JobOpenError,
    JobOverError,
    Jobs,
    new_job,
)
from portrait.lifecycle.lease import Lease, LeaseLostError, held
from portrait.lifecycle.need import Need
from portrait.monitoring.watch import Live, LiveCounts
from tests.support.cards import NOON
from tests.support.fake_training import MemoryJobs, MemoryLease, MemoryLiveCounts


class LeaseContract:
    """One holder, and a token for each."""

    async def test_only_one_can_hold_it(self, lease: Lease) -> None:
        first = await lease.take()

        assert first is not None
        assert await lease.take() is None
        assert await lease.renew(first)
        await lease.give_back(first)
        second = await lease.take()
        assert second is not None
        assert second > first

    async def test_who_held_it_before_can_neither_renew_nor_end_it(self, lease: Lease) -> None:
        first = await lease.take()
        assert first is not None
        await lease.give_back(first)
        second = await lease.take()
        assert second is not None

        assert not await lease.renew(first)
        await lease.give_back(first)
        assert await lease.take() is None
        assert await lease.renew(second)


class TestMemoryLease(LeaseContract):
    @pytest.fixture
    def lease(self) -> Lease:
        return MemoryLease()


class TestRedisLease(LeaseContract):
    @pytest.fixture
    def lease(self, redis: Redis) -> Lease:
        return RedisLease(redis, timedelta(seconds=30))

    async def test_a_killed_trainers_lease_runs_out(self, redis: Redis) -> None:
        lease = RedisLease(redis, timedelta(milliseconds=50))
        first = await lease.take()
        assert first is not None

        await asyncio.sleep(0.2)

        assert not await lease.renew(first)
        second = await lease.take()
        assert second is not None
        assert second > first

    async def test_an_emptied_redis_gives_no_token_twice(self, redis: Redis) -> None:
        lease = RedisLease(redis, timedelta(seconds=30))
        first = await lease.take()
        assert first is not None
        await redis.flushall()
        await asyncio.sleep(0.002)

        second = await lease.take()

        assert second is not None
        assert second > first
        assert not await lease.renew(first)

    async def test_it_is_renewed_while_it_is_held(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portrait.lifecycle.lease.RENEWALS", 30)  # many: one may be late
        lease = RedisLease(redis, timedelta(seconds=3))
        async with held(lease) as hold:
            await asyncio.sleep(3.3)

            assert hold is not None
            assert not hold.lost.is_set()
            assert await lease.take() is None

        assert await lease.take() is not None


class JobsContract:
    """One open job, and what became of the others."""

    async def test_at_first_there_is_nothing(self, jobs: Jobs) -> None:
        assert await jobs.open() is None
        assert await jobs.newest(10) == []
        with pytest.raises(JobNotFoundError):
            await jobs.get("x")

    async def test_one_job_is_open_at_a_time(self, jobs: Jobs) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)

        with pytest.raises(JobOpenError) as raised:
            await jobs.ask(new_job("drift", "too", NOON))

        assert raised.value.id == job.id
        assert await jobs.open() == await jobs.get(job.id) == job
        assert await jobs.newest(10) == [job]

    async def test_a_job_stays_open_until_it_is_over(self, jobs: Jobs, lease: Lease) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)
        token = await lease.take()
        assert token is not None

        running = job.begun(NOON).at("training", {"epoch": 1})
        await jobs.save(running, token)
        assert await jobs.open() == running
        over = running.ended("refused", "it is no better", NOON)
        await jobs.save(over, token)

        assert await jobs.open() is None
        assert await jobs.get(job.id) == over
        await jobs.ask(new_job("events", "1,000 new", NOON))

    async def test_a_trainer_that_comes_back_late_changes_nothing(
        self, jobs: Jobs, lease: Lease
    ) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)
        late = await lease.take()
        assert late is not None
        await lease.give_back(late)
        token = await lease.take()
        assert token is not None
        await jobs.save(job.begun(NOON), token)

        with pytest.raises(LeaseLostError):
            await jobs.save(job.ended("failed", "too late", NOON), late)

        assert await jobs.open() == job.begun(NOON)

    async def test_what_ended_stays_ended_for_the_next(self, jobs: Jobs, lease: Lease) -> None:
        token = await lease.take()
        assert token is not None
        first, second = (new_job("request", str(n), NOON) for n in range(2))
        await jobs.ask(first)
        await jobs.save(first.ended("promoted", "better", NOON), token)
        await jobs.ask(second)

        with pytest.raises(JobOverError):
            await jobs.save(first.ended("promoted", "better", NOON), token)

        assert await jobs.open() == second

    async def test_a_job_that_nobody_works_on_is_cancelled_at_once(
        self, jobs: Jobs, lease: Lease
    ) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)

        ended = await jobs.cancel(job.id, "by mistake", NOON)

        assert ended == await jobs.get(job.id) == job.ended("cancelled", "by mistake", NOON)
        assert await jobs.open() is None
        await jobs.ask(new_job("request", "rightly", NOON))
        token = await lease.take()
        assert token is not None
        with pytest.raises(JobOverError):  # a trainer that had read it before
            await jobs.save(job.begun(NOON), token)
        assert await jobs.get(job.id) == ended

    async def test_a_job_in_hand_is_cancelled_when_its_trainer_next_tells(
        self, jobs: Jobs, lease: Lease
    ) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)
        token = await lease.take()
        assert token is not None
        await jobs.save(job.begun(NOON), token)

        still = await jobs.cancel(job.id, "by mistake", NOON)

        assert still == job.begun(NOON)
        assert (await jobs.situation()).cancelled == job.id
        further = job.begun(NOON).at("training")
        with pytest.raises(JobCancelledError) as raised:
            await jobs.save(further, token)
        assert raised.value.reason == "by mistake"
        assert await jobs.open() == further
        await jobs.save(further.ended("cancelled", raised.value.reason, NOON), token)
        assert await jobs.open() is None
        assert (await jobs.situation()).cancelled is None

    async def test_a_job_whose_trainer_died_after_the_wish_is_cancelled_by_asking_again(
        self, jobs: Jobs, lease: Lease
    ) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)
        token = await lease.take()
        assert token is not None
        await jobs.save(job.begun(NOON), token)
        await jobs.cancel(job.id, "by mistake", NOON)
        await lease.give_back(token)  # as a lease does that runs out

        ended = await jobs.cancel(job.id, "still", NOON)

        assert (ended.state, ended.outcome) == ("cancelled", "still")
        assert await jobs.open() is None
        assert (await jobs.situation()).cancelled is None

    async def test_a_wish_to_cancel_is_of_one_job(self, jobs: Jobs, lease: Lease) -> None:
        first, second = (new_job("request", str(n), NOON) for n in range(2))
        await jobs.ask(first)
        token = await lease.take()
        assert token is not None
        await jobs.cancel(first.id, "by mistake", NOON)
        await jobs.save(first.ended("promoted", "it was faster", NOON), token)

        await jobs.ask(second)
        await jobs.save(second.begun(NOON), token)

        assert await jobs.open() == second.begun(NOON)

    async def test_what_has_ended_or_is_unknown_cannot_be_cancelled(
        self, jobs: Jobs, lease: Lease
    ) -> None:
        token = await lease.take()
        assert token is not None
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)
        await jobs.save(job.ended("refused", "no better", NOON), token)

        with pytest.raises(JobOverError, match="has ended: refused"):
            await jobs.cancel(job.id, "too late", NOON)
        with pytest.raises(JobNotFoundError):
            await jobs.cancel("none", "too late", NOON)

    async def test_a_trainer_is_alive_while_it_says_so_or_is_at_work(
        self, jobs: Jobs, lease: Lease
    ) -> None:
        assert not (await jobs.situation()).is_attended
        token = await lease.take()
        assert token is not None
        assert (await jobs.situation()).is_attended
        await lease.give_back(token)
        assert not (await jobs.situation()).is_attended

        await jobs.attend(timedelta(seconds=30))
        assert (await jobs.situation()).is_attended
        await jobs.attend(timedelta(milliseconds=20))
        await asyncio.sleep(0.2)
        assert not (await jobs.situation()).is_attended

    async def test_what_a_training_waits_for_is_known_for_a_while(self, jobs: Jobs) -> None:
        assert (await jobs.situation()).lacks is None
        need = Need(what="new labelled events", there=129, needed=50_000)

        await jobs.lack(need, timedelta(seconds=30))
        assert (await jobs.situation()).lacks == need
        await jobs.lack(need, timedelta(milliseconds=20))
        await asyncio.sleep(0.2)
        assert (await jobs.situation()).lacks is None

    async def test_all_that_is_known_of_a_job_is_kept(self, jobs: Jobs, lease: Lease) -> None:
        job = new_job("request", "new season", NOON)
        await jobs.ask(job)
        token = await lease.take()
        assert token is not None
        begun = job.begun(NOON, ("training", "measuring"), {"training": 60.0})
        further = begun.at("training", share=0.5, now=NOON).after(30)

        await jobs.save(further, token)
        assert await jobs.get(job.id) == further
        need = Need(what="new events", there=129, needed=1_000)
        await jobs.save(further.ended("failed", "too few", NOON, [need]), token)

        assert (await jobs.get(job.id)).needs == (need,)
        assert (await jobs.get(job.id)).spent == {"training": 30.0}

    async def test_the_newest_are_remembered(self, jobs: Jobs, lease: Lease) -> None:
        token = await lease.take()
        assert token is not None
        made: list[Job] = []
        for count in range(KEPT + 2):
            job = new_job("schedule", str(count), NOON)
            await jobs.ask(job)
            await jobs.save(job.ended("refused", "no better", NOON), token)
            made.insert(0, job)

        newest = await jobs.newest(3)

        assert [job.id for job in newest] == [job.id for job in made[:3]]
        assert len(await jobs.newest(1_000)) == KEPT
        with pytest.raises(JobNotFoundError):
            await jobs.get(made[-1].id)


class TestMemoryJobs(JobsContract):
    @pytest.fixture
    def lease(self) -> MemoryLease:
        return MemoryLease()

    @pytest.fixture
    def jobs(self, lease: MemoryLease) -> Jobs:
        return MemoryJobs(lease)


class TestRedisJobs(JobsContract):
    @pytest.fixture
    def lease(self, redis: Redis) -> Lease:
        return RedisLease(redis, timedelta(seconds=30))

    @pytest.fixture
    def jobs(self, redis: Redis) -> Jobs:
        return RedisJobs(redis)

    async def test_a_record_of_an_older_version_is_read(self, redis: Redis, jobs: Jobs) -> None:
        old = (
            '{"id":"a","trigger":"request","reason":"new season","state":"running",'
            '"stage":"training","asked_at":"2026-11-24T12:00:00Z",'
            '"started_at":"2026-11-24T12:00:05Z","ended_at":null,"attempts":1,'
            '"challenger":null,"figures":{"loss":0.5},"outcome":null}'
        )
        await redis.hset("{train}:jobs", "a", old)
        await redis.lpush("{train}:log", "a")
        await redis.set("{train}:open", "a")

        job = await jobs.open()

        assert job is not None
        assert [job] == await jobs.newest(1)
        assert (job.stage, job.share, job.outline, job.needs) == ("training", None, (), ())
        assert job.seconds_left(NOON) is None
        assert (await jobs.cancel("a", "old", NOON)).state == "cancelled"


class LiveCountsContract:
    """Sums of what many processes count."""

    async def test_what_was_never_counted_is_nothing(self, counts: LiveCounts) -> None:
        assert await counts.read("v1") == Live()

    async def test_what_processes_count_adds_up_by_model(self, counts: LiveCounts) -> None:
        one, two = Live(trials=10, hits=3), Live(trials=5, hits=1)

        for live in (one, two):
            await counts.add("v1", live)
        await counts.add("v2", two)

        both = await counts.read("v1")
        assert (both.trials, both.hits) == (15, 4)
        assert await counts.read("v2") == two


class TestMemoryLiveCounts(LiveCountsContract):
    @pytest.fixture
    def counts(self) -> LiveCounts:
        return MemoryLiveCounts()


class TestRedisLive(LiveCountsContract):
    @pytest.fixture
    def counts(self, redis: Redis) -> LiveCounts:
        return RedisLive(redis)
