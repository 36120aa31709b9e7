"""A shop with a secret for trainers to find: whoever takes an item takes the one after it next.

In the second season all is about items that nobody touched in the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa

from portrait.archive.archive import SCHEMA, Archive, numbers
from portrait.archive.segment import Segment
from portrait.arrays import Codes
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.model.space import Vectors
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS, EPOCH, MILLISECOND
from tests.support.shopping import shop_of_habits

OPENED = 1_790_000_000_000  # ms
SEASON = 40 * DAY_MS
ITEMS, NEW_ITEMS = 40, 26  # of the first season, of the second
WHIMS_FROM, WHIMS = 2, 60  # of a shop where much is bought again
WORDS = ("lamp", "boot", "rope", "tent", "kettle", "glove", "stove", "map", "axe", "cup")
CATALOGUE = [
    Item(
        id=f"item-{n}",
        title=f"{WORDS[n % 10]} {WORDS[n // 10 % 10]} number{n}",
        category=f"Camp > {WORDS[n % 6]}",
    )
    for n in range(ITEMS + NEW_ITEMS)
]


@dataclass
class ListStock:
    """A `Stock` of a list of items; it notes which vectors it was asked for."""

    listed: Sequence[Item] = tuple(CATALOGUE)
    known: dict[int, Vectors] = field(default_factory=dict)

    def items(self) -> list[Item]:
        """Return the items."""
        return list(self.listed)

    def vectors(self, _space_id: str, refs: Sequence[int], _dim: int) -> list[Vectors | None]:
        """Return what is known."""
        return [self.known.get(ref) for ref in refs]


@lru_cache
def season(number: int, *, users: int = 400, seed: int = 0) -> pa.Table:
    """Return one season's events, as rows of the archive in order of time."""
    draw = np.random.default_rng((seed, number))
    first, items = (0, ITEMS) if number == 0 else (ITEMS, NEW_ITEMS)
    length = draw.integers(4, 9, users)
    user = np.repeat(np.arange(users) + number * users // 2, length)
    place = np.concatenate([np.arange(count) for count in length])
    start = np.repeat(draw.integers(0, items, users), length)
    item = first + (start + place) % items
    begin = (
        OPENED + number * SEASON + np.repeat(draw.integers(0, SEASON - 9 * DAY_MS, users), length)
    )
    at = begin + place * DAY_MS + draw.integers(0, DAY_MS // 2, len(place))
    order = np.argsort(at, kind="stable")
    return rows(user[order], item[order], at[order], first=number * 100_000)


@lru_cache
def habits(*, users: int = 80, days: int = 150) -> pa.Table:
    """Return purchases: a thing weekly, another monthly, and whims for two weeks each."""
    events = shop_of_habits(users=users, days=days)
    item = np.where(events.item < WHIMS_FROM, events.item, WHIMS_FROM + events.item % WHIMS)
    at = OPENED + events.at - events.at.min()
    order = np.argsort(at, kind="stable")
    table = rows(events.user[order], item[order], at[order])
    action = pa.array([Action.PURCHASE.value] * len(table), pa.string())
    return table.set_column(SCHEMA.get_field_index("action"), SCHEMA.field("action"), action)


def rows(user: Codes, item: Codes, at: Codes, *, first: int = 0) -> pa.Table:
    """Return clicks as rows of the archive, received when they happened."""
    count = len(user)
    columns = {
        "event_id": [f"event-{first + n}" for n in range(count)],
        "user": [f"user-{n}" for n in user],
        "user_ref": np.array([user_ref(f"user-{n}") for n in user], np.uint64),
        "item": [f"item-{n}" for n in item],
        "item_ref": np.array([item_ref(f"item-{n}") for n in item], np.uint64),
        "action": [Action.CLICK.value] * count,
        "occurred_at": np.asarray(at, np.int64),
        "received_at": np.asarray(at, np.int64),
        "topic": ["events.click"] * count,
        "partition": np.zeros(count, np.int32),
        "offset": np.arange(first, first + count),
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(count, f.type)
        for f in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def with_searches(table: pa.Table) -> pa.Table:
    """Return the same, but every fourth event is a search for its item's title."""
    is_search = np.arange(len(table)) % 4 == 1
    title_of = {item.id: item.title for item in CATALOGUE}
    titles = [title_of[item] for item in table["item"].to_pylist()]
    action = np.where(is_search, Action.SEARCH.value, table["action"].to_pylist())
    changed = {
        "action": pa.array(action, pa.string()),
        "text": pa.array(titles, pa.string(), mask=~is_search),
        "item": pa.array(table["item"].to_pylist(), pa.string(), mask=is_search),
        "item_ref": pa.array(numbers(table["item_ref"]), pa.uint64(), mask=is_search),
    }
    columns = [changed.get(name, table[name]) for name in SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def keep(archive: Archive, *tables: pa.Table) -> None:
    """Put each table into a file of its own: what it looks like after the merging."""
    for table in tables:
        offsets, received = numbers(table["offset"]), numbers(table["received_at"])
        day = (EPOCH + int(received.max()) * MILLISECOND).date()
        first, end = int(offsets.min()), int(offsets.max()) + 1
        archive.write(Segment(day, "events.click", 0, first, end), [table])
