"""/items: the catalogue, item by item."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

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
        "category_read": "",
        "brand": "Farm",
        "brand_read": "",
        "price": 1.0,
        "attributes": {},
        "available": True,
        "group_id": None,
        "available_from": None,
        "available_until": None,
    }


async def test_where_an_item_lies_that_has_no_category_is_said_as_read() -> None:
    shop = Shop()
    await shop.stock(Item(id="tea", title="green tea"))
    await shop.items.put_places({"tea": "Food > Tea"})

    async with open_shop(shop) as client:
        told = (await client.get("/items/tea")).json()

    assert (told["category"], told["category_read"]) == ("", "Food > Tea")


async def test_a_brand_that_was_read_in_a_title_is_said_as_read() -> None:
    shop = Shop()
    await shop.stock(Item(id="tea", title="Farm green tea"))
    await shop.items.put_brands({"tea": "Farm"})

    async with open_shop(shop) as client:
        told = (await client.get("/items/tea")).json()

    assert (told["brand"], told["brand_read"]) == ("", "Farm")


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


@pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json"])
async def test_an_item_is_patched_through_kafka(kind: str) -> None:
    shop = Shop()
    body = {"price": None, "brand": "Alm", "attributes": {"size": None, "fat": "3.5 %"}}

    async with open_shop(shop) as client:
        headers = {"content-type": kind}
        answer = await client.patch("/items/oat%2Fmilk", content=to_json(body), headers=headers)

    assert (answer.status_code, answer.json()["item_id"]) == (202, "oat/milk")
    (message,) = shop.publisher.messages
    assert (message.topic, message.key) == (ITEMS, b"oat/milk")
    patch = one_item(message.value or b"")
    former = Item(id="oat/milk", title="oat milk", price=2.5, attributes={"size": "1 l"})
    assert patch.is_patch
    assert patch.upon(former) == Item(
        id="oat/milk", title="oat milk", brand="Alm", attributes={"fat": "3.5 %"}
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"colour": "white"}, "#/colour"),
        ({"withdrawn": True}, "#/withdrawn"),
        ({"price": -1}, "#/price"),
        ({"available": 1}, "#/available"),
        ({"available_until": "2026-07-01T08:00:00"}, "#/available_until"),
    ],
)
async def test_a_wrong_patch_is_told_where(body: dict[str, object], pointer: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.patch("/items/milk", json=body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert shop.publisher.messages == []


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "title": st.none() | st.sampled_from(["", "milk"]),
            "category": st.none() | st.sampled_from(["A > B", ["A", "B"]]),
            "brand": st.none() | st.just("Alm"),
            "price": st.none() | st.just(0.0),
            "attributes": st.none()
            | st.dictionaries(st.sampled_from("ab"), st.none() | st.just("x")),
            "available": st.none() | st.booleans(),
            "group_id": st.none() | st.just("g"),
            "available_until": st.none() | st.just("2026-07-01T08:00:00Z"),
        },
    )
)
async def test_what_is_patched_over_http_is_what_the_same_message_says(
    body: dict[str, object],
) -> None:
    shop = Shop()
    former = Item(id="milk", title="old", brand="Old", price=1, attributes={"a": "1", "c": "2"})

    async with open_shop(shop) as client:
        answer = await client.patch("/items/milk", json=body)

    assert answer.status_code == 202
    (message,) = shop.publisher.messages
    over_kafka = one_item(to_json({"id": "milk", "patch": True, **body}))
    assert one_item(message.value or b"").upon(former) == over_kafka.upon(former)


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
