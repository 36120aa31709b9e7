"""Profiles on Redis, and the connection that every adapter shares.

profile:{user}              record of one user            text:<space>:<ref>   vector, float16
searched:{user}             the words of their searches: written, kept and gone with the record
consent:{user}              what they let be done, as `Consent.number`; it does not expire
unwanted:{user}             what they do not want to see, as JSON; it does not expire either
items, items:changes        catalogue and its change log  model:*              champion, spaces
items:read, :brands-read    what was read of items        items:brands         names in titles
{popular}:days, :<day>      weights of items by day       progress             partition → ms
offsets:<group>             topic:partition → next offset of what is not stored yet
life                        a token that goes with all the rest: see `RedisOffsets`
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.exceptions import ReadOnlyError, RedisError

from portrait.adapters.coalesce import Together
from portrait.adapters.redis_common import (
    KEYS_AT_ONCE,
    LIFE,
    NO_SHOP,
    life_of,
    readable,
    script,
    slices,
    translated,
)
from portrait.adapters.redis_damage import Damage
from portrait.adapters.redis_in_shop import InShop
from portrait.adapters.redis_straight import Straight
from portrait.events.consent import Consent
from portrait.events.unwanted import MOST_UNWANTED, Unwanted, encode_unwanted
from portrait.profiles.record import is_suppressed
from portrait.profiles.store import Own, Stored, Write
from portrait.shops.store import ShopNotFoundError

REVISION = 8  # bytes; a record that is shorter counts as if zeros followed
SIZE = 2  # bytes of the length of what was searched for, as the script reads it
OWN = ":own"  # ends the keys of what users did as themselves; those of users end in a brace
CONNECTIONS = 64  # of a process: more do not make one Redis faster
KEEPS = "noeviction"
WAIT_SECONDS = 5  # for one of them


async def connect_redis(url: str, shop: str | None = None) -> Redis:
    """Open a pool of connections, of a shop to its own database; of no shop, nothing is sent yet.

    Raises:
        ShopNotFoundError: There is no such shop; that Redis is away is found out later.

    Whoever finds all connections in use waits for one; a plain pool would refuse at once.
    """
    pool = BlockingConnectionPool.from_url(
        url, protocol=2, max_connections=CONNECTIONS, timeout=WAIT_SECONDS
    )
    if shop is not None:
        pool.connection_kwargs["shop"] = shop
    classes = _LEAVING if shop is None else _IN_SHOP
    pool.connection_class = classes.get(pool.connection_class, pool.connection_class)
    redis = Redis.from_pool(pool)
    if shop is not None:
        await _find(redis, shop)
    return redis


async def _find(redis: Redis, shop: str) -> None:
    """Make sure that there is a shop, unless Redis is away: that is waited for.

    Raises:
        ShopNotFoundError: There is none.
    """
    try:
        await redis.ping()
    except RedisError as error:
        if NO_SHOP not in str(error):
            return
        await redis.aclose()
        msg = f"There is no shop {shop}: `portrait shops create {shop}` makes it."
        raise ShopNotFoundError(msg) from None


class _LeavesReplicas(Connection):
    """Connects anew after a replica refused a write: by then the name may lead to the master.

    A former master keeps its connections open, so a client that stays would never find the new one.
    """

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - redis-py's own
        try:
            return await super().read_response(*args, **kwargs)
        except ReadOnlyError:
            self.mark_for_reconnect()  # type: ignore[no-untyped-call] # redis-py's own
            raise


class _LeavesReplicasTls(_LeavesReplicas, SSLConnection):
    """The same over TLS."""


class _InShop(InShop, _LeavesReplicas):
    """The same, in a shop."""


class _InShopTls(InShop, _LeavesReplicasTls):
    """The same over TLS."""


_LEAVING: Mapping[type, type] = {Connection: _LeavesReplicas, SSLConnection: _LeavesReplicasTls}
_IN_SHOP: Mapping[type, type] = {Connection: _InShop, SSLConnection: _InShopTls}


async def ping(redis: Redis) -> None:
    """Raise StoreUnavailableError unless Redis answers."""
    async with translated():
        await redis.ping()


async def eviction(redis: Redis) -> str | None:
    """Say what to do if Redis may forget what it holds when its memory is full; None if not."""
    async with translated():
        memory = await redis.info("memory")
    policy = memory.get("maxmemory_policy", KEEPS)
    if policy == KEEPS:
        return None
    return (
        f"Redis may delete profiles, items and vectors when it is full, as its maxmemory-policy is "
        f"{policy}: say `redis-cli CONFIG SET maxmemory-policy {KEEPS}`, and write it into its "
        "configuration."
    )


class RedisProfiles:
    """A `ProfileStore`."""

    def __init__(self, redis: Redis, ttl: timedelta) -> None:
        self._redis = redis
        self._ttl = int(ttl.total_seconds())
        self._save = script(redis, "save_profiles.lua")
        self._agree = script(redis, "agree.lua")
        self._join_unwanted = script(redis, "join_unwanted.lua")
        self._straight = Straight(redis)
        self._one_by_one = Together(self._load_whole)
        self._damage = Damage("profile_key")

    async def load(self, users: Sequence[str]) -> list[bytes | None]:
        """Return the users' records: one round trip."""
        async with translated():
            return await self._straight.mget([_profile_key(user) for user in users])

    async def load_whole(self, users: Sequence[str]) -> list[Stored]:
        """Return all of the users: one round trip, shared by all who want one in this turn."""
        return (
            [await self._one_by_one.get(users[0])]
            if len(users) == 1
            else await self._load_whole(users)
        )

    async def _load_whole(self, users: Sequence[str]) -> list[Stored]:
        async with translated():
            return _stored(await self._straight.mget(_keys(users)))

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Own]]:
        """Return the life of Redis and what users did: one round trip on one connection."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.info("server")
            for some in slices(_living_keys(users)):
                pipe.mget(some)
            pipe.get(LIFE)  # last: what was emptied in between is then another life
            server, *answers, token = await pipe.execute()
        return life_of(server, token), _living([value for values in answers for value in values])

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        """Compare and set: one pipelined round trip. Returns the places of those refused."""
        answers = await self._send(writes, 0 if keep_ttl else self._ttl)
        return [
            part * KEYS_AT_ONCE + place for part, refused in enumerate(answers) for place in refused
        ]

    async def agree(self, consents: Mapping[str, Consent]) -> None:
        """Remember each if it is the largest: one pipelined round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.script_load(self._agree.script)
            for some in slices([*consents.items()]):
                keys = [_consent_key(user) for user, _ in some]
                numbers = [consent.number for _, consent in some]
                pipe.evalsha(self._agree.sha, len(keys), *keys, *numbers)
            await pipe.execute()

    async def refuse(self, unwanted: Mapping[str, Unwanted]) -> None:
        """Join what users do not want with what is stored: one pipelined round trip."""
        script = self._join_unwanted
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.script_load(script.script)
            for some in slices([*unwanted.items()]):
                keys = [_unwanted_key(user) for user, _ in some]
                said = [encode_unwanted(each) for _, each in some]
                pipe.evalsha(script.sha, len(keys), *keys, MOST_UNWANTED, self._ttl, *said)
            await pipe.execute()

    async def scan(self) -> AsyncIterator[list[str]]:
        """Walk the keys, so that Redis goes on answering others; nobody's are passed over."""
        cursor = 0
        while True:
            async with translated():
                cursor, keys = await self._redis.scan(cursor, match=_profile_key("*"), count=1_000)
            if keys:
                users = [readable(key[_USER]) for key in keys]
                self._damage.say(
                    [key for key, user in zip(keys, users, strict=True) if user is None]
                )
                yield [user for user in users if user is not None]
            if cursor == 0:
                return

    async def _send(self, writes: Sequence[Write], ttl: int) -> list[list[int]]:
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.script_load(self._save.script)  # Redis forgets scripts when it restarts
            for some in slices(writes):
                keys = [_written_key(write) for write in some]
                values = [_written(write) for write in some]
                pipe.evalsha(self._save.sha, len(keys), *keys, ttl, *values)
            for write in writes:
                if is_suppressed(write.record):
                    pipe.persist(_written_key(write))  # until lifted, however long that is
            _, *answers = await pipe.execute()
        return answers[: len(slices(writes))]


def _written(write: Write) -> bytes:
    """Return what the script reads."""
    searched = write.searched
    size = 0 if searched is None else 1 + len(searched)
    expected = write.expected.ljust(REVISION, b"\0")
    return b"%b%b%b%b" % (expected, size.to_bytes(SIZE), searched or b"", write.record)


def _keys(users: Sequence[str]) -> list[str]:
    return [
        key for user in users for key in (*keys_of(user), _consent_key(user), _unwanted_key(user))
    ]


def keys_of(user: str) -> tuple[str, str]:
    """Return where a user's record lies, and the words of their searches."""
    return _profile_key(user), f"searched:{{{user}}}"


def own_keys_of(user: str) -> tuple[str, str]:
    """Return the same for what they did as themselves, where what is told of them is joined."""
    record, searched = keys_of(user)
    return f"{record}{OWN}", f"{searched}{OWN}"


def _stored(values: Sequence[bytes | None]) -> list[Stored]:
    return [*map(Stored, values[::4], values[1::4], values[2::4], values[3::4])]


def _living_keys(users: Sequence[str]) -> list[str]:
    return [
        key for user in users for key in (*own_keys_of(user), *keys_of(user), _consent_key(user))
    ]


def _living(values: Sequence[bytes | None]) -> list[Own]:
    return [
        Own(record, searched, consent)
        if own is None
        else Own(own, own_searched, consent, is_joined=True)
        for own, own_searched, record, searched, consent in zip(*[iter(values)] * 5, strict=True)
    ]


def _written_key(write: Write) -> str:
    return own_keys_of(write.user)[0] if write.is_joined else _profile_key(write.user)


_USER = slice(len("profile:{"), -len("}"))


def _profile_key(user: str) -> str:
    return f"profile:{{{user}}}"


def _consent_key(user: str) -> str:
    return f"consent:{{{user}}}"


def _unwanted_key(user: str) -> str:
    return f"unwanted:{{{user}}}"
