"""Fixtures: real servers, started once per session, and what talks to them."""

import logging
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from redis.asyncio import Redis

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_store import connect_redis
from portrait.events.topics import Topic, TopicsFile, read_topics
from portrait.settings import Settings
from sandbox.processes import missed
from sandbox.servers import Servers, start_servers

# No clocks: a busy machine is no reason to fail. And the same examples every time, so that a run
# that fails, fails again; `make fuzz` looks for others.
hypothesis_settings.register_profile(
    "portrait",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.register_profile(
    "fuzz", hypothesis_settings.get_profile("portrait"), derandomize=False, max_examples=2_000
)
hypothesis_settings.load_profile("portrait")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say with whatever failed who had died by then, and the end of its log."""
    report = yield
    if report.failed:
        report.sections += [(f"died: {each.log.stem}", each.obituary()) for each in missed()]
    return report


@pytest.fixture(autouse=True)
def logs_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging as it was: a program that is run within a test sets it up for its process."""
    configure, before, root = structlog.configure, structlog.get_config(), logging.getLogger()
    handlers, level = [*root.handlers], root.level

    def uncached(**said: Any) -> None:  # noqa: ANN401 - as structlog has it
        """Configure, but so that loggers that are used now go by what comes next, too."""
        configure(**said | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    yield
    configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with start_servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
def settings(servers: Servers) -> Settings:
    return settings_for(servers)


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    client = await connect_redis(servers.redis)
    await client.flushall()
    yield client
    await client.aclose()


def settings_for(servers: Servers) -> Settings:
    values = servers.environment
    return Settings.model_validate(
        {
            "kafka_bootstrap": servers.kafka,
            "redis_url": servers.redis,
            "topics_file": values["PORTRAIT_TOPICS_FILE"],
        }
    )


async def make_topics(settings: Settings, **partitions: int) -> None:
    """Create topics of a test's own; one underscore in a name stands for a dot."""
    topics = tuple(
        Topic(name=name.replace("_", "."), partitions=count) for name, count in partitions.items()
    )
    await create_topics(cluster_of(settings), TopicsFile(replication=1, topics=topics))


async def make_all_topics(settings: Settings) -> None:
    await create_topics(cluster_of(settings), read_topics(Path(settings.topics_file)))
