"""POST /events: what goes to Kafka, and what is told of each event."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from pydantic_core import to_json

from portrait.events.event import Action, Event
from portrait.events.topics import EVENT_TOPICS
from portrait.reading.records import LARGEST_EVENT
from portrait.reading.report import canonical
from service.schemas import MOST_EVENTS
from tests.support.records import one_event
from tests.support.shop import Shop, open_shop
from tests.support.vocabularies import SEGMENT

JSON = {"content-type": "application/json"}
CLICK = {
    "event_id": "e-1",
    "type": "click",
    "user_id": "ann",
    "item_id": "milk",
    "occurred_at": "2026-11-23T18:01:58+01:00",
}


async def test_one_event_goes_to_its_topic_as_it_came_keyed_by_its_user() -> None:
    shop = Shop()
    body = b'{ "event_id":"e-1", "type":"click","user_id":"ann","item_id":"milk",  "price": 19.90,'
    body += b'"occurred_at":"2026-11-23T18:01:58Z", "shop_s_own": {"field": 1} }'

    async with open_shop(shop) as client:
        answer = await client.post("/events", content=body, headers=JSON)

    assert answer.status_code == 202
    assert answer.json()["results"] == [
        {"index": 0, "event_id": "e-1", "status": "accepted", "reason": None}
        | {"events": 1, "left_out": {}}
    ]
    (message,) = shop.publisher.messages
    assert (message.topic, message.key, message.value) == ("events.click", b"ann", body)
    assert message.partition is None


@pytest.mark.parametrize(
    ("moment", "reason"),
    [("2999-01-01T00:00:00Z", "in the future"), ("0001-01-02T00:00:00Z", "before 1970")],
)
async def test_what_the_worker_would_refuse_is_refused_at_once(moment: str, reason: str) -> None:
    shop = Shop()
    events = [{**CLICK, "occurred_at": moment}, CLICK]

    async with open_shop(shop) as client:
        answer = await client.post("/events", json={"events": events})

    refused, taken = answer.json()["results"]
    assert (refused["status"], taken["status"]) == ("rejected", "accepted")
    assert refused["reason"] == f"occurred_at: {reason}"
    assert len(shop.publisher.messages) == 1


async def test_a_device_whose_clock_is_known_to_be_wrong_is_put_right() -> None:
    shop = Shop()
    event = {**CLICK, "occurred_at": "2999-01-01T00:00:00Z", "sent_at": "2999-01-01T00:00:05Z"}

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=event)

    assert answer.status_code == 202


async def test_each_action_goes_to_its_own_topic() -> None:
    shop = Shop()
    events = [{**CLICK, "type": action, "text": "tea"} for action in Action]

    async with open_shop(shop) as client:
        await client.post("/events", json={"events": events})

    assert tuple(message.topic for message in shop.publisher.messages) == EVENT_TOPICS


async def test_who_has_not_logged_in_is_keyed_apart() -> None:
    shop = Shop()
    event = {"type": "search", "anonymous_id": "c-77", "text": "tea"}

    async with open_shop(shop) as client:
        await client.post("/events", json=event)

    (message,) = shop.publisher.messages
    assert message.key == b"anonymous:c-77"


async def test_what_has_no_id_and_no_time_gets_them() -> None:
    shop = Shop()
    bare = {"type": "click", "user_id": "ann", "item_id": "milk"}

    async with open_shop(shop) as client:
        answer = await client.post("/events", json={"events": [bare, bare]})

    told = [result["event_id"] for result in answer.json()["results"]]
    events = [one_event(message.value) for message in shop.publisher.messages]
    assert [event.event_id for event in events] == told
    assert len(set(told)) == 2
    for event in events:
        assert datetime.now(UTC) - event.occurred_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    "event",
    [
        {
            "messageId": "m-1",
            "type": "track",
            "event": "Product Added",
            "userId": "ann",
            "originalTimestamp": "2026-11-23T18:01:58Z",
            "properties": {"product_id": "milk"},
        },
        {
            "specversion": "1.0",
            "id": "m-1",
            "type": "shop.cart",
            "time": "2026-11-23T18:01:58Z",
            "data": {"user_id": "ann", "item_id": "milk"},
        },
        {
            "eventId": "m-1",
            "eventType": "cart",
            "user_id": "ann",
            "item_id": "milk",
            "timestamp": 1_790_000_000,
        },
    ],
    ids=["segment", "cloudevent", "personalize"],
)
async def test_the_shapes_that_kafka_takes_are_passed_on_as_what_they_mean(
    event: dict[str, object],
) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=event)

    (message,) = shop.publisher.messages
    assert answer.json()["results"][0]["event_id"] == "m-1"
    assert message.topic == "events.cart"
    assert canonical(one_event(message.value)) == canonical(one_event(json.dumps(event).encode()))
    assert Event.model_validate_json(message.value or b"").item_id == "milk"


async def test_an_order_is_an_event_for_each_product_and_one_result() -> None:
    shop = Shop()
    order = SEGMENT.examples[0].sent

    async with open_shop(shop) as client:
        answer = (await client.post("/events", json=order)).json()

    assert answer["results"] == [
        {"index": 0, "event_id": "m-1:0", "status": "accepted", "reason": None}
        | {"events": 2, "left_out": {}}
    ]
    assert (answer["accepted"], answer["passed_over"], answer["rejected"]) == (1, 0, 0)
    assert [one_event(each.value).event_id for each in shop.publisher.messages] == [
        "m-1:0",
        "m-1:1",
    ]


async def test_what_is_of_no_interest_is_passed_over_by_name() -> None:
    shop = Shop()
    page = {"type": "page", "messageId": "m", "userId": "ann", "properties": {"path": "/"}}

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=page)

    assert answer.status_code == 202
    (result,) = answer.json()["results"]
    assert (result["status"], result["reason"]) == ("passed_over", "page")
    assert shop.publisher.messages == []


async def test_a_field_that_cannot_be_read_is_left_out_and_told() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=CLICK | {"quantity": -1, "price": "12,90"})

    (result,) = answer.json()["results"]
    assert result["left_out"] == {"quantity": "greater_than_equal"}
    assert one_event(shop.publisher.messages[0].value).price == 12.9


CLOUD: dict[str, object] = {
    "specversion": "1.0",
    "id": "ce-1",
    "source": "/shop",
    "type": "com.example.shop.click.v1",
    "subject": "ann",
    "time": "2026-11-23T18:01:58Z",
}


async def test_a_batch_of_cloudevents_is_taken() -> None:
    shop = Shop()
    batch = [
        CLOUD | {"data": {"item_id": "milk"}},
        CLOUD | {"id": "ce-2", "data_base64": b64encode(b'{"item_id": "tea"}').decode()},
        CLOUD | {"id": "ce-3", "data": '{"item_id": "pot"}'},
        CLOUD | {"id": "ce-4", "data": "no object"},
    ]

    async with open_shop(shop) as client:
        kind = {"content-type": "application/cloudevents-batch+json"}
        answer = await client.post("/events", content=json.dumps(batch), headers=kind)

    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["accepted"] * 3 + ["rejected"]
    events = [one_event(message.value) for message in shop.publisher.messages]
    assert [(event.event_id, event.item_id) for event in events] == [
        ("ce-1", "milk"),
        ("ce-2", "tea"),
        ("ce-3", "pot"),
    ]


async def test_a_cloudevent_whose_attributes_are_headers_is_taken() -> None:
    shop = Shop()
    headers = {f"ce-{name}": str(value) for name, value in CLOUD.items()} | {
        "ce-subject": "a%20b%C3%A4r"
    }

    async with open_shop(shop) as client:
        answer = await client.post("/events", json={"item_id": "milk"}, headers=headers)

    assert answer.status_code == 202
    event = one_event(shop.publisher.messages[0].value)
    assert (event.event_id, event.user_id, event.item_id) == ("ce-1", "a b\u00e4r", "milk")


async def test_a_time_that_is_not_said_is_now_whatever_was_sent_with_it() -> None:
    shop = Shop()
    call: dict[str, object] = {"type": "track", "event": "Product Viewed", "userId": "ann"}
    call |= {"messageId": "f-3", "sentAt": "2026-07-01T07:00:00Z"}
    call |= {"properties": {"product_id": "milk"}}

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=call)

    assert answer.status_code == 202
    event = one_event(shop.publisher.messages[0].value)
    assert event.sent_at is None
    assert datetime.now(UTC) - event.occurred_at < timedelta(minutes=1)


async def test_a_cloudevent_without_a_time_gets_one() -> None:
    shop = Shop()
    event = {
        "specversion": "1.0",
        "id": "m-1",
        "type": "click",
        "data": {"user_id": "ann", "item_id": "milk"},
    }

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=event)

    assert answer.status_code == 202
    assert answer.json()["results"][0]["event_id"] == "m-1"


async def test_one_mistake_costs_one_event() -> None:
    shop = Shop()
    events = [CLICK, {**CLICK, "event_id": "e-2", "type": "sneeze"}, 7, {**CLICK, "item_id": ""}]

    async with open_shop(shop) as client:
        answer = (await client.post("/events", json={"events": events})).json()

    assert (answer["accepted"], answer["rejected"]) == (1, 3)
    assert [(each["event_id"], each["reason"]) for each in answer["results"]] == [
        ("e-1", None),
        ("e-2", "type: unknown action"),
        (None, "payload: not a JSON object"),
        ("e-1", "item_id: missing"),
    ]
    assert len(shop.publisher.messages) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {**CLICK, "event_id": "\u0001" * 128},
        {**CLICK, "event_id": "\u0001" * 128, "user_id": "\u0001" * 40, "type": "\u0001" * 40},
        {"event_id": "e", "sent_at": 0, "price": "", "quantity": 0, "rating": -1, "text": 7},
        {},
    ],
)
async def test_many_mistakes_beside_one_good_event_are_answered_shortly(
    wrong: dict[str, object],
) -> None:
    async with open_shop(Shop(), most_bytes=1_048_576) as client:
        events = [CLICK, *[wrong] * (MOST_EVENTS - 1)]
        response = await client.post("/events", json={"events": events})

    answer = response.json()
    assert (answer["accepted"], answer["rejected"]) == (1, MOST_EVENTS - 1)
    assert [each["index"] for each in answer["results"]] == [*range(MOST_EVENTS)]
    assert all(each["reason"] for each in answer["results"][1:])
    assert len({each["reason"] for each in answer["results"][1:21]}) == 1  # the first are told
    assert len(response.content) < 80_000


async def test_an_event_larger_than_the_worker_takes_is_rejected() -> None:
    large = {**CLICK, "note": "x" * LARGEST_EVENT}

    async with open_shop(Shop()) as client:
        answer = (await client.post("/events", json={"events": [CLICK, large]})).json()

    assert answer["results"][1]["reason"] == f"payload: larger than {LARGEST_EVENT} bytes"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"click",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 50_000,
        b'{"events": []}',
        b'{"events": [{}]}',
        to_json({"events": [CLICK] * (MOST_EVENTS + 1)}),
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
async def test_a_body_without_a_valid_event_is_a_problem_and_nothing_is_published(
    body: bytes,
) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.post("/events", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:portrait:problem:events-invalid"
    assert shop.publisher.messages == []


async def test_events_are_taken_before_there_is_a_model() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.post("/events", json=CLICK)

    assert answer.status_code == 202


async def test_a_half_character_costs_its_event_alone() -> None:
    shop, half = Shop(), CLICK | {"event_id": "e-2", "user_id": "x\ud83c"}

    async with open_shop(shop) as client:
        answer = await client.post(
            "/events", content=json.dumps({"events": [CLICK, half]}), headers=JSON
        )

    assert [each["status"] for each in answer.json()["results"]] == ["accepted", "rejected"]
    assert len(shop.publisher.messages) == 1


async def test_each_call_of_a_batch_ends_by_itself() -> None:
    async with open_shop(shop := Shop()) as client:
        answer = await client.post("/events", json={"batch": [CLICK, {}]})

    assert [each["status"] for each in answer.json()["results"]] == ["accepted", "rejected"]
    assert len(shop.publisher.messages) == 1


async def test_a_list_in_a_cloud_event_keeps_what_is_said_around_it() -> None:
    around = {"specversion": "1.0", "id": "c", "type": "shop.cart", "subject": "ann"}
    data = [{"event_name": "add_to_cart", "item_id": id} for id in ("milk", "tea")]

    async with open_shop(shop := Shop()) as client:
        answer = await client.post(
            "/events", json=around | {"time": "2026-11-23T18:01:58Z", "data": data}
        )

    assert answer.json()["results"][0]["events"] == len(data)
    assert {message.key for message in shop.publisher.messages} == {b"ann"}


async def test_what_reaches_a_person_does_not_even_reach_kafka() -> None:
    review = {
        "type": "review",
        "user_id": "ann",
        "item_id": "milk",
        "text": "call me at 415-555-2671",
        "item": {"title": "milk by 13800138000"},
    }
    shop = Shop()
    async with open_shop(shop) as client:
        whole = {"event_id": "e1", "occurred_at": "2026-11-20T09:30:00Z", **review}
        for event in (review, whole):
            assert (await client.post("/events", json=event)).status_code == 202

    for message in shop.publisher.messages:
        sent = json.loads(message.value or b"")
        assert sent["text"] == "call me at [phone]"
        assert sent["item"]["title"] == "milk by [phone]"
