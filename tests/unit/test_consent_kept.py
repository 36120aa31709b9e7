"""What users let be done, in the update worker, in the archive and in what models learn from."""

import json
from datetime import datetime

import pytest

from portrait.dataset.archive_reading import read_interactions
from portrait.events.consent import WITHDRAWN, Purpose
from portrait.events.event import Action
from portrait.events.private import PRIVATE
from portrait.events.topics import CONSENTS, DEAD
from portrait.profiles.profile import decode_profile
from portrait.ref import user_ref
from tests.support.archives import BOUNDS, click, memory_archive
from tests.support.fakes import ListPublisher, MemoryProfiles
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.archive import archive
from workers.update.updater import Updater
from workers.update.worker import update


def says(user: str, *withdrawn: Purpose, at: str = "2026-09-21T14:13:20Z") -> FakeRecord:
    said = {purpose: purpose not in withdrawn for purpose in Purpose}
    value = json.dumps({**said, "at": at}).encode()
    return FakeRecord(CONSENTS, value, hash(at) % 1_000, key=user.encode())


def bought(user: str, item: str, offset: int, *, private: bool = False) -> FakeRecord:
    """A regular buys: somebody whose ninth event it is counts in full."""
    record = event_record(offset, type=Action.PURCHASE, user_id=user, item_id=item)
    return FakeRecord(
        *(record.topic, record.value, offset),
        key=record.key,
        headers=(PRIVATE,) if private else (),
    )


def warming(user: str) -> list[FakeRecord]:
    """Eight events after which somebody is no stranger."""
    return [event_record(n, user_id=user, item_id="milk", event_id=f"{user}{n}") for n in range(8)]


async def popular(*batches: list[FakeRecord]) -> tuple[set[str], Updater]:
    """Return what is popular, but milk, after these batches."""
    updater = await memory_updater()
    await update(ListStream(warming("ann"), *batches), updater)
    return set(await updater.popularity.newest(9_999)) - {"milk"}, updater


async def test_a_purchase_is_popular_and_not_without_consent_to_analytics() -> None:
    buys = [bought("ann", "tuna", 0)]

    assert (await popular(buys))[0] == {"tuna"}
    found, updater = await popular([says("ann", Purpose.ANALYTICS)], buys)

    assert found == set()
    assert isinstance(updater.profiles, MemoryProfiles)
    assert decode_profile(updater.profiles.records["ann"]).head["totals"].sum() == 9


async def test_a_consent_counts_for_the_batch_that_it_is_in() -> None:
    found, _ = await popular([bought("ann", "tuna", 0), says("ann", Purpose.ANALYTICS)])

    assert found == set()


async def test_the_other_purposes_do_not_concern_popularity() -> None:
    others = says("ann", Purpose.TRAINING, Purpose.PERSONALISATION)

    assert (await popular([others], [bought("ann", "tuna", 0)]))[0] == {"tuna"}


async def test_what_was_said_earlier_and_comes_later_changes_nothing() -> None:
    late = says("ann", at="2026-09-21T14:13:19Z")

    found, _ = await popular([says("ann", Purpose.ANALYTICS)], [late], [bought("ann", "tuna", 0)])

    assert found == set()


async def test_a_private_event_is_in_the_profile_and_nowhere_else() -> None:
    found, updater = await popular([bought("ann", "tuna", 0, private=True)])

    assert found == set()
    assert isinstance(updater.profiles, MemoryProfiles)
    assert decode_profile(updater.profiles.records["ann"]).head["totals"].sum() == 9
    store = memory_archive()
    await archive(
        ListStream([bought("ann", "tuna", 0, private=True), bought("ann", "beef", 1)]),
        store,
        BOUNDS,
    )
    assert read_interactions(store, most_events=9).rows == 1


async def test_what_is_no_consent_is_a_dead_letter_and_holds_up_nobody() -> None:
    _, updater = await popular([FakeRecord(CONSENTS, b"no")], [bought("ann", "tuna", 0)])

    assert isinstance(updater.publisher, ListPublisher)
    assert [each.topic for each in updater.publisher.messages].count(DEAD) == 1


async def test_the_archive_takes_in_nothing_of_who_wants_no_training() -> None:
    store = memory_archive()

    await archive(
        ListStream(
            [click(1, "ann"), click(2, "bob")],
            [says("ann", Purpose.TRAINING), click(3, "ann"), click(4, "bob")],
            [click(5, "ann")],
        ),
        store,
        BOUNDS,
    )

    reading = read_interactions(store, most_events=99)
    assert reading.user_refs.tolist() == [user_ref("bob")]
    assert reading.rows == 2


async def test_what_was_archived_before_is_learned_from_again_once_it_is_allowed() -> None:
    store = memory_archive()
    for batch in ([click(1, "ann")], [says("ann", Purpose.TRAINING)], [click(2, "ann")]):
        await archive(ListStream(batch), store, BOUNDS)
    assert read_interactions(store, most_events=99).rows == 0

    await archive(ListStream([says("ann", at="2026-09-21T14:13:21Z")]), store, BOUNDS)

    assert read_interactions(store, most_events=99).rows == 1


async def test_where_it_is_withdrawn_until_said_otherwise_only_who_agreed_is_learned_from() -> None:
    store = memory_archive()
    store._unsaid = WITHDRAWN  # noqa: SLF001 - as it is opened by a setting

    await archive(ListStream([says("ann"), click(1, "ann"), click(2, "bob")]), store, BOUNDS)

    assert read_interactions(store, most_events=99).user_refs.tolist() == [user_ref("ann")]


@pytest.mark.parametrize("since", [None, datetime.fromisoformat("2026-09-01T00:00:00Z")])
async def test_a_sample_is_without_them_too(since: datetime | None) -> None:
    store = memory_archive()
    users = [f"u{n}" for n in range(40)]
    log = [click(place, user) for place, user in enumerate(users)]
    await archive(
        ListStream(log, [says(user, Purpose.TRAINING) for user in users[:20]]), store, BOUNDS
    )

    reading = read_interactions(store, since, most_events=10)

    assert reading.rows == 20
    assert not set(reading.user_refs.tolist()) & set(map(user_ref, users[:20]))
