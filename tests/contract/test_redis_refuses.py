"""Redis that is there and will not serve: one error of ours, its cause, and nobody's key."""

import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_common import PASSING, cause_of, translated
from portrait.adapters.redis_desk import RedisDesk
from portrait.adapters.redis_lease import RedisJobs, RedisLease
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisOffsets, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles, connect_redis
from portrait.adapters.redis_words import RedisWords
from portrait.catalogue.words import WordShares, WordsQuestion
from portrait.errors import StoreDamagedError, StoreRefusedError, StoreUnavailableError
from portrait.events.item import Item
from portrait.lifecycle.jobs import new_job
from portrait.lifecycle.registry import Card
from portrait.monitoring.watch import Live
from portrait.profiles.store import Write
from sandbox.servers import start_redis
from tests.support.models import learned_model
from tests.support.processes import until

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PERSON = "ann-who-is-nobody-elses-business"  # stands in keys and in values
MODEL = learned_model("learned")
ASKED = WordsQuestion("0" * 16, PERSON, 1, 2)

Call = Callable[[], Awaitable[object]]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own for each test: what they set would stop others."""
    with start_redis(tmp_path) as running:
        yield running


@pytest.fixture
async def own(url: str) -> AsyncIterator[Redis]:
    client = await connect_redis(url)
    yield client
    await client.aclose()


def writes_of(redis: Redis) -> list[Call]:
    """Every way in which we write: plain, in pipelines, in transactions and in scripts."""
    card = Card(version=PERSON, created_at=NOON, encoder="hash", space_id=MODEL.space_id)
    vectors = np.zeros((2, 4), np.float32)
    return [
        lambda: RedisProfiles(redis, timedelta(1)).save(
            [Write(PERSON, b"", bytes(500), PERSON.encode())]
        ),
        lambda: RedisDesk(redis).ask([PERSON]),
        lambda: RedisWords(redis).ask([ASKED]),
        lambda: RedisWords(redis).put(ASKED, WordShares((), 0.0, 0.0, 0.0)),
        lambda: RedisCatalogue(redis).put_items([Item(id=PERSON, title=PERSON)]),
        lambda: RedisCatalogue(redis).put_vectors(PERSON, [1, 2], vectors),
        lambda: RedisPopularity(redis).add(20_000, {PERSON: 1}),
        lambda: RedisProgress(redis).mark({0: 1}),
        lambda: RedisOffsets(redis).load(PERSON),
        lambda: RedisRegistry(redis).store(MODEL),
        lambda: RedisRegistry(redis).begin(MODEL, card),
        lambda: RedisRegistry(redis).add(card),
        lambda: RedisLive(redis).add(PERSON, Live(trials=1)),
        lambda: RedisLease(redis, timedelta(1)).take(),
        lambda: RedisJobs(redis).ask(new_job("request", PERSON, NOON)),
    ]


async def assert_refused(calls: list[Call], cause: str) -> None:
    for call in calls:
        with pytest.raises(StoreUnavailableError, match=cause) as raised:
            await call()
        told = "".join(traceback.format_exception(raised.value))
        assert PERSON not in told


async def test_a_full_redis_takes_no_writes_and_says_so(own: Redis) -> None:
    await own.config_set("maxmemory", "100kb")

    await assert_refused(writes_of(own), "Redis is full")

    assert await RedisProfiles(own, timedelta(1)).load([PERSON]) == [None]
    await own.config_set("maxmemory", 0)
    for call in writes_of(own):
        await call()


async def test_a_replica_takes_no_writes_and_says_so(own: Redis) -> None:
    async with dead_master() as port:
        await own.replicaof("127.0.0.1", port)

        await assert_refused(writes_of(own), "Redis is a read-only replica")

        await own.config_set("replica-serve-stale-data", "no")
        read: Call = lambda: RedisProfiles(own, timedelta(1)).load([PERSON, "bob"])  # noqa: E731
        await assert_refused([read], "Redis is a replica without its master")


async def test_a_replica_is_left_for_whoever_the_name_leads_to_by_then(own: Redis) -> None:
    before = await own.client_id()
    assert await own.client_id() == before
    async with dead_master() as port:
        await own.replicaof("127.0.0.1", port)
        with pytest.raises(StoreUnavailableError):
            await RedisProgress(own).mark({0: 1})

    assert await own.client_id() != before


async def test_too_few_replicas_are_waited_for(own: Redis) -> None:
    await own.config_set("min-replicas-to-write", 1)

    await assert_refused(writes_of(own), "Redis has too few replicas")


async def test_a_disk_that_cannot_be_written_is_waited_for(own: Redis, tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").mkdir()  # so that a snapshot cannot be moved there
    await own.config_set("save", "3600 1")
    await own.set("a", "b")
    await own.bgsave()
    await until(lambda: _has_failed_to_save(own), "a snapshot has failed")

    await assert_refused(writes_of(own), "Redis cannot save to its disk")

    await own.config_set("save", "")  # or it would not stop before it has saved


async def test_a_password_that_is_wanted_is_waited_for(own: Redis, url: str) -> None:
    await own.config_set("requirepass", "hidden")
    without, wrong = await connect_redis(url), await connect_redis(_with(url, "mistyped"))

    for client, cause in ((without, "wants a password"), (wrong, "refuses the password")):
        with pytest.raises(StoreUnavailableError, match=cause) as raised:
            await RedisProfiles(client, timedelta(1)).load([PERSON])
        assert "mistyped" not in "".join(traceback.format_exception(raised.value))
        await client.aclose()


async def test_too_many_clients_are_waited_for(own: Redis, url: str) -> None:
    await own.config_set("maxclients", 1)
    other = await connect_redis(url)

    await assert_refused([lambda: RedisProgress(other).reached()], "too many clients|Redis is away")

    await other.aclose()


async def test_what_will_never_be_taken_is_not_waited_for_and_names_no_key(own: Redis) -> None:
    with pytest.raises(StoreRefusedError) as raised:
        await _write(own, "HSET", f"profile:{{{PERSON}}}", PERSON)

    assert PERSON not in "".join(traceback.format_exception(raised.value))


async def test_a_key_of_another_type_is_waited_for_and_not_named(own: Redis) -> None:
    await own.set(f"profile:{{{PERSON}}}", "x")

    with pytest.raises(StoreDamagedError) as raised:
        await _write(own, "HSET", f"profile:{{{PERSON}}}", "a", PERSON)

    assert PERSON not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("code", sorted(PASSING))
def test_every_answer_that_may_pass_is_known_whatever_stands_around_it(code: str) -> None:
    said = f"{code} and more words"
    shapes = [
        said,
        f"Command # 1 (EVALSHA abc OOM) of pipeline caused error: ('{said}',)",
        f"ERR Error running script (call to f_abc): @user_script:5: -{said}",
    ]

    assert {cause_of(ResponseError(shape)) for shape in shapes} == {PASSING[code]}


def test_a_key_that_looks_like_an_answer_is_none() -> None:
    told = "Command # 1 (HSET OOM -READONLY a) of pipeline caused error: ('WRONGTYPE of a key',)"

    assert cause_of(ResponseError(told)) is None


async def _has_failed_to_save(redis: Redis) -> bool:
    status: str = (await redis.info("persistence"))["rdb_last_bgsave_status"]
    return status == "err"


async def _write(redis: Redis, *command: str) -> None:
    async with translated(), redis.pipeline(transaction=False) as pipe:
        pipe.execute_command(*command)
        await pipe.execute()


@asynccontextmanager
async def dead_master() -> AsyncIterator[int]:
    """A port on which somebody listens and never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield int(silent.getsockname()[1])


def _with(url: str, password: str) -> str:
    return url.replace("redis://", f"redis://:{password}@")
