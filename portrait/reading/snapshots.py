"""Snapshots: what a message says of an item, in the words of catalogues, as fields of `Item`."""

from collections.abc import Mapping
from typing import Any

from portrait.events.item import MOST_ATTRIBUTES, ItemSnapshot
from portrait.reading.acts import BRANDS, CATEGORIES, CURRENCIES, LEVELS, PRICES, TITLES
from portrait.reading.availability import availability
from portrait.reading.dialect import Dialect
from portrait.reading.fields import LeftOut, readable
from portrait.reading.values import Fields, as_text, first, is_said, objects, within

GROUPS = ("group_id", "item_group_id", "groupId", "parent_id", "variant_group", "parent_sku")
FROM = ("available_from", "availability_date", "valid_from", "publish_at")
UNTIL = ("available_until", "expiration_date", "valid_until", "unpublish_at")
_LONGEST_VALUE = 256
_LONGEST_NAME = 64


def snapshot(sent: Mapping[str, Any], dialect: Dialect) -> tuple[Fields, LeftOut]:
    """Return the fields of an item that can be read, by the names of `ItemSnapshot`."""
    brand = first(sent, BRANDS)
    named = {
        "title": first(sent, TITLES),
        "category": _category(sent, dialect),
        "brand": within(brand, "name") if isinstance(brand, dict) else brand,
        "price": first(sent, PRICES),
        "currency": first(sent, CURRENCIES),
        "group_id": first(sent, GROUPS),
        "available_from": first(sent, FROM),
        "available_until": first(sent, UNTIL),
    }
    fields, left_out = readable(named, dialect)
    can_be_bought, unread = availability(sent)
    if can_be_bought is not None:
        fields["available"] = can_be_bought
    attributes = _attributes(sent.get("attributes"), left_out)
    if attributes is not None:
        fields["attributes"] = attributes
    return fields, left_out | unread


def taken_back(sent: Mapping[str, Any]) -> Fields:
    """Return what a patch takes back, by null or an empty text: fields, members of attributes."""
    fields: Fields = {name: None for name in ItemSnapshot.model_fields if _is_null(sent, name)}
    if _is_null(sent, "name") and "title" not in sent:
        fields["title"] = None
    members = sent.get("attributes")
    if isinstance(members, dict):
        gone = {str(name): None for name in members if _is_null(members, name)}
        fields |= {"attributes": (_attributes(members, {}) or {}) | gone} if gone else {}
    return fields


def _is_null(sent: Mapping[str, Any], name: str) -> bool:
    return name in sent and not is_said(sent[name])


def _category(sent: Mapping[str, Any], dialect: Dialect) -> object:
    """Return a path of categories: a text, or a list of levels."""
    paths = dialect.mapped.categories
    if paths:
        ids = (sent.get(name) for name in ("category_id", "categoryId", *CATEGORIES))
        found = next((paths[str(id)] for id in ids if str(id) in paths), None)
        if found is not None:
            return found
    value = first(sent, CATEGORIES)
    if isinstance(value, dict):
        value = first(value, ("path", "name", "title"))
    if isinstance(value, list):
        names = [
            as_text(first(each, ("name", "title")) if isinstance(each, dict) else each)
            for each in value
            if is_said(each)
        ]
        return names or None
    levels = [sent[name] for name in LEVELS if is_said(sent.get(name))]
    return [as_text(value), *map(as_text, levels)] if levels and is_said(value) else as_text(value)


def _attributes(value: object, left_out: LeftOut) -> dict[str, str] | None:
    """Read attributes: a value of each, as text; of a list all, joined."""
    if isinstance(value, list):  # [{"name": "colour", "value": "red"}]
        value = {
            str(as_text(first(each, ("name", "key", "id")))): each.get("value")
            for each in objects(value)
        }
    if not isinstance(value, dict):
        if is_said(value):
            left_out["attributes"] = "no object"
        return None
    read: dict[str, str] = {}
    for name, each in value.items():
        if not is_said(each):
            continue
        text = as_text(each)
        fits = isinstance(text, str) and len(text) <= _LONGEST_VALUE
        if fits and 0 < len(str(name)) <= _LONGEST_NAME and len(read) < MOST_ATTRIBUTES:
            read[str(name)] = str(text)
        else:
            left_out["attributes"] = "too long, too many, or no text"
    return read
