"""What all stores of lists and experiments promise: the fake and Redis."""

from typing import NamedTuple

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_experiments import RedisExperiments
from portrait.adapters.redis_lists import PERSON_SECONDS, RedisLists, person_key
from portrait.errors import OvertakenError
from portrait.events.impression import Answer
from portrait.experiments.attribution import Attribution
from portrait.experiments.joining import Deed, Done
from portrait.experiments.store import (
    MOST_EXPERIMENTS,
    ExperimentStore,
    ListStore,
    ShownStore,
    TooManyExperimentsError,
)
from portrait.experiments.tally import Tally
from portrait.ref import item_ref
from portrait.times import DAY_MS, to_moment
from tests.support.lists import ANN, ITEMS, LIST, NOW, answer, done, experiment
from tests.support.memory_lists import MemoryLists

TODAY = NOW // DAY_MS


class Both(NamedTuple):
    """Both stores, on one and the same."""

    lists: ListStore
    shown: ShownStore
    experiments: ExperimentStore


async def stored(store: ListStore, *said: Answer | Done) -> None:
    opened = await store.load([LIST], [ANN])
    joined = Attribution(opened.journeys, opened.people)
    for each in said:
        if isinstance(each, Answer):
            joined.answered(LIST, each)
        else:
            joined.did(each)
    await store.save(opened, joined.tally)


class ListsContract:
    """Written in one step, read as it was written, forgotten at once."""

    async def test_what_was_stored_is_joined_with_what_follows(self, both: Both) -> None:
        await stored(both.lists, answer(experiments={"tone:1": "diverse"}))
        await stored(both.lists, done(Deed.CLICK, named="r1"))
        await stored(both.lists, done(Deed.PURCHASE, event="e2", worth=1_500))

        counts = await both.experiments.counts(experiment())
        assert counts["diverse"]["people"] == 1
        assert counts["diverse"]["clicks_people"] == 1
        assert counts["diverse"]["revenue_sum"] == 1_500
        figures = await both.experiments.figures([TODAY - 1, TODAY, TODAY + 1])
        told = {(f.by, f.value, f.metric): amount for _, f, amount in figures}
        assert (told["all", "", "clicks"], told["position", "1", "revenue"]) == (1, 1_500)
        assert not await both.experiments.figures([TODAY - 2])

    async def test_what_waits_is_loaded_with_who_did_it(self, both: Both) -> None:
        await stored(both.lists, done(Deed.CLICK, named="r1"))

        opened = await both.lists.load([LIST], [])

        assert opened.people.keys() == {ANN}
        assert opened.journeys[LIST].waiting == [done(Deed.CLICK, named="r1")]

    async def test_what_was_shown_is_told_until_who_saw_it_is_forgotten(self, both: Both) -> None:
        await stored(both.lists, answer(surface="email"))

        assert await both.shown.shown(ANN) == {item_ref(item): NOW for item in ITEMS}
        assert await both.shown.shown(ANN + 1) == {}
        await both.lists.forget(ANN, NOW + 5)
        assert await both.shown.shown(ANN) == {}

    async def test_who_was_slower_writes_nothing(self, both: Both) -> None:
        opened = await both.lists.load([LIST], [ANN])
        await stored(both.lists, answer())

        with pytest.raises(OvertakenError):
            await both.lists.save(opened, Tally())

        assert (await both.lists.load([LIST], [])).journeys[LIST].listed is not None

    async def test_who_is_forgotten_leaves_figures_alone(self, both: Both) -> None:
        await stored(both.lists, answer(experiments={"tone:1": "diverse"}))

        await both.lists.forget(ANN, NOW + 5)

        opened = await both.lists.load([LIST], [ANN])
        assert opened.erased == {ANN: NOW + 5}
        assert opened.journeys[LIST].listed is None
        assert not opened.people[ANN].lists
        assert (await both.experiments.counts(experiment()))["diverse"]["people"] == 1

    async def test_an_experiment_is_changed_by_what_is_known(self, both: Both) -> None:
        await both.experiments.change("tone", lambda _: experiment())
        await both.experiments.change("b", lambda known: experiment("b", note=known[0].id))

        first, second = await both.experiments.all()

        assert (first.id, first.definition.note) == ("b", "tone")
        assert second == experiment()


class TestMemoryLists(ListsContract):
    @pytest.fixture
    def both(self) -> Both:
        memory = MemoryLists()
        return Both(memory, memory, memory)


class TestRedisLists(ListsContract):
    @pytest.fixture
    def both(self, redis: Redis) -> Both:
        lists = RedisLists(redis)
        return Both(lists, lists, RedisExperiments(redis))

    async def test_what_tells_of_a_person_expires(self, redis: Redis) -> None:
        store = RedisLists(redis)
        await stored(store, answer(experiments={"tone:1": "diverse"}))
        await store.forget(1, 5)

        ttls = {key.decode(): await redis.ttl(key) async for key in redis.scan_iter()}

        lasting = {key for key, ttl in ttls.items() if ttl == -1}
        assert lasting == {"lists:revision", "experiment:tone:1"}
        assert 0 < ttls[person_key(ANN)] <= PERSON_SECONDS
        assert len(ttls) == 6

    async def test_what_nobody_can_read_is_not_there(self, redis: Redis) -> None:
        await redis.set(person_key(ANN), b"\xff{")
        await redis.hset("experiments", "x", "{}")
        await redis.hset("experiment:tone:1", "diverse people", "many")
        await redis.hset(f"lists:day:{TODAY}", "[1]", "2")

        store = RedisExperiments(redis)
        assert not await store.all()
        assert await store.counts(experiment()) == {}
        assert not await store.figures([TODAY])
        await stored(RedisLists(redis), answer())

    async def test_experiments_that_have_ended_give_way_and_others_do_not(
        self, redis: Redis
    ) -> None:
        store = RedisExperiments(redis)
        for number in range(MOST_EXPERIMENTS):
            ended = to_moment(NOW - 10_000 + number) if number in {7, 9} else None
            made = experiment(f"e{number}", ends_at=ended)
            await store.change(made.id, lambda _, made=made: made)  # type: ignore[misc]

        await store.change("f1", lambda _: experiment("f1"))
        await store.change("f2", lambda _: experiment("f2"))
        with pytest.raises(TooManyExperimentsError):
            await store.change("f3", lambda _: experiment("f3"))

        ids = {each.id for each in await store.all()}
        assert len(ids) == MOST_EXPERIMENTS
        assert ids & {"e7", "e9", "f1", "f2", "f3"} == {"f1", "f2"}
