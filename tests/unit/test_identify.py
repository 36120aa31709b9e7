"""Identity in the update worker: what an anonymous visitor did is the user's, and nobody else's."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from portrait.events.consent import GRANTED, Purpose, consent_of
from portrait.events.erasure import LIFTING, SUPPRESSING
from portrait.events.stream import Message
from portrait.events.topics import CONSENTS, ERASURES, IDENTITIES, NOTICES
from portrait.identity.device import Device, decode_device
from portrait.identity.store import PersonWrite
from portrait.profiles.profile import Profile, decode_profile, read_facts
from portrait.profiles.record import is_blank, read_sound
from portrait.profiles.searched import read_searched
from portrait.profiles.store import Own
from tests.support.fakes import ListPublisher, MemoryOffsets, MemoryProfiles
from tests.support.memory_identities import MemoryIdentities
from tests.support.records import RECEIVED, FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.update.updater import Updater
from workers.update.worker import update

POSITIONS = ("revision", "partition", "offset", "last_id", "further")
HOUR = 3_600_000
LATER = RECEIVED + 5 * 24 * HOUR


def event(
    number: int, who: str | None = None, device: str | None = None, **changes: object
) -> FakeRecord:
    """An event of an hour; `who` and `device` are the ids that it says."""
    fields = {
        "event_id": f"e{number}",
        "type": "click",
        "item_id": ["milk", "tuna", "beef"][number % 3],
        "occurred_at": moment(number),
        "user_id": who,
        "anonymous_id": device,
    } | changes
    record = event_record(number, **fields)
    key = who or f"anonymous:{device}"
    return FakeRecord(record.topic, record.value, number, key=key.encode(), timestamp=RECEIVED)


def moment(hour: float) -> str:
    return f"2026-08-{1 + int(hour) // 24:02d}T{int(hour) % 24:02d}:{round(hour % 1 * 60):02d}:00Z"


def identified(offset: int, who: str | None, device: str, hour: float) -> FakeRecord:
    """A message of who is who, or with nobody, that it is taken back."""
    fields = {
        "type": "unlink" if who is None else "identify",
        "anonymous_id": device,
        "user_id": who,
        "occurred_at": moment(hour),
    }
    return FakeRecord(IDENTITIES, to_json(fields), offset, key=device.encode())


async def run(*batches: Sequence[FakeRecord], updater: Updater | None = None) -> Updater:
    updater = updater or await memory_updater()
    await update(ListStream(*batches), updater)
    return updater


def profiles_of(updater: Updater) -> MemoryProfiles:
    assert isinstance(updater.profiles, MemoryProfiles)
    return updater.profiles


def profile(updater: Updater, user: str) -> Profile:
    return decode_profile(profiles_of(updater).records[user])


def events_of(updater: Updater, user: str) -> int:
    return (
        int(profile(updater, user).head["totals"].sum())
        if user in profiles_of(updater).records
        else 0
    )


def known(updater: Updater, user: str) -> tuple[bytes, ...]:
    """All that is told of a user but for where it was read."""
    record = profiles_of(updater).records[user]
    facts, _ = read_facts([record])
    head = facts.head.copy()
    for name in POSITIONS:
        head[name] = 0
    return head.tobytes(), facts.ring.tobytes(), decode_profile(record).portrait.tobytes()


@pytest.mark.parametrize("apart", [True, False])
async def test_where_whoever_is_suppressed_logs_in_is_not_kept_until_that_is_lifted(
    *, apart: bool
) -> None:
    suppressed, lifted = (
        FakeRecord(ERASURES, value, n, key=b"u-1", timestamp=RECEIVED + n, headers=headers)
        for n, (value, headers) in enumerate([(SUPPRESSING, ()), (None, (LIFTING,))])
    )
    login = event(0, "u-1", "c-1")
    updater = await run(*([[suppressed], [login]] if apart else [[login, suppressed]]))
    assert not (await device_of(updater, "c-1")).visits
    assert await updater.identities.seen_on(["u-1"]) == [[]]

    since = event(1, "u-1", "c-1", occurred_at="2026-09-25T00:00:00Z")
    later = replace(since, timestamp=LATER)
    await run([lifted], [later], updater=updater)

    assert (await device_of(updater, "c-1")).users == {"u-1"}


async def device_of(updater: Updater, device: str) -> Device:
    return decode_device((await updater.identities.load_devices([device]))[0])


async def test_what_was_done_before_the_login_is_the_users() -> None:
    updater = await run(
        [
            event(0, None, "c-1", type="cart", item_id="milk"),
            event(1, "u-1", "c-1", type="browse", item_id="tuna"),
        ]
    )

    as_one = await run(
        [
            event(0, "u-1", type="cart", item_id="milk"),
            event(1, "u-1", type="browse", item_id="tuna"),
        ]
    )
    assert known(updater, "u-1") == known(as_one, "u-1")
    assert events_of(updater, "anonymous:c-1") == 1
    assert read_sound(profiles_of(updater).records["u-1"]) is not None


@pytest.mark.parametrize("first", ["login", "event"])
async def test_the_order_in_which_it_is_read_does_not_matter(first: str) -> None:
    login, before = identified(0, "u-1", "c-1", 5), event(1, None, "c-1")
    batches = [[login], [before]] if first == "login" else [[before], [login]]

    updater = await run(*batches)

    assert events_of(updater, "u-1") == 1


async def test_a_user_whose_device_did_nothing_else_is_not_joined() -> None:
    updater = await run([event(n, "u-1", "c-1") for n in range(3)])

    assert profiles_of(updater).own == {}
    assert (
        profiles_of(updater).records
        == profiles_of(await run([event(n, "u-1") for n in range(3)])).records
    )


async def test_later_events_of_either_are_joined_too() -> None:
    updater = await run(
        [event(0, None, "c-1"), event(1, "u-1", "c-1")],
        [event(2, "u-1")],
        [event(3, None, "c-1", item_id="beef")],
        [event(4, "u-1", None, type="purchase")],
    )

    assert events_of(updater, "u-1") == 5
    assert profile(updater, "u-1").ring["id"].size == 5


async def test_a_shared_device_does_not_make_one_of_two_people() -> None:
    updater = await run(
        [
            event(0, None, "c-1", item_id="milk"),  # before anybody: ann's
            event(1, "ann", "c-1"),
            event(2, None, "c-1", item_id="tuna"),  # ann's
            event(3, "bob", "c-1"),
            event(4, None, "c-1", item_id="beef"),  # bob's
        ]
    )

    as_told = await run(
        [
            event(0, "ann", item_id="milk"),
            event(1, "ann"),
            event(2, "ann", item_id="tuna"),
            event(3, "bob"),
            event(4, "bob", item_id="beef"),
        ]
    )
    for user in ("ann", "bob"):
        assert known(updater, user) == known(as_told, user)


async def test_two_known_users_are_never_joined() -> None:
    alias = {
        "type": "alias",
        "previousId": "ann",
        "userId": "bob",
        "messageId": "m",
        "timestamp": moment(5),
    }
    updater = await run(
        [
            event(0, "ann"),
            event(1, "bob"),
            FakeRecord("events.browse", to_json(alias), 2),
        ]
    )

    assert events_of(updater, "ann") == events_of(updater, "bob") == 1


async def test_nobody_poses_as_an_anonymous_visitor() -> None:
    posing = {
        "type": "identify",
        "userId": "anonymous:c-1",
        "anonymousId": "c-2",
        "timestamp": moment(1),
    }
    updater = await run(
        [
            event(0, None, "c-1"),
            event(1, None, "c-2"),
            FakeRecord("events.browse", to_json(posing), 2),
        ]
    )

    assert events_of(updater, "anonymous:c-1") == events_of(updater, "anonymous:c-2") == 1


async def test_it_is_taken_back() -> None:
    updater = await run([event(0, None, "c-1"), event(1, "u-1", "c-1"), event(2, "u-1")])
    assert events_of(updater, "u-1") == 3

    await run([identified(0, None, "c-1", 4)], updater=updater)

    alone = await run([event(1, "u-1"), event(2, "u-1")])
    assert profiles_of(updater).records["u-1"] == profiles_of(alone).records["u-1"]
    assert profiles_of(updater).own == {}
    await run([event(3, "u-1"), event(5, None, "c-1")], updater=updater)
    assert events_of(updater, "u-1") == 3


def says(key: bytes, *, personalisation: bool, at: str) -> FakeRecord:
    purposes = {"personalisation": personalisation, "analytics": True, "training": True}
    return FakeRecord(CONSENTS, to_json({**purposes, "at": at}), len(at), key=key)


async def test_what_a_visitor_does_not_let_be_used_is_not_joined() -> None:
    refusal = says(b"anonymous:c-1", personalisation=False, at="2026-09-20T10:00:00Z")
    before = await run([refusal, event(0, None, "c-1"), event(1, "u-1", "c-1")])
    later = await run([event(0, None, "c-1"), event(1, "u-1", "c-1")], [refusal])

    assert events_of(before, "u-1") == events_of(later, "u-1") == 1
    await run(
        [says(b"anonymous:c-1", personalisation=True, at="2026-09-21T10:00:00Z")], updater=later
    )
    assert events_of(later, "u-1") == 2


def spread_by(updater: Updater, since: int = 0) -> list[FakeRecord]:
    """Return what the log is told of consents, as records of it."""
    assert isinstance(updater.publisher, ListPublisher)
    told = [each for each in updater.publisher.messages[since:] if each.topic == CONSENTS]
    return [
        FakeRecord(CONSENTS, each.value, 50 + place, key=each.key, headers=each.headers)
        for place, each in enumerate(told)
    ]


async def allowed(updater: Updater, key: str) -> bool:
    (stored,) = await updater.profiles.load_whole([key])
    return consent_of(stored.consent, GRANTED).allows(Purpose.PERSONALISATION)


@pytest.mark.parametrize("is_first", [True, False])
async def test_what_somebody_withdraws_is_withdrawn_on_their_devices_and_no_others(
    *, is_first: bool
) -> None:
    refusal = says(b"u-1", personalisation=False, at="2026-09-20T10:00:00Z")
    logins = [event(0, "u-1", "c-1"), event(1, "u-1", "till"), event(2, "bob", "till")]
    done = [event(3, None, "c-1"), event(4, None, "c-2")]
    words = [[refusal], [*logins, *done]]
    updater = await run(*(words if is_first else words[::-1]))

    told = spread_by(updater)
    await run(told, updater=updater)

    keys = ("u-1", "anonymous:c-1", "anonymous:till", "anonymous:c-2")
    assert [await allowed(updater, key) for key in keys] == [False, False, True, True]
    assert {each.key for each in told} == {b"anonymous:c-1"}


async def test_what_was_said_later_on_a_device_counts_there_and_nothing_is_told_twice() -> None:
    refusal = says(b"u-1", personalisation=False, at="2026-09-20T10:00:00Z")
    later = says(b"anonymous:c-1", personalisation=True, at="2026-09-21T10:00:00Z")
    updater = await run([later, event(0, "u-1", "c-1")], [refusal])
    assert spread_by(updater) == []

    assent = says(b"u-1", personalisation=True, at="2026-09-21T12:00:00Z")
    await run([assent], updater=updater)
    told = spread_by(updater)
    assert [each.key for each in told] == [b"anonymous:c-1"]
    await run(told, [assent, event(1, "u-1", "c-1")], updater=updater)

    assert spread_by(updater) == told


async def test_words_of_searches_are_joined() -> None:
    updater = await run(
        [
            event(0, None, "c-1", type="search", item_id=None, text="cat food"),
            event(1, "u-1", "c-1", type="search", item_id=None, text="dog food"),
        ],
        [event(2, "u-1")],
    )

    said = read_searched(profiles_of(updater).searched["u-1"])
    assert sorted(said.values()) == ["cat food", "dog food"]


async def test_followers_hear_of_the_joined_profile() -> None:
    updater = await run([event(0, None, "c-1")], [event(1, "u-1", "c-1")])

    assert isinstance(updater.publisher, ListPublisher)
    notices = [each.value for each in updater.publisher.messages if each.topic == NOTICES]
    assert any(b'"user_id":"u-1","events_folded":2' in (value or b"") for value in notices)
    told = len(notices)
    await run([event(2, "u-1")], updater=updater)
    (notice,) = [each for each in updater.publisher.messages if each.topic == NOTICES][told:]
    assert b'"events_folded":3' in (notice.value or b"")


async def test_two_people_within_a_minute_are_both_heard_of() -> None:
    updater = await run(
        [identified(0, "ann", "c-1", 1)], [identified(1, "bob", "c-1", 1)], [event(2, None, "c-1")]
    )

    (stored,) = await updater.identities.load_devices(["c-1"])
    assert decode_device(stored).users == {"ann", "bob"}


class Losing(MemoryProfiles):
    """Starts again when a second batch is loaded, and has lost what it held; so has all beside."""

    def __init__(self, offsets: MemoryOffsets) -> None:
        super().__init__()
        self.offsets, self.loads = offsets, 0
        self.identities = MemoryIdentities(self)

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Own]]:
        self.loads += 1
        if self.loads == 2:
            held = self.identities
            for lost in (self.records, self.own, held.devices, held.seen, self.offsets.ends):
                lost.clear()
            self.life = self.offsets.life = "second"
        return await super().load_living(users)


async def test_a_store_that_lost_everything_hears_of_logins_again() -> None:
    log = [[event(0, None, "c-1"), event(1, "u-1", "c-1")], [event(2, "u-1")]]
    offsets = MemoryOffsets()
    profiles = Losing(offsets)
    updater = await memory_updater(profiles, offsets, profiles.identities)
    stream = ListStream(*log, resume=updater.resume)

    await update(stream, updater)

    assert stream.rewinds == 1
    assert events_of(updater, "u-1") == 3


def log_of(random: Random, size: int) -> list[FakeRecord]:
    """What two people do on two devices, one of them shared, in log order of each partition."""
    records = []
    for number in range(size):
        device = random.choice(["c-1", "c-2", None])
        who = random.choice(["ann", "bob", None]) if device else random.choice(["ann", "bob"])
        if device == "c-2" and who == "bob":
            who = "ann"
        records.append(event(number, who, device))
    return records


@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 24), max_size=4).map(sorted))
async def test_any_batching_gives_the_same_bytes(random: Random, cuts: list[int]) -> None:
    log = log_of(random, 24)
    edges = [0, *cuts, len(log)]

    apart = await run(*[log[start:end] for start, end in pairwise(edges)])

    assert profiles_of(apart).records == profiles_of(await run(log)).records


@given(st.randoms(use_true_random=False), st.integers(0, 24))
async def test_a_replay_from_any_offset_changes_nothing(random: Random, start: int) -> None:
    log = log_of(random, 24)
    once = await run(log)
    before = dict(profiles_of(once).records)

    again = await memory_updater(profiles_of(once), identities=once.identities)
    await run(log[start:], updater=again)

    assert profiles_of(again).records == before


@given(st.randoms(use_true_random=False))
async def test_partitions_may_be_read_in_any_order(random: Random) -> None:
    log = log_of(random, 24)
    placed = [replace(each, partition=crc32(each.key or b"") % 3) for each in log]
    in_partitions = [
        [each for each in placed if each.partition == place] for place in random.sample(range(3), 3)
    ]

    apart = await run(*in_partitions)

    whole = await run(placed)
    for user in profiles_of(whole).records:
        assert known(apart, user) == known(whole, user)


class Crowded(MemoryProfiles):
    """Lets other workers in between any two steps."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random

    async def load(self, users: Sequence[str]) -> list[bytes | None]:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        found = await super().load(users)
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        return found


@given(st.randoms(use_true_random=False))
async def test_workers_that_join_at_the_same_time_lose_nothing(random: Random) -> None:
    log = log_of(random, 24)
    placed = [replace(each, partition=crc32(each.key or b"") % 3) for each in log]
    profiles = Crowded(random)
    first = await memory_updater(profiles)
    others = [await memory_updater(profiles, identities=first.identities) for _ in range(2)]

    async with asyncio.TaskGroup() as tasks:
        for place, updater in enumerate([first, *others]):
            mine = [each for each in placed if each.partition == place]
            cut = random.randint(0, len(mine))
            tasks.create_task(run(mine[:cut], mine[cut:], updater=updater))

    alone = await run(placed)
    for user in profiles_of(alone).records:
        assert known(first, user) == known(alone, user)


class Interrupted(MemoryIdentities):
    """Dies once, between a device and the profiles that follow from it."""

    dies = False

    async def save_people(self, writes: Sequence[PersonWrite]) -> list[int]:
        if self.dies:
            self.dies = False
            raise DiedError
        return await super().save_people(writes)


class DiedError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("what", ["taken back", "forgotten", "somebody else's", "everybody's"])
async def test_what_a_crash_leaves_undone_is_done_by_the_replay(what: str) -> None:
    before = [event(0, None, "c-1"), event(1, "u-1", "c-1"), event(2, "u-1"), event(5, None, "c-1")]
    last = {
        "taken back": [identified(0, None, "c-1", 6)],
        "forgotten": [erasure(b"anonymous:c-1")],
        "somebody else's": [identified(0, "u-2", "c-1", 4)],
        "everybody's": [identified(n, f"u-{n}", "c-1", 6 + n) for n in range(2, 11)],
    }[what]
    whole = await run(before, last)
    profiles = MemoryProfiles()
    identities = Interrupted(profiles)
    await run(before, updater=await memory_updater(profiles, identities=identities))
    identities.dies = True
    with pytest.raises(ExceptionGroup):
        await run(last, updater=await memory_updater(profiles, identities=identities))

    await run(last, updater=await memory_updater(profiles, identities=identities))

    assert profiles.records == profiles_of(whole).records
    assert [decode_device(each).stale for each in identities.devices.values()] == [()]


async def test_nobody_loses_anything_with_somebody_who_was_there_before() -> None:
    updater = await run(
        [event(0, "ann", "c-1")],
        [identified(0, None, "c-1", 1)],
        [event(2, None, "c-1"), event(3, "bob", "c-1")],
        [erasure(b"ann")],
    )

    assert begotten(updater) == []
    assert events_of(updater, "bob") == 2


def erasure(key: bytes, offset: int = 0, at: int = RECEIVED + HOUR) -> FakeRecord:
    return FakeRecord(ERASURES, None, offset, timestamp=at, key=key)


def begotten(updater: Updater) -> list[Message]:
    assert isinstance(updater.publisher, ListPublisher)
    return [each for each in updater.publisher.messages if each.topic == ERASURES]


async def test_whoever_is_forgotten_is_forgotten_on_their_devices() -> None:
    updater = await run([event(0, None, "c-1"), event(1, "u-1", "c-1"), event(2, None, "c-2")])

    await run([erasure(b"u-1")], updater=updater)

    assert is_blank(profiles_of(updater).records["u-1"])
    assert profiles_of(updater).own == {}
    assert await updater.identities.seen_on(["u-1"], every=True) == [[]]
    (message,) = begotten(updater)
    assert message.key == b"anonymous:c-1"
    begot = replace(erasure(message.key, 1), headers=message.headers)
    await run([begot], updater=updater)
    assert is_blank(profiles_of(updater).records["anonymous:c-1"])
    assert events_of(updater, "anonymous:c-2") == 1


async def test_an_erasure_that_is_read_again_forgets_nothing_that_was_done_since() -> None:
    updater = await run([event(0, None, "c-1"), event(1, "u-1", "c-1")], [erasure(b"u-1")])
    (message,) = begotten(updater)
    since = replace(event(2, None, "c-1", occurred_at="2026-09-25T00:00:00Z"), timestamp=LATER)

    begot = FakeRecord(ERASURES, None, 1, 0, RECEIVED + HOUR, message.key, message.headers)
    again = replace(begot, offset=2, timestamp=LATER + HOUR)
    await run([begot], [since], [again], updater=updater)

    assert events_of(updater, "anonymous:c-1") == 1


async def test_a_login_that_is_heard_of_late_brings_nothing_back() -> None:
    updater = await run([event(0, None, "c-9"), event(1, "u-1")], [erasure(b"u-1")])

    await run([identified(0, "u-1", "c-9", 1)], [event(2, None, "c-9")], updater=updater)

    assert events_of(updater, "u-1") == 0


async def test_a_login_and_the_erasure_in_one_batch() -> None:
    updater = await run([event(0, None, "c-1"), event(1, "u-1", "c-1"), erasure(b"u-1")])

    assert is_blank(profiles_of(updater).records["u-1"])
    assert [each.key for each in begotten(updater)] == [b"anonymous:c-1"]
