"""Items: what a message of the catalogue says, in the words of many shops."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from portrait.errors import ItemInvalidError, RecordInvalidError
from portrait.events.event import is_event_like
from portrait.events.item import PATCH_HEADER, Item
from portrait.events.stream import Headers
from portrait.reading.availability import NO, YES
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.fields import LeftOut, fitted
from portrait.reading.frames import opened
from portrait.reading.snapshots import snapshot, taken_back
from portrait.reading.values import Fields, as_flag, as_id, first, is_said

IDS = ("id", "item_id", "itemId", "product_id", "productId", "sku")
_GOOGLES = "g:"
GONE = ("__deleted", "withdrawn", "deleted", "is_deleted")


@dataclass(slots=True)
class ItemReading:
    """What became of a message: items, ids of what is gone, and what is wrong with the rest."""

    items: list[Item] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)  # of each item
    refusals: list[str] = field(default_factory=list)


def read_items(payload: bytes, headers: Headers = (), *, dialect: Dialect = AS_SENT) -> ItemReading:
    """Read one message of the catalogue.

    Raises:
        ItemInvalidError: No message at all can be made out in it.
    """
    try:
        found = opened(payload, headers, dialect.schemas)
    except RecordInvalidError as error:
        raise ItemInvalidError(str(error)) from None
    reading = ItemReading(refusals=[*found.refusals])
    is_patch = (PATCH_HEADER, b"1") in headers
    for message in _mapped(found.messages, dialect):
        try:
            item, left_out = item_of(message, dialect, is_patch=is_patch)
        except ItemInvalidError as error:
            reading.refusals.append(str(error))
            continue
        if item.withdrawn and any(_flag(message, name) for name in GONE):
            reading.withdrawn.append(item.id)
        else:
            reading.items.append(item)
            reading.left_out.append(left_out)
    return reading


def _mapped(messages: list[Fields], dialect: Dialect) -> Iterator[Fields]:
    """Yield messages, those that the shop has a rule for as that reads them."""
    for message in messages:
        items = dialect.mapped.item(message)
        yield from [message] if items is None else items


def item_of(sent: Fields, dialect: Dialect, *, is_patch: bool = False) -> tuple[Item, LeftOut]:
    """Make an item of what was sent.

    Args:
        sent: What a message says.
        dialect: How the shop writes.
        is_patch: Whether it changes what it names, by a header; the message may say so itself. Only
            then null takes back what was known: elsewhere it is as if the field were not there.

    Raises:
        ItemInvalidError: It has no id, or is an event.
    """
    sent = _without_namespace(sent)
    fields, left_out = snapshot(sent, dialect)
    if any(_flag(sent, name) is True for name in GONE):
        fields["withdrawn"] = True
    elif _flag(sent, "withdrawn") is False:
        fields["withdrawn"] = False
    if is_patch or _flag(sent, "patch") is True:
        fields |= {"patch": True} | taken_back(sent)
    for name in ("withdrawn", "patch"):
        if is_said(sent.get(name)) and _flag(sent, name) is None:
            left_out[name] = "unknown word"
    id = as_id(first(sent, IDS))
    if id is not None:
        fields["id"] = id
    item = fitted(Item, fields, frozenset({"id"}), ItemInvalidError, left_out)
    if not item.title and is_event_like(sent):
        msg = "payload: an event, and no item: it belongs on an events topic"
        raise ItemInvalidError(msg)
    return item, left_out


def _without_namespace(sent: Fields) -> Fields:
    """Return the fields of Google's feeds without the letter before them; what has none wins."""
    if not any(name.startswith(_GOOGLES) for name in sent):
        return sent
    return {name.removeprefix(_GOOGLES): value for name, value in sent.items()} | {
        name: value for name, value in sent.items() if not name.startswith(_GOOGLES)
    }


def _flag(sent: Fields, name: str) -> bool | None:
    """Return the yes or no that a field says; None if it says neither."""
    answer = as_flag(sent.get(name), YES, NO)
    return answer if isinstance(answer, bool) else None
