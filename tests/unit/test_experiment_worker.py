"""The experiment worker: what of the log it takes in, once, and what it leaves out."""

import json
from datetime import timedelta
from typing import Any

from portrait.errors import StoreUnavailableError
from portrait.events.consent import Consent, Purpose
from portrait.events.erasure import SUPPRESSING
from portrait.events.item import Item
from portrait.events.private import PRIVATE
from portrait.events.resume import Resume
from portrait.events.stream import Record
from portrait.events.topics import DEAD, ERASURES, IMPRESSIONS
from portrait.experiments.store import Opened
from portrait.experiments.tally import Tally
from portrait.times import to_moment
from tests.support.fakes import ListPublisher, MemoryCatalogue, MemoryOffsets, MemoryProfiles
from tests.support.lists import ANN, LIST, NOW, answer
from tests.support.memory_lists import MemoryLists
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.experiments.worker import Experiments, count_lists
from workers.following import Following
from workers.update.worker import update


def listed(offset: int = 0, **changes: Any) -> FakeRecord:  # noqa: ANN401 - as pydantic
    value = answer(**changes).model_dump_json().encode()
    return FakeRecord(IMPRESSIONS, value, offset, timestamp=NOW - 2_000)


def sighting(offset: int = 0, **changes: object) -> FakeRecord:
    moment = {"occurred_at": to_moment(NOW).isoformat()}
    value = json.dumps({"kind": "sighting", "recommendation_id": "r1", **moment, **changes})
    return FakeRecord(IMPRESSIONS, value.encode(), offset, timestamp=NOW - 2_000)


def event(offset: int, type: str, **changes: object) -> FakeRecord:
    at = to_moment(NOW + offset).isoformat()
    fields = {"type": type, "user_id": "ann", "item_id": "tea", "occurred_at": at}
    record = event_record(offset, **{**fields, **changes})
    return FakeRecord(record.topic, record.value, offset, timestamp=NOW - 1_000, key=b"ann")


async def read(
    store: MemoryLists, *records: Record, profiles: MemoryProfiles | None = None
) -> ListPublisher:
    publisher, resume = ListPublisher(), Resume(MemoryOffsets(), "e")
    catalogue = MemoryCatalogue()
    await catalogue.put_items([Item(id="tea", title="Tea", price=4.5)])
    experiments = Experiments(
        store=store,
        profiles=profiles or MemoryProfiles(),
        catalogue=catalogue,
        following=Following(
            publisher=publisher,
            resume=resume,
            outage=timedelta(seconds=1),
            future_tolerance=timedelta(minutes=5),
        ),
    )
    await count_lists(ListStream(records, resume=resume), experiments)
    return publisher


def totals(store: MemoryLists) -> dict[str, int]:
    return {f.metric: amount for (_, f), amount in store.added.items() if f.by == "all"}


async def test_what_was_recommended_and_came_of_it_is_counted() -> None:
    store = MemoryLists()

    await read(
        store,
        event(3, "purchase", price=2.5, quantity=2),  # another topic, read before its list
        event(1, "browse", recommendation_id="r1"),
        event(2, "cart"),
        event(4, "search", item_id=None, text="tea"),
        listed(),
    )

    assert totals(store) == {
        "lists": 1,
        "items": 3,
        "clicks": 1,
        "carts": 1,
        "purchases": 1,
        "revenue": 5_000,
    }


async def test_a_batch_that_comes_again_adds_nothing() -> None:
    store = MemoryLists()
    records = (
        listed(),
        event(1, "click", recommendation_id="r1"),
        event(2, "purchase", price=1.0),
        event(3, "cart", recommendation_id="r1"),
    )

    await read(store, *records)
    before = totals(store)
    await read(store, *records)

    assert (
        totals(store)
        == before
        == {
            "lists": 1,
            "items": 3,
            "clicks": 1,
            "carts": 1,
            "purchases": 1,
            "revenue": 1_000,
        }
    )


async def test_a_purchase_without_a_price_counts_at_the_catalogues() -> None:
    store = MemoryLists()
    named = {"recommendation_id": "r1"}

    await read(
        store,
        listed(),
        event(1, "purchase", quantity=2, **named),
        event(2, "purchase", event_id="free", price=0.0, **named),
        event(3, "purchase", event_id="unknown", item_id="soap", **named),
    )

    assert totals(store)["purchases"] == 3
    assert totals(store)["revenue"] == 9_000


async def test_what_of_a_list_was_seen_is_said_later() -> None:
    store = MemoryLists()

    await read(store, listed(is_seen=False), sighting(1, item_ids=["tea"]))
    assert totals(store) == {"lists": 1, "items": 1}
    await read(store, sighting(2))

    assert totals(store) == {"lists": 1, "items": 3}


async def test_who_withdrew_consent_is_not_counted() -> None:
    store, profiles = MemoryLists(), MemoryProfiles()
    await profiles.agree({"ann": Consent(5, frozenset({Purpose.ANALYTICS}))})

    await read(store, listed(), event(1, "click", recommendation_id="r1"), profiles=profiles)

    assert not store.added
    assert not store.people


async def test_who_is_not_to_be_known_any_more_is_not_counted() -> None:
    store, profiles = MemoryLists(), MemoryProfiles()
    erasure = FakeRecord(ERASURES, SUPPRESSING, 0, timestamp=NOW - 5_000, key=b"ann")
    await update(ListStream([erasure]), await memory_updater(profiles=profiles))

    await read(store, listed(), event(1, "click", recommendation_id="r1"), profiles=profiles)

    assert not store.added


async def test_private_events_are_not_counted() -> None:
    store = MemoryLists()
    click = event(1, "click", recommendation_id="r1")

    private = FakeRecord(
        click.topic, click.value, 1, timestamp=NOW - 1_000, key=b"ann", headers=(PRIVATE,)
    )
    await read(store, listed(), private)

    assert totals(store) == {"lists": 1, "items": 3}


async def test_an_erased_user_is_forgotten_and_does_not_come_back() -> None:
    store = MemoryLists()
    await read(store, listed(), event(1, "click", recommendation_id="r1"))

    await read(store, FakeRecord(ERASURES, None, 0, timestamp=NOW - 500, key=b"ann"))
    await read(store, listed(5), event(6, "click", event_id="late", recommendation_id="r1"))

    assert ANN not in store.people
    assert LIST not in store.journeys
    assert totals(store) == {"lists": 1, "items": 3, "clicks": 1}  # nobody is behind it


async def test_what_is_no_impression_is_a_dead_letter_without_what_it_says() -> None:
    store = MemoryLists()
    broken = FakeRecord(IMPRESSIONS, b'{"kind": "secret"}', 1, timestamp=NOW - 1_000)
    early = listed(2, occurred_at=to_moment(NOW + 10**9))
    unreadable = FakeRecord("events.click", b"no json", 3, timestamp=NOW - 1_000)

    publisher = await read(store, broken, early, unreadable, listed(4))

    assert [message.topic for message in publisher.messages] == [DEAD, DEAD]
    headers = b"".join(value or b"" for m in publisher.messages for _, value in m.headers)
    assert b"secret" not in headers
    assert totals(store) == {"lists": 1, "items": 3}


class Trying(MemoryLists):
    """A store that is away once, and where another worker is faster once."""

    fails = 2

    async def save(self, opened: Opened, tally: Tally) -> None:
        self.fails -= 1
        if self.fails == 1:
            raise StoreUnavailableError
        if self.fails == 0:
            await super().save(await self.load([], []), Tally())
        await super().save(opened, tally)


async def test_what_could_not_be_stored_is_stored_again_and_counts_once() -> None:
    store = Trying()

    await read(store, listed(), event(1, "click", recommendation_id="r1"))

    assert totals(store) == {"lists": 1, "items": 3, "clicks": 1}
