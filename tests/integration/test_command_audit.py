"""What is done on the command line is written down, as it is over HTTP."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_audit import RedisAudit
from portrait.ref import user_ref
from sandbox.servers import Servers
from tests.support.processes import asked, environment

USER = "anna@example.com"


@pytest.fixture
def settings(servers: Servers, tmp_path: Path) -> dict[str, str]:
    folders = {
        variable: str(tmp_path / variable.lower())
        for variable in (
            *("PORTRAIT_ARCHIVE_URL", "PORTRAIT_MODELS_URL", "PORTRAIT_MODEL_CACHE"),
            *("PORTRAIT_TRAIN_FOLDER", "PORTRAIT_TRACKING_FOLDER", "PORTRAIT_ASSIST_MODELS"),
        )
    }
    return environment(servers.kafka, servers.redis) | folders


async def lines(redis: Redis) -> list[tuple[str, str, str]]:
    """Return who did what about what, the oldest first."""
    told = await RedisAudit(redis).newest(10)
    return [(line.who, line.what, line.about) for line in told][::-1]


async def test_shops_that_are_made_limited_and_deleted_are_written_down(
    settings: dict[str, str], redis: Redis
) -> None:
    for task in (["create", "audited"], ["limit", "audited", "--users", "5"], ["list"]):
        ended = asked(settings, "shops", *task)
        assert ended.returncode == 0, ended.stderr
    ended = asked(settings, "shops", "delete", "audited", "--yes", "--force")

    assert ended.returncode == 0, ended.stderr
    assert await lines(redis) == [
        ("command line", "portrait shops create", "audited"),
        ("command line", "portrait shops limit", "audited"),
        ("command line", "portrait shops delete", "audited"),
    ]


async def test_whoever_exports_somebody_is_written_down_and_names_nobody(
    settings: dict[str, str], redis: Redis
) -> None:
    topics = asked(settings, "topics")
    ended = asked(settings, "export", USER)

    assert (topics.returncode, ended.returncode) == (0, 0), topics.stderr + ended.stderr
    about = f"user {user_ref(USER):016x}"
    assert await lines(redis) == [("command line", "portrait export", about)]
