"""Redacted names: whatever a producer calls something, nobody is named or reached by it."""

import time
from collections.abc import Iterator
from random import Random
from uuid import uuid4

import pytest
from pydantic_core import to_json

from portrait.events.topics import ITEMS
from portrait.privacy.redact_id import is_redacted_id, redacted_id
from portrait.reading.dialect import AS_SENT
from portrait.reading.events import read_events
from portrait.reading.items import read_items
from portrait.reading.straight import plain_event
from portrait.reading.unwanted import unwanted_message
from portrait.rules.condition import ItemCondition
from tests.support.pace import times_slower
from tests.support.private_texts import PRIVATE
from tests.support.shop import Shop, open_shop

EACH = 50
MICROSECONDS = 5
SMUGGLED = "smug@example.com"
PHONE = "+49 171 5550199"
BOTH = f"call {PHONE} {SMUGGLED}"
ITEM = {
    "title": "socks",
    "brand": BOTH,
    "category": f"Clothing > {BOTH}",
    "attributes": {BOTH: "red"},
    "group_id": BOTH,
}
EVENT = {
    "event_id": f"e {BOTH}",
    "type": "purchase",
    "user_id": "ann",
    "session_id": BOTH,
    "item_id": "socks",
    "item": ITEM,
    "order_id": BOTH,
    "recommendation_id": BOTH,
    "occurred_at": "2026-11-24T10:00:00Z",
}
SEGMENTS = {
    "messageId": f"e {BOTH}",
    "type": "track",
    "event": "Order Completed",
    "userId": "ann",
    "timestamp": "2026-11-24T10:00:00Z",
    "properties": {
        "order_id": BOTH,
        "products": [{"product_id": "socks", "brand": BOTH, "category": BOTH, "name": BOTH}],
    },
}


def is_clean(written: bytes) -> bool:
    return b"@" not in written and b"171" not in written and b"smug" not in written


@pytest.mark.parametrize("sent", [EVENT, {**EVENT, "quantity": "2"}, SEGMENTS], ids=str)
def test_no_name_in_an_event_reaches_anybody(sent: dict[str, object]) -> None:
    (event,) = read_events(to_json(sent)).events

    assert is_clean(event.model_dump_json().encode())
    assert event.order_id is not None
    assert is_redacted_id(event.order_id)


def test_one_pass_reads_a_redacted_event_too() -> None:
    assert plain_event(to_json(EVENT), AS_SENT) is not None


def test_no_name_of_an_item_reaches_anybody() -> None:
    (item,) = read_items(to_json({"id": "socks", **ITEM})).items

    assert is_clean(item.model_dump_json().encode())
    assert item.category == "Clothing > call [phone] [email]"
    assert {*item.attributes} == {"call [phone] [email]"}


def test_what_is_unwanted_and_what_a_rule_names_are_called_alike() -> None:
    said = unwanted_message("ann", {"category": BOTH})
    rule = ItemCondition.model_validate({"category": [BOTH], "attributes": {BOTH: [BOTH]}})

    assert is_clean(said.value or b"")
    assert is_clean(rule.model_dump_json().encode())


@pytest.mark.parametrize("body", [EVENT, {"events": [EVENT, SEGMENTS]}], ids=["one", "several"])
async def test_what_is_sent_over_http_goes_to_kafka_without_it(body: dict[str, object]) -> None:
    shop = Shop()
    await shop.stock()
    async with open_shop(shop) as client:
        answer = await client.post("/events", json=body)

    assert answer.status_code == 202
    assert is_clean(answer.content)
    assert [each for each in shop.publisher.messages if not is_clean(each.value or b"")] == []


@pytest.mark.parametrize("only", ["brand", "category", "attributes", "group_id"])
async def test_one_name_of_its_item_is_enough(only: str) -> None:
    await _is_taken_in_clean({**EVENT_WITHOUT, "item": {"title": "socks", only: ITEM[only]}})


@pytest.mark.parametrize("only", ["event_id", "session_id", "order_id", "recommendation_id"])
async def test_one_id_of_it_is_enough(only: str) -> None:
    await _is_taken_in_clean({**EVENT_WITHOUT, only: BOTH})


EVENT_WITHOUT = {
    "event_id": "e-1",
    "type": "click",
    "user_id": "ann",
    "item_id": "socks",
    "occurred_at": "2026-11-24T10:00:00Z",
}


async def _is_taken_in_clean(event: dict[str, object]) -> None:
    shop = Shop()
    async with open_shop(shop) as client:
        answer = await client.post("/events", json=event)

    assert answer.status_code == 202
    (message,) = shop.publisher.messages
    assert is_clean(message.value or b"")


async def test_an_item_that_is_put_goes_to_kafka_without_it() -> None:
    shop = Shop()
    await shop.stock()
    async with open_shop(shop) as client:
        answer = await client.put("/items/socks", json=ITEM)
        patched = await client.patch("/items/socks", json={"brand": BOTH})

    assert (answer.status_code, patched.status_code) == (202, 202)
    sent = [each.value or b"" for each in shop.publisher.messages if each.topic == ITEMS]
    assert len(sent) == 2
    assert all(map(is_clean, sent))


def drawn(seed: int) -> Iterator[tuple[str, str]]:
    draw = Random(seed)  # noqa: S311 - test data
    for kind, make in PRIVATE.items():
        if not kind.startswith("address"):  # nobody writes one as an id
            for _ in range(EACH):
                yield kind, make(draw)


def test_what_is_private_is_private_as_an_id() -> None:
    missed = [id for _, id in drawn(1) if redacted_id(id) == id]

    assert len(missed) <= 0.02 * len([*drawn(1)]), missed


def test_an_id_is_always_replaced_by_the_same_and_by_no_other_s() -> None:
    ids = {id for _, id in drawn(2)}
    replaced = {redacted_id(id) for id in ids}

    assert len(replaced) == len(ids)
    assert {redacted_id(id) for id in replaced if is_redacted_id(id)} <= replaced  # done once
    assert redacted_id(BOTH) == redacted_id(BOTH)


def harmless() -> Iterator[str]:
    draw = Random(3)  # noqa: S311 - test data
    for number in range(EACH):
        yield str(uuid4())
        yield uuid4().hex.upper()
        yield f"order-{number}"
        yield f"s_{draw.getrandbits(40):x}"
        yield str(27_000_000_000 + number)
        yield str(1_790_000_000_000 + number)  # ms since 1970
        yield f"GA1.2.{draw.randrange(10**9)}.{1_700_000_000 + number}"
        yield f"A-2026-11-{number:06}"
        yield f"{draw.randrange(10**6)}/{number}"
        yield f"#{draw.randrange(1_000, 10_000)}"
        yield "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_ids_of_programs_stay_as_they_are() -> None:
    assert [id for id in harmless() if redacted_id(id) != id] == []


def test_an_id_takes_microseconds() -> None:
    ids = [str(uuid4()) for _ in range(2_000)]
    began = time.process_time()
    for id in ids:
        redacted_id(id)

    assert (time.process_time() - began) / len(ids) * 1e6 < MICROSECONDS * times_slower()
