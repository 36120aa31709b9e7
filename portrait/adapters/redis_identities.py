"""Identities on Redis.

device:{anonymous id}        whose a device was, and when
devices:{user}               anonymous ids of the devices a user was seen on, by when they were last
profile:{user}, searched:…   what is told of a user: joined, where `profile:{user}:own` is there
profile:{user}:own, …        what they did as themselves
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from redis.asyncio import Redis

from portrait.adapters.redis_common import KEYS_AT_ONCE, readable, script, slices, translated
from portrait.adapters.redis_damage import mended
from portrait.adapters.redis_store import REVISION, keys_of, own_keys_of
from portrait.events.event import ANONYMOUS
from portrait.events.login import Login
from portrait.identity.store import DeviceWrite, Person, PersonWrite
from portrait.profiles.record import is_suppressed
from portrait.profiles.store import Stored

MOST_DEVICES = 32  # of a user that are joined; those they were seen on last
MOST_KNOWN = 1_024  # that an erasure reaches: with a new cookie a week those of twenty years
AS_IT_IS = b"="  # a value that no record is, and no list of searches: leave what is there


class RedisIdentities:
    """An `IdentityStore`."""

    def __init__(self, redis: Redis, ttl: timedelta) -> None:
        self._redis = redis
        self._ttl = int(ttl.total_seconds())
        self._save_devices = script(redis, "save_devices.lua")
        self._save_person = script(redis, "save_person.lua")

    async def load_devices(self, anonymous_ids: Sequence[str]) -> list[bytes | None]:
        """Return devices: one round trip."""
        return await self._values([_device_key(id) for id in anonymous_ids])

    async def save_devices(self, writes: Sequence[DeviceWrite]) -> list[int]:
        """Compare and set: one pipelined round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.script_load(self._save_devices.script)
            for some in slices(writes):
                keys = [_device_key(write.anonymous_id) for write in some]
                values = [value for write in some for value in (write.read or b"", write.device)]
                pipe.evalsha(self._save_devices.sha, len(keys), *keys, self._ttl, *values)
            _, *answers = await pipe.execute()
        return [
            part * KEYS_AT_ONCE + place for part, refused in enumerate(answers) for place in refused
        ]

    async def note(self, logins: Sequence[Login]) -> None:
        """Keep the newest devices of each user: any order of notes leaves the same."""
        users = [str(login.user_id) for login in logins]
        await mended(self._redis, self._spare(users), partial(self._note, logins))

    def _spare(self, users: Sequence[str]) -> dict[str, str]:
        """Return what can be done without if it is damaged, and its type."""
        return {_devices_key(user): "zset" for user in users}

    async def _note(self, logins: Sequence[Login]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for login in logins:
                key = _devices_key(str(login.user_id))
                pipe.zadd(key, {login.anonymous_id: login.at}, gt=True)
                pipe.zremrangebyrank(key, 0, -MOST_KNOWN - 1)
                pipe.expire(key, self._ttl)
            await pipe.execute()

    async def forget(self, user: str, anonymous_ids: Sequence[str]) -> None:
        """Forget devices of a user."""
        async with translated():
            await self._redis.zrem(_devices_key(user), *anonymous_ids)

    async def seen_on(self, users: Sequence[str], *, every: bool = False) -> list[list[str]]:
        """Return the devices of users: one pipelined round trip."""

        async def ask() -> list[list[bytes]]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for user in users:
                    pipe.zrange(_devices_key(user), 0 if every else -MOST_DEVICES, -1)
                found: list[list[bytes]] = await pipe.execute()
                return found

        answers = await mended(self._redis, self._spare(users), ask)
        return [[id for each in answer if (id := readable(each)) is not None] for answer in answers]

    async def load_people(self, users: Sequence[str]) -> list[Person]:
        """Return people: one round trip."""
        values = await self._values(
            [key for user in users for key in (*keys_of(user), *own_keys_of(user))]
        )
        return [
            Person(Stored(record, searched), None if own is None else Stored(own, own_searched))
            for record, searched, own, own_searched in zip(*[iter(values)] * 4, strict=True)
        ]

    async def save_people(self, writes: Sequence[PersonWrite]) -> list[int]:
        """Compare and set: one pipelined round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.script_load(self._save_person.script)
            for write in writes:
                keys = [*keys_of(write.user), *own_keys_of(write.user), _devices_key(write.user)]
                for seen in write.seen:
                    id = seen.anonymous_id
                    keys += [_device_key(id), *keys_of(f"{ANONYMOUS}{id}")]
                values = _written(write)
                pipe.evalsha(self._save_person.sha, len(keys), *keys, self._ttl, *values)
            for write in writes:
                if is_suppressed(write.person.served.record or b""):
                    for key in (keys_of(write.user)[0], own_keys_of(write.user)[0]):
                        pipe.persist(key)  # until lifted, however long that is
            _, *stored = await pipe.execute()
        return [place for place, is_stored in enumerate(stored[: len(writes)]) if not is_stored]

    async def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in slices(keys):
                pipe.mget(some)
            return [value for values in await pipe.execute() for value in values]


def _written(write: PersonWrite) -> list[bytes]:
    """Return what the script reads: both revisions, four values, and what was read of devices."""
    read, person = write.read, write.person
    own = person.own or Stored(None, None)
    is_same = person.own == read.own
    return [
        _revision(read.served.record),
        _revision(None if read.own is None else read.own.record),
        person.served.record or b"",
        person.served.searched or b"",
        AS_IT_IS if is_same and person.own else own.record or b"",
        AS_IT_IS if is_same and person.own else own.searched or b"",
        *(
            value
            for seen in write.seen
            for value in (seen.device or b"", _revision(seen.stored.record))
        ),
    ]


def _revision(record: bytes | None) -> bytes:
    return (record or b"")[:REVISION].ljust(REVISION, b"\0")


def _devices_key(user: str) -> str:
    return f"devices:{{{user}}}"


def _device_key(anonymous_id: str) -> str:
    return f"device:{{{anonymous_id}}}"
