"""What real producers send, over Kafka and over HTTP, to real processes: all end as they should.

Each message has a user of its own for each door, so that what became of it is what `GET /profile`
says of them.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from portrait.events.event import Action
from portrait.events.topics import event_topic
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    Portrait,
    catalogue,
    producing,
    publish_items,
    running_portrait,
    until,
)
from tests.support.vocabularies import VOCABULARIES

pytestmark = pytest.mark.e2e

AT = "2026-07-01T07:31:00Z"
PLAIN = {"event_id": "e-1", "type": "purchase", "user_id": "u-1", "item_id": "item-1"}
TIMED = PLAIN | {"occurred_at": AT}
CLOUD = {"specversion": "1.0", "id": "ce-1", "source": "/s", "type": "com.shop.click.v1"}


@dataclass(frozen=True)
class Case:
    """A message, and what is right."""

    name: str
    sent: Any
    read: list[tuple[str, str | None]] = field(default_factory=list)  # actions, and their items
    topic: Action = Action.BROWSE
    headers: tuple[tuple[str, bytes | None], ...] = ()
    over_http: bool = True


def of_click(name: str, **changes: object) -> Case:
    return Case(name, PLAIN | {"type": "click"} | changes, [("click", "item-1")], Action.CLICK)


def of_purchase(name: str, **changes: object) -> Case:
    return Case(name, TIMED | changes, [("purchase", "item-1")], Action.PURCHASE)


CASES = [
    *(
        Case(
            f"{vocabulary.name} {place}",
            example.sent,
            [(each["type"], each.get("item_id")) for each in example.read],
        )
        for vocabulary in VOCABULARIES
        for place, example in enumerate(vocabulary.examples)
    ),
    Case(
        "a header without a value",
        {"item_id": "item-1"},
        [("cart", "item-1")],
        Action.CART,
        (
            *(("ce_specversion", b"1.0"), ("ce_id", b"ce-1"), ("ce_type", b"shop.cart")),
            *(("ce_subject", b"u-1"), ("ce_time", AT.encode()), ("ce_dataschema", None)),
        ),
        over_http=False,
    ),
    Case("a list", [TIMED, TIMED | {"event_id": "e-2"}], [("purchase", "item-1")] * 2),
    Case(
        "a list of CloudEvents",
        [CLOUD | {"subject": "u-1", "time": AT, "data": {"item_id": "i"}}],
        [("click", "i")],
    ),
    Case("numbers as ids", TIMED | {"item_id": 39910, "session_id": 7}, [("purchase", "39910")]),
    Case(
        "another name of the type",
        {**TIMED, "type": None, "event_type": "purchase"},
        [("purchase", "item-1")],
    ),
    Case(
        "a null before an alias", TIMED | {"item_id": None, "product_id": "i"}, [("purchase", "i")]
    ),
    *(
        of_purchase(f"{name} {value}", **{name: value})
        for name, values in {
            "quantity": (0, -1, 1.5, 100_000, "2"),
            "price": (-5, "12,90", "12.90 EUR", "", "free"),
            "session_id": ("", "s" * 200),
            "recommendation_id": ("",),
            "rating": (8,),
            "schema_version": (None,),
            "sent_at": ("",),
            "item": ({"title": "Sencha", "brand": None, "category": None}, {}),
        }.items()
        for value in values
    ),
    *(
        of_click(f"at {moment}", occurred_at=moment)
        for moment in (
            *("2026-07-01 07:31:00 UTC", "2026-07-01T07:31:00", "2026-07-01 07:31:00.250"),
            *(1_782_891_060_000_000, "Wed, 01 Jul 2026 07:31:00 GMT"),
        )
    ),
    *(
        Case(f"called {name}", TIMED | {"type": name}, [(action, "item-1")] if action else [])
        for name, action in {
            "view_item": "browse",
            "select_item": "click",
            "view_item_list": None,
            "remove_from_cart": "remove",
            "begin_checkout": None,
            "add_to_wishlist": "wish",
            "view_search_results": None,
            "ViewContent": "browse",
            "Completed Order": "purchase",
            "com.shop.cart.v1": "cart",
        }.items()
    ),
]
RAW = {
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(TIMED).encode(),
    "UTF-16": json.dumps(TIMED).encode("utf-16"),
    "Confluent's frame": b"\x00\x00\x00\x00\x07" + json.dumps(TIMED).encode(),
    "half a character": json.dumps(TIMED).encode()[:-1] + b', "note": "\\ud83d"}',
    "no number": json.dumps(TIMED).encode()[:-1] + b', "price": NaN}',
}
CONNECT_KEY = b'{"schema": {}, "payload": {"id": 102}}'
BROKEN = {
    "type: unknown action": TIMED | {"type": "teleport"},
    "occurred_at: in the future": TIMED | {"occurred_at": "2131-07-01T07:31:00Z"},
    "occurred_at: before 1970": TIMED | {"occurred_at": "1960-01-01T00:00:00Z"},
    "item_id: missing": TIMED | {"item_id": ""},
}


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    with running_portrait(tmp_path_factory.mktemp("producers")) as whole:
        asyncio.run(publish_items(whole.kafka, catalogue(20)))
        asyncio.run(until(whole.is_ready, "the service is ready"))
        yield whole


def of_user(sent: object, user: str) -> Any:  # noqa: ANN401 - any JSON
    """Return a message with all that names somebody replaced, and ids that are its own."""
    text = json.dumps(sent)
    for name in ("u-1", "a-4711", "11.22", "fb.1.2"):
        text = text.replace(f'"{name}"', f'"{user}"')
    for name in ('"user_id": 12345', '"user_id": 1,'):
        text = text.replace(
            name, name[: name.index(":") + 1] + f' "{user}"' + ("," * ("," in name))
        )
    for name in ("e-1", "e-2", "m-1", "ce-1", "p-1", "sh-1", "f-1"):
        text = text.replace(f'"{name}"', f'"{name} {user}"')
    return json.loads(text)


def done(portrait: Portrait, user: str) -> list[tuple[str, str | None]]:
    """Return what a user did, newest first, whether they were known or not."""
    found: list[tuple[str, str | None]] = []
    for key in (user, f"anonymous:{user}"):
        answer = portrait.get(f"/profile/{key}")
        if answer.status_code == 200:
            found += [(each["action"], each.get("item_id")) for each in answer.json()["recent"]]
    return found


def test_every_message_is_read_or_passed_over_through_both_doors(portrait: Portrait) -> None:
    asyncio.run(send(portrait.kafka))
    url = f"{portrait.url}/events"
    for number, case in enumerate(CASES):
        if case.over_http:
            answer = httpx.post(url, json=of_user(case.sent, f"h-{number}"), timeout=ANSWER_SECONDS)
            assert answer.status_code == 202, (case.name, answer.text)
            statuses = {result["status"] for result in answer.json()["results"]}
            assert statuses == {"accepted" if case.read else "passed_over"}, case.name

    for number, case in enumerate(CASES):
        for user in [f"k-{number}"] + [f"h-{number}"] * case.over_http:
            expected = sorted(case.read, key=str)

            def is_there(user: str = user, expected: object = expected) -> bool:
                return sorted(done(portrait, user), key=str) == expected

            asyncio.run(until(is_there, f"{case.name}, {user}: {expected}"))
    for number, name in enumerate(RAW):

        def is_bought(user: str = f"r-{number}") -> bool:
            return done(portrait, user) == [("purchase", "item-1")]

        asyncio.run(until(is_bought, name))


async def send(kafka: str) -> None:
    async with producing(kafka) as producer:
        for number, case in enumerate(CASES):
            headers = [
                (name, f"k-{number}".encode() if name == "ce_subject" else value)
                for name, value in case.headers
            ]
            value = json.dumps(of_user(case.sent, f"k-{number}")).encode()
            for _ in range(2):  # a repeat counts once
                await producer.send(
                    event_topic(case.topic), value, f"k-{number}".encode(), headers=headers
                )
        for number, raw in enumerate(RAW.values()):
            encoding = "utf-16" if raw[:2] == b"\xff\xfe" else "latin-1"
            named = raw.decode(encoding).replace("u-1", f"r-{number}").encode(encoding)
            await producer.send(event_topic(Action.CLICK), named, f"r-{number}".encode())


def test_what_the_worker_would_refuse_is_refused_at_once(portrait: Portrait) -> None:
    for reason, sent in BROKEN.items():
        answer = httpx.post(f"{portrait.url}/events", json=sent, timeout=ANSWER_SECONDS)

        assert answer.status_code == 422
        assert reason in answer.text


def test_what_was_passed_over_and_left_out_is_counted_and_nothing_is_dead(
    portrait: Portrait,
) -> None:
    metrics = httpx.get(f"http://127.0.0.1:{portrait.health}/metrics", timeout=ANSWER_SECONDS).text

    assert 'portrait_messages_passed_over_total{name="Checkout Started"} 2.0' in metrics
    assert 'portrait_messages_passed_over_total{name="view_item_list"} 2.0' in metrics
    assert 'portrait_fields_left_out_total{field="quantity"} 8.0' in metrics
    assert "portrait_dead_letters_total{" not in metrics


def test_items_are_read_in_the_words_of_many_shops(portrait: Portrait) -> None:
    whole = {"id": "tea-0042", "title": "Sencha 100 g", "category": "Grocery > Tea", "price": 8.9}
    tin: dict[str, object] = {"title": "Tin", "price": 3}
    words: list[dict[str, object]] = [
        {"availability": "out of stock"},
        {"availability": "out_of_stock"},
        {"stock": 0, "in_stock": False},
        {"available": "out of stock"},
        {"status": "draft"},
        {"__deleted": "true"},
    ]
    change = {
        "before": {"id": 101, "title": "Old"},
        "after": {"id": 101, "title": "New"},
        "op": "u",
    }
    messages: list[object] = [
        whole,
        {"id": "tea-0042", "available": False},
        {"id": "tea-0042", "available": True},
        change | {"ts_ms": 1},
        {"schema": {}, "payload": change | {"after": {"id": 102, "title": "Wrapped"}}},
        {"id": 103, "title": "Odd", "brand": None, "attributes": {"colour": None, "g": 100}},
        *(tin | {"id": f"t-{n}"} | said for n, said in enumerate(words)),
    ]

    async def publish() -> None:
        async with producing(portrait.kafka) as producer:
            for message in messages:
                key = CONNECT_KEY if isinstance(message, dict) and "payload" in message else b"i"
                await producer.send("items", json.dumps(message).encode(), key)
            await producer.send("items", b'{"id": "last", "title": "Last"}', b"i")
            await producer.send("items", None, CONNECT_KEY)

    asyncio.run(publish())
    asyncio.run(until(lambda: portrait.get("/items/last").status_code == 200, "all are indexed"))

    tea = portrait.get("/items/tea-0042").json()
    assert (tea["title"], tea["category"], tea["price"]) == ("Sencha 100 g", "Grocery > Tea", 8.9)
    assert tea["available"]
    assert portrait.get("/items/101").json()["title"] == "New"
    assert portrait.get("/items/103").json()["attributes"] == {"g": "100"}
    for number in range(len(words)):
        answer = portrait.get(f"/items/t-{number}")
        assert answer.status_code == 404 or not answer.json()["available"], words[number]
    asyncio.run(
        until(lambda: portrait.get("/items/102").status_code == 404, "a tombstone withdraws")
    )
