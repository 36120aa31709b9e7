"""What every adapter on Redis does alike: its errors become ours, its scripts come from files."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from ssl import SSLCertVerificationError
from typing import TypeVar

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import (
    ConnectionError,  # noqa: A004 - what redis-py calls it
    InvalidResponse,
    NoScriptError,
    RedisError,
    TimeoutError,  # noqa: A004 - what redis-py calls it
)

from portrait.errors import StoreDamagedError, StoreRefusedError, StoreUnavailableError

_NUMBER = re.compile(rb"-?[0-9]{1,18}")  # a digit less than Redis can add to
NO_SHOP = "NOSHOP"  # what a connection says of itself that finds none of its name
LIFE = "life"  # key of a token that goes when all the rest goes
KEYS_AT_ONCE = 500  # of one command: a millisecond of Redis, so others are not kept waiting

T = TypeVar("T")


# What Redis answers while it cannot serve, and would after somebody or something has mended it.
PASSING: Mapping[str, str] = {
    "OOM": "Redis is full",
    "READONLY": "Redis is a read-only replica",
    "MASTERDOWN": "Redis is a replica without its master",
    "NOREPLICAS": "Redis has too few replicas",
    "MISCONF": "Redis cannot save to its disk",
    "LOADING": "Redis is loading its data",
    "BUSY": "Redis is busy with a script",
    "UNBLOCKED": "Redis is changing its role",
    "EXECABORT": "Redis refused a transaction",
    "CLUSTERDOWN": "the Redis cluster is down",
    "TRYAGAIN": "the Redis cluster is moving keys",
    "MOVED": "the Redis cluster has moved keys",
    "ASK": "the Redis cluster is moving keys",
    "NOAUTH": "Redis wants a password",
    "WRONGPASS": "Redis refuses the password",
    "NOPERM": "Redis does not permit this user a command",
    NO_SHOP: "Redis knows no such shop (`portrait shops list` names all)",
    "max number of clients": "Redis has too many clients",
}
# redis-py puts the command with its keys before what Redis says; a script, what it ran and a dash.
_SAID = re.compile(r"(?:.* of pipeline caused error: \(['\"])?(.*)", re.DOTALL)
_CODE = re.compile(rf"(?:^|-|ERR )({'|'.join(PASSING)})\b")
_WRONG_TYPE = re.compile(r"(?:^|-|ERR )WRONGTYPE\b")


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what Redis refuses into errors of ours, without the command, its keys and its values.

    Raises:
        StoreUnavailableError: It is away, or will not serve for a while; the message says why.
        StoreDamagedError: A key is of another type than we keep there.
        StoreRefusedError: It will never take such a command: a bug of ours, or another Redis.
    """
    try:
        yield
    except NoScriptError:  # forgotten since it was sent, just before
        msg = "Redis forgets scripts: try again later."
        raise StoreUnavailableError(msg) from None
    except RedisError as error:
        raise _ours(error) from None  # the original names the command with its keys


def _ours(error: RedisError) -> StoreUnavailableError | StoreRefusedError:
    cause = cause_of(error)
    if cause is None and _WRONG_TYPE.search(_said_of(error)):
        return StoreDamagedError()
    if cause is None:
        return StoreRefusedError(f"Redis refused a command: {type(error).__name__}")
    return StoreUnavailableError(f"{cause}: try again later.")


def cause_of(error: RedisError) -> str | None:
    """Say in a few words why Redis does not serve; None if waiting will not help."""
    found = _CODE.search(_said_of(error))
    code: str = found[1] if found else error.status_code or ""
    if code in PASSING:
        return PASSING[code]
    if isinstance(error.__context__, SSLCertVerificationError):
        return f"the certificate of Redis is not believed ({error.__context__.verify_message})"
    if isinstance(error, TimeoutError):
        return "Redis did not answer in time"
    if isinstance(error, InvalidResponse):
        return "what answers at PORTRAIT_REDIS_URL does not answer as Redis does"
    return "Redis is away" if isinstance(error, ConnectionError) else None


def _said_of(error: RedisError) -> str:
    """Return what Redis said, without the command."""
    said = _SAID.fullmatch(str(error))
    return said[1] if said else ""


def script(redis: Redis, name: str) -> AsyncScript:
    """Return a Lua script of this package; Redis compiles it once."""
    return redis.register_script(files(__package__).joinpath(name).read_text())


def text(value: object) -> str:
    """Decode what Redis sent: bytes, though its client's types allow for more."""
    return value.decode() if isinstance(value, bytes) else str(value)


def readable(value: object) -> str | None:
    """Decode what Redis sent; None if it is nothing, or no text."""
    try:
        return None if value is None else text(value)
    except UnicodeDecodeError:
        return None


def number(value: object) -> int | None:
    """Read a number that Redis can add to; None if it is none."""
    return int(value) if isinstance(value, bytes) and _NUMBER.fullmatch(value) else None


def life_of(server: Mapping[str, object], token: object) -> str:
    """Name a life of Redis: this run of its process, and this filling of its keys.

    A restart is another run; FLUSHALL is another filling, because the token goes with the rest.
    """
    return f"{server['run_id']}:{'' if token is None else readable(token)}"


def slices(values: Sequence[T], size: int = KEYS_AT_ONCE) -> list[Sequence[T]]:
    """Cut values into what one command carries."""
    return [values[at : at + size] for at in range(0, len(values), size)]
