"""Imported history: it counts for its user, and wakes nothing that is of today."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import REGISTRY

from portrait.events.columns import PAST_MS, is_past
from portrait.events.receipt import RECEIVED
from portrait.events.topics import NOTICES
from portrait.monitoring.watch import Live
from portrait.profiles.profile import decode_profile
from portrait.reading.decode import decode
from portrait.reading.records import Clock
from portrait.times import DAY_MS, to_moment
from tests.support.fakes import ListPublisher, MemoryPopularity, MemoryProfiles
from tests.support.records import RECEIVED as NOW
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from tests.unit.test_prequential import LIKES_CHEESE, open_shop
from workers.update.updater import Updater
from workers.update.worker import update


def past(offset: int, days: float, **fields: object) -> FakeRecord:
    """Return a record of what an import publishes: received long ago, logged now."""
    at = NOW - round(days * DAY_MS)
    record = event_record(offset, occurred_at=to_moment(at).isoformat(), **fields)
    return replace(record, headers=((RECEIVED, b"%d" % at),))


async def folded(*records: FakeRecord) -> Updater:
    updater = await memory_updater()
    await update(ListStream(records), updater)
    return updater


def notices_of(updater: Updater) -> list[bytes]:
    assert isinstance(updater.publisher, ListPublisher)
    return [message.key for message in updater.publisher.messages if message.topic == NOTICES]


@pytest.mark.parametrize(("days", "expected"), [(0, False), (0.9, False), (1, True), (400, True)])
def test_what_was_received_a_day_before_it_was_logged_is_past(days: float, expected: bool) -> None:  # noqa: FBT001
    (batch,) = decode([past(0, days)], clock=Clock(NOW, 60_000), most_tokens=100)

    assert is_past(batch.columns).tolist() == [expected]
    assert PAST_MS == DAY_MS


async def test_history_is_in_the_profile_and_nobody_is_told_of_it() -> None:
    updater = await folded(past(0, 30), past(1, 2), event_record(2, user_id="bob"))

    assert isinstance(updater.profiles, MemoryProfiles)
    head = decode_profile(updater.profiles.records["ann"]).head
    assert head["totals"].sum() == 2
    assert head["last_at"] == NOW - 2 * DAY_MS
    assert notices_of(updater) == [b"bob"]


async def test_who_has_history_and_news_at_once_is_told_of() -> None:
    assert notices_of(await folded(past(0, 30), event_record(1))) == [b"ann"]


async def test_history_is_popular_on_its_own_day() -> None:
    updater = await folded(
        *[past(n, 30 + n, item_id="milk", user_id=f"u{n % 2}") for n in range(9)]
    )

    assert isinstance(updater.popularity, MemoryPopularity)
    today = NOW // DAY_MS
    assert updater.popularity.days
    assert max(updater.popularity.days) <= today - 30


async def test_history_says_nothing_of_how_the_model_in_service_does() -> None:
    shop = await open_shop()
    await shop.happen([LIKES_CHEESE])
    shop.clock.seconds += 10 * 86_400  # the model serves for days, of which a part is imported
    late = NOW + 10 * DAY_MS
    event = event_record(1, item_id="cheese 1", occurred_at=to_moment(NOW + DAY_MS).isoformat())
    headers = ((RECEIVED, b"%d" % (NOW + DAY_MS)),)

    await shop.happen([replace(event, timestamp=late, headers=headers)])

    assert await shop.counted() == Live()


async def test_history_is_as_fresh_as_the_log_is() -> None:
    def slow() -> float:
        name = "portrait_freshness_seconds_sum"
        return REGISTRY.get_sample_value(name) or 0.0

    before = slow()
    await folded(past(0, 400))
    first = slow() - before
    await folded(event_record(0))

    assert abs((slow() - before - first) - first) < 100  # both as old as `NOW` is, not 400 days
    assert np.isfinite(first)
