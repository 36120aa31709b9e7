"""Items: what a message says of one, upon what was known."""

import pytest

from portrait.events.item import MOST_ATTRIBUTES, Item

WHOLE = {"id": "tea", "title": "Sencha", "brand": "Uji", "price": 8.9}


@pytest.mark.parametrize(
    ("said", "is_patch"),
    [
        ({"title": "Sencha"}, False),
        ({"name": "Sencha"}, False),
        ({"title": ""}, False),
        ({"title": None}, False),
        ({"title": "Sencha", "patch": False}, False),
        ({"title": "Sencha", "patch": None}, False),
        ({"title": "Sencha", "patch": True}, True),
        ({}, True),
        ({"price": 2}, True),
        ({"patch": True}, True),
    ],
)
def test_what_says_so_or_names_no_title_is_a_patch(said: dict[str, object], is_patch: bool) -> None:  # noqa: FBT001
    item = Item.model_validate({"id": "tea", **said})

    assert item.is_patch is is_patch


def test_a_patch_that_says_null_takes_back_what_was_known() -> None:
    known = Item.model_validate(
        {
            **WHOLE,
            "category": "Grocery > Tea",
            "attributes": {"size": "100 g"},
            "available": False,
            "withdrawn": True,
            "group_id": "sencha",
            "available_from": "2026-07-01T08:00:00Z",
            "available_until": "2026-07-02T08:00:00Z",
        }
    )
    nothing = dict.fromkeys(Item.model_fields.keys() - {"id", "patch"})

    assert Item.model_validate({"id": "tea", "patch": True, **nothing}).upon(known) == Item(
        id="tea"
    )


def test_upon_nothing_a_patch_is_all_that_is_known() -> None:
    patch = Item.model_validate({"id": "tea", "price": 2, "attributes": {"size": None, "a": "b"}})

    assert patch.upon(None) == Item(id="tea", price=2, attributes={"a": "b"})


def test_a_whole_message_leaves_nothing_of_what_was_known() -> None:
    known = Item.model_validate({**WHOLE, "attributes": {"size": "100 g"}})
    whole = Item.model_validate({"id": "tea", "title": "Matcha", "attributes": {"size": None}})

    assert whole.upon(known) == Item(id="tea", title="Matcha")


def test_attributes_upon_others_are_no_more_than_an_item_has() -> None:
    known = Item(id="tea", attributes={f"a{n}": "x" for n in range(MOST_ATTRIBUTES)})
    patch = Item.model_validate({"id": "tea", "attributes": {"new": "y", "a5": "z"}})

    attributes = patch.upon(known).attributes

    assert len(attributes) == MOST_ATTRIBUTES
    assert (attributes["new"], attributes["a5"]) == ("y", "z")
    assert Item(id="tea", attributes=attributes)


def test_that_a_message_was_a_patch_is_not_part_of_the_item() -> None:
    patch = Item.model_validate({"id": "tea", "title": "Matcha", "patch": True})

    assert "patch" not in patch.upon(Item.model_validate(WHOLE)).model_dump_json()
    assert patch.upon(Item.model_validate(WHOLE)) == Item.model_validate(
        {**WHOLE, "title": "Matcha"}
    )
