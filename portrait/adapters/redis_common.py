"""What every adapter on Redis does alike: its errors become ours, its scripts come from files."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TypeVar

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - what redis-py calls it
    TimeoutError,  # noqa: A004 - what redis-py calls it
)

from portrait.errors import StoreUnavailableError

LIFE = "life"  # key of a token that goes when all the rest goes
KEYS_AT_ONCE = 500  # of one command: a millisecond of Redis, so others are not kept waiting

T = TypeVar("T")


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn Redis being away into our error; whatever else it says is a bug, and is raised as is."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError) as error:
        raise StoreUnavailableError from error


def script(redis: Redis, name: str) -> AsyncScript:
    """Return a Lua script of this package; Redis compiles it once."""
    return redis.register_script(files(__package__).joinpath(name).read_text())


def text(value: object) -> str:
    """Decode what Redis sent: bytes, though its client's types allow for more."""
    return value.decode() if isinstance(value, bytes) else str(value)


def life_of(server: Mapping[str, object], token: object) -> str:
    """Name a life of Redis: this run of its process, and this filling of its keys.

    A restart is another run; FLUSHALL is another filling, because the token goes with the rest.
    """
    return f"{server['run_id']}:{'' if token is None else text(token)}"


def slices(values: Sequence[T], size: int = KEYS_AT_ONCE) -> list[Sequence[T]]:
    """Cut values into what one command carries."""
    return [values[at : at + size] for at in range(0, len(values), size)]
