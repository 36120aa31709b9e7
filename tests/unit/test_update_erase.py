"""Erasure in the update worker: a user is forgotten, and no replay brings anything back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait import metrics
from portrait.events.erasure import Erasures
from portrait.events.letter import dead_letter
from portrait.events.stream import Message
from portrait.events.topics import DEAD, ERASURES, NOTICES
from portrait.profiles.profile import decode_profile
from portrait.profiles.record import is_blank
from portrait.ref import user_ref
from tests.support.archives import memory_archive, offsets_of
from tests.support.fakes import ListPublisher, MemoryPopularity, MemoryProfiles
from tests.support.records import RECEIVED, FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.archive import Bounds, archive
from workers.letters.replay_dead import replay_dead
from workers.update.updater import Updater
from workers.update.worker import update

ACTIONS = ("click", "cart", "purchase")
HOUR_MS = 3_600_000
BOUNDS = Bounds(
    rows=1,
    bytes=1_000_000,
    wait=timedelta(),
    future_tolerance=timedelta(days=1),
    outage=timedelta(seconds=1),
)


def erasure(offset: int = 0, *, at: int, key: bytes | None = b"ann") -> FakeRecord:
    return FakeRecord(ERASURES, None, offset, timestamp=at, key=key)


def log_of(size: int) -> list[FakeRecord]:
    """Events of two users, received an hour apart."""
    records = [
        event_record(
            number // len(ACTIONS),
            event_id=f"e{number}",
            type=ACTIONS[number % len(ACTIONS)],
            item_id=["milk", "tuna", "beef"][number % 3],
            user_id=["ann", "bob"][number % 2],
        )
        for number in range(size)
    ]
    return [
        replace(record, timestamp=RECEIVED + number * HOUR_MS)
        for number, record in enumerate(records)
    ]


async def run(*batches: Sequence[FakeRecord], updater: Updater | None = None) -> Updater:
    updater = updater or await memory_updater()
    await update(ListStream(*batches), updater)
    return updater


def records_of(updater: Updater) -> dict[str, bytes]:
    assert isinstance(updater.profiles, MemoryProfiles)
    return dict(updater.profiles.records)


def events_of(updater: Updater, user: str) -> int:
    return int(decode_profile(records_of(updater)[user]).head["totals"].sum())


LOG = log_of(12)
FORGET = erasure(at=LOG[-1].timestamp)
AFTERWARDS = FORGET.timestamp + HOUR_MS
# The id of the very first event, used again: nobody knows it any more.
LATER = replace(
    event_record(100, event_id="e0", occurred_at="2026-09-22T02:13:20Z"), timestamp=AFTERWARDS
)
# An event from before, sent again after the erasure, as by a producer that was away.
LATE = replace(LOG[2], offset=101, timestamp=AFTERWARDS)


async def test_an_erased_user_is_known_no_more_and_the_others_are() -> None:
    updater = await run(LOG, [FORGET])

    records = records_of(updater)
    assert is_blank(records["ann"])
    assert not decode_profile(records["ann"]).portrait["vectors"].any()
    assert records["bob"] == records_of(await run(LOG))["bob"]


async def test_what_an_erased_user_searched_for_is_gone_and_stays_gone() -> None:
    def search(offset: int, user: str) -> FakeRecord:
        return event_record(offset, type="search", user_id=user, text="secret", item_id=None)

    updater = await run([search(0, "ann"), search(1, "bob")])
    assert isinstance(updater.profiles, MemoryProfiles)
    assert updater.profiles.searched.keys() == {"ann", "bob"}

    await run([FORGET], [search(0, "ann"), search(1, "bob")], updater=updater)

    assert updater.profiles.searched.keys() == {"bob"}


async def test_only_what_comes_later_is_known_of_who_comes_back() -> None:
    updater = await run(LOG, [FORGET], [LATER])

    profile = decode_profile(records_of(updater)["ann"])
    assert profile.head["totals"].sum() == len(profile.ring) == 1


async def test_what_happened_before_the_erasure_and_is_received_after_it_is_passed_over() -> None:
    updater = await run(LOG, [FORGET], [LATER, LATE])

    assert records_of(updater)["bob"] == records_of(await run(LOG))["bob"]
    assert events_of(updater, "ann") == 1


async def test_a_dead_letter_from_before_the_erasure_does_not_bring_its_user_back() -> None:
    """However far ahead the producer's clock was, and however often it is replayed."""
    ahead = event_record(200, occurred_at="2026-09-22T04:00:00Z")  # read by a tolerant worker
    letter = dead_letter(replace(ahead, timestamp=RECEIVED), "some reason that is no more")
    for offset in (300, 301):
        (message,) = await replayed(letter)
        back = FakeRecord(
            message.topic, message.value, offset, headers=message.headers, timestamp=AFTERWARDS
        )
        letter = dead_letter(back, "some other reason")
    updater = await memory_updater()
    tolerant = replace(updater.limits, future_tolerance=timedelta(days=1))

    await run(LOG, [FORGET], [back], updater=replace(updater, limits=tolerant))

    assert is_blank(records_of(updater)["ann"])
    store = memory_archive()
    store.erase(Erasures.of({user_ref("ann"): FORGET.timestamp}))
    await archive(ListStream([back]), store, BOUNDS)
    assert offsets_of(store) == []


@pytest.mark.parametrize("stamp", [-1, 0, RECEIVED + 2 * HOUR_MS, 32_472_144_000_000, 2**62])
async def test_no_timestamp_that_cannot_be_brings_a_user_back_by_replay(stamp: int) -> None:
    """The letter was written before the erasure, whatever its record says."""
    dead = replace(event_record(200, occurred_at="2026-09-22T04:00:00Z"), timestamp=stamp)
    (message,) = await replayed(dead_letter(dead, "timestamp: in the future"))
    back = FakeRecord(
        message.topic, message.value, 300, headers=message.headers, timestamp=AFTERWARDS
    )

    updater = await run(LOG, [FORGET], [back])

    assert is_blank(records_of(updater)["ann"])
    store = memory_archive()
    store.erase(Erasures.of({user_ref("ann"): FORGET.timestamp}))
    await archive(ListStream([back]), store, BOUNDS)
    assert offsets_of(store) == []


async def replayed(letter: Message) -> list[Message]:
    publisher = ListPublisher()
    record = FakeRecord(letter.topic, letter.value, key=letter.key, headers=letter.headers)
    await replay_dead(ListStream([record]), publisher)
    return publisher.messages


@given(st.integers(0, 14), st.integers(0, 14), st.integers(0, 14))
async def test_no_replay_and_no_batching_changes_anything(cut: int, start: int, end: int) -> None:
    log = [*LOG, FORGET, LATER]
    once = await run(log[:cut], log[cut:])

    before = records_of(once)
    assert before == records_of(await run(log))
    await run(log[start:end], updater=once)

    assert records_of(once) == before


async def test_events_read_after_their_erasure_are_not_taken_in() -> None:
    """As when partitions are read at different speeds, or a worker begins anew."""
    updater = await run([FORGET], LOG)

    assert records_of(updater)["ann"] == records_of(await run(LOG, [FORGET]))["ann"]
    assert isinstance(updater.popularity, MemoryPopularity)
    bobs = [each for each in LOG if each.key == b"bob"]
    assert await updater.popularity.newest(9) == await (await run(bobs)).popularity.newest(9)


async def test_somebody_unknown_can_be_erased() -> None:
    assert is_blank(records_of(await run([FORGET]))["ann"])


async def test_an_erasure_of_nobody_is_a_dead_letter() -> None:
    nobody = [erasure(0, at=RECEIVED, key=None), erasure(1, at=RECEIVED, key=b"\xff")]

    updater = await run([*nobody, erasure(2, at=RECEIVED, key=b"a" * 200)])

    assert isinstance(updater.publisher, ListPublisher)
    reasons = [
        dict(m.headers)["portrait-reason"] for m in updater.publisher.messages if m.topic == DEAD
    ]
    assert reasons == [b"key: missing or too long", b"key: not UTF-8", b"key: missing or too long"]
    assert records_of(updater) == {}


async def test_followers_are_told() -> None:
    updater = await run(LOG, [FORGET])

    assert isinstance(updater.publisher, ListPublisher)
    last = [m for m in updater.publisher.messages if m.topic == NOTICES][-1]
    told = json.loads(last.value or b"")
    assert (told["user_id"], told["events_folded"], told["profile_as_of"]) == ("ann", 0, None)


async def test_an_erasure_is_counted_and_is_no_repeated_event() -> None:
    erased = metrics.erasures._value.get()  # noqa: SLF001 - its only reader
    repeated = metrics.events_repeated._value.get()  # noqa: SLF001

    await run([FORGET])

    assert metrics.erasures._value.get() == erased + 1  # noqa: SLF001
    assert metrics.events_repeated._value.get() == repeated  # noqa: SLF001


async def test_who_is_erased_in_the_batch_of_their_events_is_forgotten() -> None:
    updater = await run([*LOG, FORGET])

    assert is_blank(records_of(updater)["ann"])
    assert events_of(updater, "bob") == len(LOG) // 2
