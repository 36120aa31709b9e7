"""Public logs of shops: REES46 and Taobao, row by row.

Sources: https://rees46.com/en/datasets and https://tianchi.aliyun.com/dataset/649.
"""

from portrait.events.event import Action
from portrait.reading.acts import Acts, derived_id
from portrait.reading.names import LOGS
from portrait.reading.values import Fields, first
from portrait.reading.vocabularies import plain

REES46 = ("event_time", "event_type", "product_id", "user_id")
TAOBAO_ACTIONS = {"1": "pv", "2": "fav", "3": "cart", "4": "buy"}  # of the mobile data set
TAOBAO = ("user_id", "item_id", "category_id", "behavior", "timestamp")  # its columns, unnamed


def read(body: Fields) -> Acts | None:
    """Read one row; None if it is none."""
    if all(name in body for name in REES46):
        return _rees46(body)
    if first(body, ("behavior", "behavior_type")) is not None and "user_id" in body:
        return _taobao(body)
    return None


def _rees46(row: Fields) -> Acts | None:
    found = LOGS.find(row["event_type"])
    if not isinstance(found, Action):
        return None  # a plain message with the same fields: its log has no other names
    return plain.read(_named("rees46", row) | {"type": found.value}, None)


def _taobao(row: Fields) -> Acts | None:
    name = str(first(row, ("behavior", "behavior_type")))
    found = LOGS.find(TAOBAO_ACTIONS.get(name, name))
    if not isinstance(found, Action):
        return None
    category = first(row, ("category", "category_id", "item_category"))
    row = _named("taobao", row) | {"category": category}
    return plain.read(row | {"type": found.value}, None)


def _named(log: str, row: Fields) -> Fields:
    """Name a row by what it says, unless it has a name."""
    is_named = first(row, plain.ALIASES["event_id"]) is not None
    return row if is_named else row | {"event_id": _row_id(log, row)}


def _row_id(log: str, row: Fields) -> str:
    """Name a row by what it says; a log that has the same row twice means it once."""
    return derived_id(log, *sorted(zip(map(str, row), map(str, row.values()), strict=True)))
