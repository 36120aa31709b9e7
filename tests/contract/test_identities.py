"""Contract of `IdentityStore`: the same tests on Redis and in memory."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_identities import MOST_DEVICES, MOST_KNOWN, RedisIdentities
from portrait.adapters.redis_store import RedisProfiles
from portrait.events.login import Login
from portrait.identity.store import DeviceWrite, IdentityStore, Person, PersonWrite, Seen
from portrait.profiles.store import Own, ProfileStore, Stored, Write
from tests.support.fakes import MemoryProfiles
from tests.support.memory_identities import MemoryIdentities

TTL = timedelta(minutes=1)
NOTHING = Person(Stored(None, None), None)
SEEN = Seen("c-1", b"device", Stored((1).to_bytes(8), b"words"))


def record(revision: int, rest: bytes = b"") -> bytes:
    return revision.to_bytes(8) + rest


def stored(revision: int, searched: bytes | None = None, rest: bytes = b"") -> Stored:
    return Stored(record(revision, rest), searched)


Stores = tuple[ProfileStore, IdentityStore]


class Contract:
    """What every store of identities does."""

    @pytest.fixture
    async def stores(self) -> Stores:
        raise NotImplementedError

    async def test_a_device_is_stored_if_it_is_still_as_it_was_read(self, stores: Stores) -> None:
        _, store = stores

        assert await store.load_devices(["c-1", "c-2"]) == [None, None]
        assert await store.save_devices([DeviceWrite("c-1", None, b"one")]) == []
        assert await store.save_devices(
            [DeviceWrite("c-1", None, b"two"), DeviceWrite("c-2", None, b"three")]
        ) == [0]
        assert await store.save_devices([DeviceWrite("c-1", b"one", b"two")]) == []
        assert await store.load_devices(["c-1", "c-2"]) == [b"two", b"three"]

    async def test_many_devices_at_once(self, stores: Stores) -> None:
        _, store = stores
        ids = [f"c-{n}" for n in range(1_200)]
        await store.save_devices([DeviceWrite(ids[700], None, b"there")])

        refused = await store.save_devices([DeviceWrite(id, None, b"new") for id in ids])

        assert refused == [700]
        assert await store.load_devices(ids) == [b"new"] * 700 + [b"there"] + [b"new"] * 499

    async def test_of_a_user_the_newest_devices_are_known(self, stores: Stores) -> None:
        _, store = stores
        logins = [Login(f"c-{n:04d}", "ann", n) for n in range(MOST_KNOWN + 3)]

        await store.note([*logins[::2], *logins[1::2], logins[5], Login("c-x", "bob", 1)])

        ann, bob, nobody = await store.seen_on(["ann", "bob", "cyn"])
        assert ann == [each.anonymous_id for each in logins[-MOST_DEVICES:]]
        (every,) = await store.seen_on(["ann"], every=True)
        assert every == [each.anonymous_id for each in logins[3:]]
        assert (bob, nobody) == (["c-x"], [])

    async def test_a_device_seen_again_is_among_the_newest(self, stores: Stores) -> None:
        _, store = stores
        await store.note([Login("c-1", "ann", 1), Login("c-2", "ann", 2), Login("c-1", "ann", 9)])
        await store.note([Login("c-1", "ann", 3)])

        assert await store.seen_on(["ann"]) == [["c-2", "c-1"]]
        await store.forget("ann", ["c-2"])
        assert await store.seen_on(["ann"]) == [["c-1"]]

    async def test_what_is_joined_lies_over_what_they_did_themselves(self, stores: Stores) -> None:
        profiles, store = stores
        await profiles.save([Write("ann", b"", record(1), b"words")])
        (alone,) = await store.load_people(["ann"])
        assert alone == Person(stored(1, b"words"), None)
        joined = Person(stored(77, b"more"), alone.served)

        assert await store.save_people([PersonWrite("ann", alone, [], joined)]) == []

        assert await store.load_people(["ann", "bob"]) == [joined, NOTHING]
        assert await profiles.load_whole(["ann"]) == [stored(77, b"more")]
        assert (await profiles.load_living(["ann"]))[1] == [
            Own(record(1), b"words", is_joined=True)
        ]

    async def test_their_own_goes_on_beside_it(self, stores: Stores) -> None:
        profiles, store = stores
        joined = Person(stored(77), stored(1, b"words"))
        await store.save_people([PersonWrite("ann", NOTHING, [], joined)])

        assert await profiles.save([Write("ann", record(1), record(2), None, is_joined=True)]) == []
        assert await profiles.save([Write("ann", record(1), record(3), None, is_joined=True)]) == [
            0
        ]

        assert await store.load_people(["ann"]) == [Person(stored(77), stored(2, b"words"))]
        assert await profiles.load_whole(["ann"]) == [stored(77)]

    @pytest.mark.parametrize("faster", ["served", "own"])
    async def test_whoever_was_faster_is_not_written_over(
        self, stores: Stores, faster: str
    ) -> None:
        profiles, store = stores
        read = Person(stored(77), stored(1))
        await store.save_people([PersonWrite("ann", NOTHING, [], read)])
        moved = (
            Write("ann", record(77), record(78))
            if faster == "served"
            else Write("ann", record(1), record(2), None, is_joined=True)
        )
        await profiles.save([moved])

        assert await store.save_people(
            [
                PersonWrite("ann", read, [], Person(stored(79), stored(1))),
                PersonWrite("bob", NOTHING, [], Person(stored(5), None)),
            ]
        ) == [0]
        assert (await store.load_people(["bob"]))[0].served == stored(5)

    @pytest.mark.parametrize("faster", ["device", "what was done there", "a device that was not"])
    async def test_nor_is_what_was_made_of_a_device_that_has_changed(
        self, stores: Stores, faster: str
    ) -> None:
        profiles, store = stores
        await profiles.save([Write("anonymous:c-1", b"", record(1), b"words")])
        await store.save_devices([DeviceWrite("c-1", None, b"device")])
        seen = [SEEN]
        if faster == "device":
            await store.save_devices([DeviceWrite("c-1", b"device", b"another")])
        elif faster == "what was done there":
            await profiles.save([Write("anonymous:c-1", record(1), record(2))])
        else:
            seen += [Seen("c-2", None, Stored(None, None))]
            await store.save_devices([DeviceWrite("c-2", None, b"device")])
        write = PersonWrite("ann", NOTHING, seen, Person(stored(7), stored(1)))

        assert await store.save_people([write]) == [0]

        assert await store.load_people(["ann"]) == [NOTHING]
        seen = [SEEN._replace(anonymous_id="c-3", device=None, stored=Stored(None, None))]
        assert await store.save_people([write._replace(seen=seen)]) == []

    async def test_it_comes_apart_again(self, stores: Stores) -> None:
        profiles, store = stores
        joined = Person(stored(77, b"more"), stored(1, b"words"))
        await store.save_people([PersonWrite("ann", NOTHING, [], joined)])

        assert (
            await store.save_people([PersonWrite("ann", joined, [], Person(stored(1), None))]) == []
        )

        assert await store.load_people(["ann"]) == [Person(stored(1), None)]
        assert (await profiles.load_living(["ann"]))[1] == [Own(record(1), None)]


class TestRedis(Contract):
    """The real one."""

    @pytest.fixture
    async def stores(self, redis: Redis) -> Stores:
        return RedisProfiles(redis, TTL), RedisIdentities(redis, TTL)

    async def test_all_of_it_expires_and_devices_live_on_with_what_is_joined(
        self, redis: Redis, stores: Stores
    ) -> None:
        profiles, store = stores
        await profiles.save([Write("anonymous:c-1", b"", record(1), b"words")])
        await store.save_devices([DeviceWrite("c-1", None, b"device")])
        await store.note([Login("c-1", "ann", 1)])
        for key in await redis.keys("*c-1*"):
            await redis.expire(key, 5)

        await store.save_people([PersonWrite("ann", NOTHING, [SEEN], Person(stored(7), stored(1)))])

        keys = [key for key in await redis.keys("*") if b"{" in key]
        assert len(keys) == 6
        assert all([10 < await redis.ttl(key) <= 60 for key in keys])

    async def test_what_does_not_expire_still_does_not(self, redis: Redis, stores: Stores) -> None:
        profiles, store = stores
        await profiles.save([Write("anonymous:c-1", b"", record(1), b"words")])
        await store.save_devices([DeviceWrite("c-1", None, b"device")])
        await redis.persist("profile:{anonymous:c-1}")  # as of somebody who is suppressed

        await store.save_people([PersonWrite("ann", NOTHING, [SEEN], Person(stored(7), stored(1)))])

        assert await redis.ttl("profile:{anonymous:c-1}") == -1

    async def test_a_user_is_found_once_whatever_is_joined(self, stores: Stores) -> None:
        profiles, store = stores
        await store.save_people([PersonWrite("ann", NOTHING, [], Person(stored(7), stored(1)))])

        assert [user async for users in profiles.scan() for user in users] == ["ann"]

    @pytest.mark.parametrize("kind", ["list", "hash"])
    async def test_a_key_of_another_kind_is_as_good_as_none(
        self, redis: Redis, stores: Stores, kind: str
    ) -> None:
        _, store = stores
        for key in ("device:{c-1}", "profile:{ann}:own", "devices:{ann}"):
            if kind == "list":
                await redis.rpush(key, "x")
            else:
                await redis.hset(key, "x", "y")

        assert await store.seen_on(["ann"]) == [[]]
        await store.note([Login("c-1", "ann", 1)])
        assert await store.load_devices(["c-1"]) == [None]
        assert await store.save_devices([DeviceWrite("c-1", None, b"new")]) == []
        assert (await store.load_people(["ann"]))[0].own is None
        assert (
            await store.save_people([PersonWrite("ann", NOTHING, [], Person(stored(7), stored(1)))])
            == []
        )


class TestMemory(Contract):
    """The fake one."""

    @pytest.fixture
    async def stores(self) -> Stores:
        profiles = MemoryProfiles()
        return profiles, MemoryIdentities(profiles)
