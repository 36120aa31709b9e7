"""Masks: conditions by arrays say what they say item by item, in plain Python."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING
from portrait.events.item import Item
from portrait.inference.shelf import shelf_of
from portrait.ref import item_ref
from portrait.rules.attributes import Columns, number_of
from portrait.rules.condition import ATTRIBUTE, ItemCondition, Range
from portrait.rules.masks import Beside, Masks
from portrait.times import to_ms
from tests.support.catalogues import catalogue

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ATTRIBUTES = [{}, {"colour": "Red", "stock": "3"}, {"colour": "blue", "stock": "many"}]
ITEMS = [
    Item(
        id=f"item-{n}",
        title=f"thing {n}",
        category=["Food > Tea", "food/tea > Green", "Food > Rice", ""][n % 4],
        brand=["Leaf", "leaf", "Hill", ""][n // 4 % 4],
        price=[None, 0, 2, 4, 7.5][n % 5],
        attributes=[{}, {"colour": "Red", "stock": "3"}, {"colour": "blue", "stock": "many"}][
            n % 3
        ],
        available=n % 7 != 0,
        available_from=None if n % 2 else NOW - timedelta(days=n / 4),
    )
    for n in range(40)
]
CATALOGUE = catalogue(*ITEMS)
SHELF = shelf_of(CATALOGUE, to_ms(NOW))
ROWS = {item_ref(item.id): row for row, item in enumerate(ITEMS)}
COLUMNS = Columns().learn(ITEMS, ["colour", "stock"])
MASKS = Masks(SHELF, COLUMNS, ROWS, to_ms(NOW))

RANGES = st.tuples(st.integers(-1, 8), st.integers(0, 8)).map(
    lambda ends: {"min": float(ends[0]), "max": float(sum(ends))}
)


def member(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: values})


LEAVES = st.one_of(
    member("items", st.lists(st.sampled_from(["item-3", "item-8", "what"]), min_size=1)),
    member("category", st.sampled_from(["food", "FOOD > tea", "Food > Rice", "no"])),
    member("brand", st.sampled_from(["LEAF", "Hill", "no"])),
    member("price", RANGES),
    member("age_days", RANGES),
    member("available", st.booleans()),
    member("attributes", member("colour", st.sampled_from(["RED", "no"]))),
    member("attributes", member("stock", RANGES)),
    member("same", st.sampled_from(["category", "brand", "attributes.colour"])),
    member("price_of_viewed", RANGES),
)
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.tuples(LEAVES, LEAVES).map(lambda both: {**both[0], **both[1]}),
    ),
    max_leaves=5,
)


def naive(condition: ItemCondition, item: Item, viewed: Item | None) -> bool | None:
    """Say what a condition says of one item; None: it says nothing."""
    said = [*plain(condition, item), *compared(condition, item, viewed)]
    said += [naive(part, item, viewed) for part in condition.all_ or ()]
    if condition.any_:
        parts = [naive(part, item, viewed) for part in condition.any_]
        said.append(None if None in parts else any(parts))
    if condition.not_ is not None:
        inner = naive(condition.not_, item, viewed)
        said.append(None if inner is None else not inner)
    return None if None in said else all(said)


def plain(condition: ItemCondition, item: Item) -> Iterator[bool]:
    if condition.items is not None:
        yield item.id in condition.items
    if condition.category is not None:
        wanted = [levels(path) for path in condition.category]
        yield any(levels(item.category)[: len(path)] == path for path in wanted)
    if condition.brand is not None:
        yield item.brand.casefold() in {brand.casefold() for brand in condition.brand}
    if condition.price is not None:
        yield inside(item.price, condition.price)
    if condition.age_days is not None:
        since = item.available_from
        age = None if since is None else (NOW - since) / timedelta(days=1)
        yield inside(age, condition.age_days)
    if condition.available is not None:
        yield item.available == condition.available
    for name, test in (condition.attributes or {}).items():
        yield has(item.attributes.get(name), test)


def has(value: str | None, test: Range | tuple[str, ...]) -> bool:
    if value is None:
        return False
    if isinstance(test, Range):
        return inside(number_of(value), test)
    return value.casefold() in {each.casefold() for each in test}


def compared(condition: ItemCondition, item: Item, viewed: Item | None) -> Iterator[bool | None]:
    for what in condition.same or ():
        of_viewed = None if viewed is None else kind_of(viewed, what)
        yield None if of_viewed is None else kind_of(item, what) == of_viewed
    if condition.price_of_viewed is not None:
        if viewed is None or not viewed.price:
            yield None
        else:
            ratio = None if item.price is None else item.price / viewed.price
            yield inside(ratio, condition.price_of_viewed)


def inside(number: float | None, range: Range) -> bool:
    low = -np.inf if range.min is None else range.min
    high = np.inf if range.max is None else range.max
    return number is not None and bool(low <= number <= high)


def levels(path: str) -> list[str]:
    parts = (level.strip().casefold() for level in path.replace("/", ">").split(">"))
    return [level for level in parts if level]


def kind_of(item: Item, what: str) -> object:
    if what.startswith(ATTRIBUTE):
        value = item.attributes.get(what.removeprefix(ATTRIBUTE))
        return None if value is None else value.casefold()
    return levels(item.category) or None if what == "category" else item.brand or None


@given(CONDITIONS, st.sampled_from([MISSING, 2, 3, 8, 14]))
def test_by_arrays_is_item_by_item(said: dict[str, Any], viewed: int) -> None:
    condition = ItemCondition.model_validate(said, strict=False)
    of_viewed = None if viewed == MISSING else ITEMS[viewed]

    mask = MASKS.of(condition, Beside(viewed))

    expected = [naive(condition, item, of_viewed) for item in ITEMS]
    if mask is None:
        assert None in expected
    else:
        assert mask.tolist() == expected


def test_columns_follow_items_that_change_and_come() -> None:
    columns = Columns()
    first = columns.learn(ITEMS[:10], ["colour"])["colour"]
    changed = [*ITEMS[:10]]
    changed[3] = changed[3].model_copy(update={"attributes": {"colour": "BLUE"}})

    later = columns.learn([*changed, *ITEMS[10:]], ["colour"])["colour"]
    fresh = Columns().learn([*changed, *ITEMS[10:]], ["colour"])["colour"]

    def told(column: Any) -> list[str]:  # noqa: ANN401
        names = [*column.names, ""]
        return [names[code] for code in column.codes.tolist()]

    assert told(later) == told(fresh)
    assert told(later)[3] == "blue"
    assert len(first.codes) == 10  # what was returned before is not changed
    assert columns.learn([*changed, *ITEMS[10:]], ["colour"])["colour"] is later


@pytest.mark.parametrize("text", ["nan", "", "many", "1,5"])
def test_what_is_no_number_lies_in_no_range(text: str) -> None:
    (column,) = Columns().learn([Item(id="a", attributes={"stock": text})], ["stock"]).values()

    assert np.isnan(column.numbers).all()
