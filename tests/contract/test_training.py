"""What the index of models, the lease and the jobs promise: the same suite on fakes and Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_lease import RedisJobs, RedisLease
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_models import RedisModels
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
from portrait.lifecycle.model_index import (
    MOST_NOTES,
    ModelIndex,
    ModelNotFoundError,
    ModelNotPromotableError,
    NoFormerModelError,
    Roles,
)
from portrait.lifecycle.need import Need
from portrait.monitoring.watch import Live, LiveCounts
from tests.support.cards import NOON, card
from tests.support.fake_training import MemoryJobs, MemoryLease, MemoryLiveCounts, MemoryModels

Keep = Callable[[str], Awaitable[None]]


class ModelIndexContract:
    """Every way a model can take."""

    async def serve(self, models: ModelIndex, keep: Keep, *versions: str) -> None:
        for version in versions:
            await models.add(card(version, age=9 - int(version[1:])))
            await keep(version)
            await models.want(version)
            assert await models.switch(version)

    async def test_at_first_there_is_nothing(self, models: ModelIndex) -> None:
        assert await models.listed() == []
        assert await models.standing() == Roles()
        with pytest.raises(ModelNotFoundError):
            await models.get("v1")
        with pytest.raises(NoFormerModelError):
            await models.roll_back("why not")

    async def test_models_are_listed_newest_first_with_their_roles(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2")
        for version, promote in {"v3": None, "v4": True, "v5": False, "v6": True}.items():
            await models.add(card(version, age=int(version[1]), promote=promote))
            await keep(version)
        await models.want("v4")
        await models.add(card("v0", age=-1))

        listed = await models.listed()

        assert [(each.card.version, each.role) for each in listed] == [
            ("v0", "retired"),  # its arrays are not there
            ("v3", "candidate"),
            ("v4", "wanted"),
            ("v5", "refused"),
            ("v6", "candidate"),
            ("v2", "champion"),
            ("v1", "former"),
        ]

    async def test_a_card_comes_back_as_it_went(self, models: ModelIndex) -> None:
        await models.add(card("v1"))
        await models.add(card("v1", promote=True))

        assert (await models.get("v1")).card == card("v1", promote=True)
        assert len(await models.listed()) == 1

    async def test_a_wish_changes_nothing_in_service(self, models: ModelIndex, keep: Keep) -> None:
        await self.serve(models, keep, "v1")
        await models.add(card("v2", promote=True))
        await keep("v2")

        await models.want("v2")

        assert await models.standing() == Roles("v1", None, "v2")

    async def test_the_wanted_becomes_champion_and_the_champion_the_former(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2", "v3")

        assert await models.standing() == Roles("v3", "v2", None)

    async def test_what_the_next_training_stands_on_is_named_and_taken_back(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1")
        nothing = await models.basis()

        await models.build_on("basis")
        named = await models.basis()
        await models.build_on(None)

        assert (nothing, named, await models.basis()) == (None, "basis", None)
        assert await models.standing() == Roles("v1")

    async def test_a_model_no_longer_wanted_is_not_switched_to(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1")
        for version in ("v2", "v3"):
            await models.add(card(version))
            await keep(version)
            await models.want(version)

        assert not await models.switch("v2")
        assert await models.standing() == Roles("v1", None, "v3")

    async def test_wanting_the_champion_withdraws_the_wish(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2")
        await models.want("v1")

        await models.want("v2")

        assert await models.standing() == Roles("v2", "v1", None)

    async def test_what_cannot_or_should_not_serve_is_not_wanted(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1")
        await models.add(card("gone"))
        await models.add(card("bad", promote=False))
        await keep("bad")

        with pytest.raises(ModelNotFoundError):
            await models.want("unheard of")
        for insist in (False, True):
            with pytest.raises(ModelNotPromotableError, match="no longer kept"):
                await models.want("gone", insist=insist)
        with pytest.raises(ModelNotPromotableError, match="refused: it is so"):
            await models.want("bad")
        assert await models.standing() == Roles("v1")
        await models.want("bad", insist=True)
        assert await models.standing() == Roles("v1", None, "bad")

    async def test_a_rollback_is_at_once_and_withdraws_wishes(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2")
        await models.add(card("v3"))
        await keep("v3")
        await models.want("v3")

        assert await models.roll_back("it fell") == "v1"

        assert await models.standing() == Roles("v1")
        bad = await models.get("v2")
        assert (bad.role, bad.card.rolled_back) == ("rolled back", "it fell")
        with pytest.raises(NoFormerModelError):
            await models.roll_back("again")

    async def test_a_rollback_of_somebody_else_is_none(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2", "v3")

        with pytest.raises(NoFormerModelError):
            await models.roll_back("it fell", champion="v2")

        assert await models.standing() == Roles("v3", "v2")
        assert await models.roll_back("it fell", champion="v3") == "v2"

    async def test_what_was_rolled_back_serves_again_only_by_a_persons_word(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2")
        await models.roll_back("it fell")

        for insist in (False, True):
            with pytest.raises(ModelNotPromotableError, match=r'it fell\. .* send {"reason": "'):
                await models.want("v2", insist=insist)
        assert (await models.standing()).wanted is None
        await models.want("v2", reason="the texts of 鞋 are repaired")
        await models.want("v2", reason="asked twice, noted once")
        waiting = (await models.get("v2")).card
        await models.switch("v2")
        await models.add(card("v2"))  # what the trainer writes again forgets nothing

        again = await models.get("v2")
        assert (again.role, again.card.rolled_back) == ("champion", None)
        (note,) = again.card.history
        assert (note.reason, note.rolled_back) == ("the texts of 鞋 are repaired", "it fell")
        assert abs(datetime.now(UTC) - note.at) < timedelta(hours=1)
        assert (again.card.is_by_word, waiting.history) == (True, (note,))

    async def test_a_reason_for_any_promotion_is_noted(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1")
        await models.add(card("v2"))
        await keep("v2")

        await models.want("v2", reason="before the sale begins")

        (note,) = (await models.get("v2")).card.history
        assert (note.reason, note.rolled_back) == ("before the sale begins", None)
        assert not (await models.get("v2")).card.is_by_word
        assert (await models.get("v1")).card.history == ()

    async def test_only_the_newest_notes_are_kept(self, models: ModelIndex, keep: Keep) -> None:
        await self.serve(models, keep, "v1", "v2")

        for time in range(MOST_NOTES + 3):
            await models.roll_back(f"it fell {time}")
            await models.want("v2", reason=f"again {time}")
            await models.switch("v2")

        history = (await models.get("v2")).card.history
        assert len(history) == MOST_NOTES
        assert [note.reason for note in history[:1]] == ["again 3"]
        assert history[-1].rolled_back == f"it fell {MOST_NOTES + 2}"

    async def test_a_wish_that_cannot_be_fulfilled_is_withdrawn_with_its_reason(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1")
        await models.add(card("v2"))
        await keep("v2")
        await models.want("v2")

        await models.refuse("v1", "nobody wants it")
        await models.refuse("v2", "no encoder")

        assert await models.standing() == Roles("v1")
        bad = await models.get("v2")
        assert (bad.role, bad.card.refused) == ("refused", "no encoder")
        assert (await models.get("v1")).card.refused is None
        with pytest.raises(ModelNotPromotableError, match="could not be loaded: no encoder"):
            await models.want("v2")
        await models.want("v2", insist=True)
        await models.switch("v2")
        assert (await models.get("v2")).card.refused is None

    async def test_pointers_are_restored_only_where_there_are_none(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        for version in ("v1", "v2"):
            await models.add(card(version))
            await keep(version)

        assert await models.restore("v2", "v1")
        assert await models.standing() == Roles("v2", "v1")
        assert not await models.restore("v1", None)
        assert not await models.restore("v1", None, lost="v3")
        assert await models.standing() == Roles("v2", "v1")
        assert await models.expired(timedelta(days=1), datetime.now(UTC)) == []
        assert await models.roll_back("it fell") == "v1"

    async def test_a_champion_without_arrays_gives_way(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2")

        assert await models.restore("v3", None, lost="v2")

        assert await models.standing() == Roles("v3", "v1")

    async def test_arrays_are_let_go_of_after_a_grace_and_never_those_in_service(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2", "v3")
        grace, now = timedelta(days=1), datetime.now(UTC)

        assert await models.expired(grace, now) == []
        later = now + grace + timedelta(minutes=1)
        assert sorted(await models.expired(grace, later)) == ["v1", "v2"]
        for version in ("v2", "v3"):
            await models.forget(version)

        assert await models.expired(grace, later) == ["v1"]
        assert await models.standing() == Roles("v3")
        assert [(await models.get(v)).role for v in ("v2", "v3")] == ["retired", "champion"]

    async def test_who_returns_to_service_does_not_expire(
        self, models: ModelIndex, keep: Keep
    ) -> None:
        await self.serve(models, keep, "v1", "v2")
        await models.roll_back("it fell")

        later = datetime.now(UTC) + timedelta(days=2)
        assert await models.expired(timedelta(days=1), later) == ["v2"]
        await models.want("v2", reason="it may again")
        await models.switch("v2")
        assert await models.expired(timedelta(days=1), later) == ["v1"]


class TestMemoryModels(ModelIndexContract):
    @pytest.fixture
    def models(self) -> MemoryModels:
        return MemoryModels()

    @pytest.fixture
    def keep(self, models: MemoryModels) -> Keep:
        async def keep(version: str) -> None:
            models.kept.add(version)

        return keep


class TestRedisModels(ModelIndexContract):
    @pytest.fixture
    def models(self, redis: Redis) -> ModelIndex:
        return RedisModels(redis)

    @pytest.fixture
    def keep(self, redis: Redis) -> Keep:
        async def keep(version: str) -> None:
            await redis.hset(f"model:{version}", "space", b"arrays")

        return keep

    @pytest.mark.parametrize("damage", [b"\xff", b"[", b"7", b'[{"at": 1}]', b'{"reason": "x"}'])
    async def test_notes_that_nobody_can_read_are_none_and_are_begun_anew(
        self, redis: Redis, models: ModelIndex, keep: Keep, damage: bytes
    ) -> None:
        await self.serve(models, keep, "v1", "v2")
        await models.roll_back("it fell")
        await redis.hset("model:v2", "history", damage)

        assert (await models.get("v2")).card.history == ()
        await models.want("v2", reason="it may again")

        (note,) = (await models.get("v2")).card.history
        assert note.reason == "it may again"

    @pytest.mark.parametrize("name", ["index", "champion", "retired"])
    async def test_a_name_that_redis_uses_otherwise_is_no_model(
        self, models: ModelIndex, keep: Keep, name: str
    ) -> None:
        await self.serve(models, keep, "v1", "v2")

        with pytest.raises(ModelNotFoundError):
            await models.get(name)


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
