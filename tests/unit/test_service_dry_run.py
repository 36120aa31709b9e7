"""POST /events?dry_run=true: what would be read is told, and nothing is sent."""

from portrait import metrics
from tests.support.shop import Shop, open_shop

PURCHASE = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "ann",
    "timestamp": "2026-07-01T07:31:00Z",
    "properties": {"products": [{"product_id": "tea", "price": "8,90"}, {"product_id": "pot"}]},
}
PAGE = {"type": "page", "messageId": "m-2", "userId": "ann"}
BAD = {"type": "click", "event_id": "m-3", "user_id": "ann"}
ODD = {"type": "click", "event_id": "m-4", "user_id": "ann", "item_id": "tea", "quantity": -1}


def counted(name: str) -> float:
    return float(metrics.messages_passed_over.labels(name)._value.get())  # noqa: SLF001 - its only reader


async def test_a_dry_run_tells_the_events_and_sends_none_of_them() -> None:
    shop, before = Shop(), counted("page")

    async with open_shop(shop) as client:
        answer = await client.post(
            "/events?dry_run=true", json={"events": [PURCHASE, PAGE, BAD, ODD]}
        )

    order, page, bad, odd = answer.json()["results"]
    assert answer.status_code == 202
    assert order["read"] == [
        {
            "event_id": "m-1:0",
            "type": "purchase",
            "user_id": "ann",
            "item_id": "tea",
            "price": 8.9,
            "occurred_at": "2026-07-01T07:31:00Z",
            "schema_version": 1,
        },
        {
            "event_id": "m-1:1",
            "type": "purchase",
            "user_id": "ann",
            "item_id": "pot",
            "occurred_at": "2026-07-01T07:31:00Z",
            "schema_version": 1,
        },
    ]
    assert (page["status"], page["reason"], "read" in page) == ("passed_over", "page", False)
    assert (bad["status"], bad["reason"], "read" in bad) == ("rejected", "item_id: missing", False)
    assert odd["left_out"] == {"quantity": "greater_than_equal"}
    assert [event["item_id"] for event in odd["read"]] == ["tea"]
    assert shop.publisher.messages == []
    assert counted("page") == before


async def test_a_dry_run_answers_as_the_run_does() -> None:
    shop = Shop()
    body = {"events": [PURCHASE, PAGE, BAD]}

    async with open_shop(shop) as client:
        dry = (await client.post("/events?dry_run=true", json=body)).json()
        wet = (await client.post("/events", json=body)).json()

    assert len(shop.publisher.messages) == 2
    assert len(dry["results"][0].pop("read")) == 2
    assert (dry.pop("position"), bool(wet.pop("position"))) == (None, True)
    assert dry == wet


async def test_a_dry_run_of_nothing_but_mistakes_is_refused_as_the_run_is() -> None:
    async with open_shop(Shop()) as client:
        dry = await client.post("/events?dry_run=true", json=BAD)
        wet = await client.post("/events", json=BAD)

    assert dry.status_code == wet.status_code == 422
    assert dry.json()["errors"] == wet.json()["errors"]
