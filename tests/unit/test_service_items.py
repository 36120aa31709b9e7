"""/items: the catalogue, item by item."""

from portrait.events.item import Item
from portrait.events.topics import ITEMS
from tests.support.records import one_item
from tests.support.shop import Shop, open_shop


async def test_an_item_of_the_catalogue_is_shown() -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        answer = await client.get("/items/milk")

    assert answer.json() == {
        "item_id": "milk",
        "title": "whole milk",
        "category": "Grocery > Dairy",
        "brand": "Farm",
        "price": 1.0,
        "attributes": {},
        "available": True,
    }


async def test_an_unknown_or_withdrawn_item_is_not() -> None:
    shop = Shop()
    await shop.stock()
    await shop.items.withdraw_items(["milk"])

    async with open_shop(shop) as client:
        answers = [await client.get(f"/items/{id}") for id in ("milk", "no such item")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["type"] for answer in answers} == {"urn:portrait:problem:item-not-found"}


async def test_an_item_is_put_through_kafka() -> None:
    shop = Shop()
    body = {"title": "oat milk", "category": ["Grocery", "Dairy"], "price": 2.5}

    async with open_shop(shop) as client:
        answer = await client.put("/items/oat%2Fmilk", json=body)

    assert (answer.status_code, answer.json()["item_id"]) == (202, "oat/milk")
    (message,) = shop.publisher.messages
    assert (message.topic, message.key) == (ITEMS, b"oat/milk")
    assert one_item(message.value or b"") == Item(
        id="oat/milk", title="oat milk", category="Grocery > Dairy", price=2.5
    )


async def test_an_item_is_deleted_by_a_tombstone() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.delete("/items/milk")

    assert answer.status_code == 202
    (message,) = shop.publisher.messages
    assert (message.topic, message.key, message.value) == (ITEMS, b"milk", None)


async def test_an_item_needs_a_title_and_nothing_unknown() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.put("/items/milk", json={"colour": "white", "price": -1})

    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/title",
        "#/price",
        "#/colour",
    }
    assert shop.publisher.messages == []
