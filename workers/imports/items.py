"""Import of items: the last row that says all of an item, and what changes it says after that.

What an earlier row said is never published, so that nobody ever sees it. To import the same again
changes nothing: the catalogue is what it was said to be last.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from pydantic_core import to_json

from portrait.events.item import Item
from portrait.events.stream import Message, Publisher
from portrait.events.topics import ITEMS
from portrait.reading.report import Report

AT_ONCE = 1_000  # messages of one publication


@dataclass(slots=True)
class Whole:
    """Which row said all of each item last, by its number."""

    last: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, report: Report) -> None:
        """Take in a row."""
        for item in report.items:
            if not item.is_patch:
                self.last[item.id] = number
        for id in report.withdrawn:
            self.last[id] = number


async def publish(reports: Iterable[Report], whole: Whole, publisher: Publisher) -> int:
    """Publish what holds of all rows, read again. Returns how many messages that were."""
    messages = _messages(reports, whole)
    sent = 0
    while some := list(islice(messages, AT_ONCE)):
        await publisher.publish(some)
        sent += len(some)
    return sent


def _messages(reports: Iterable[Report], whole: Whole) -> Iterator[Message]:
    for number, report in enumerate(reports):
        for item in report.items:
            if number >= whole.last.get(item.id, 0):
                yield Message(ITEMS, item.id.encode(), _value(item))
        for id in report.withdrawn:
            if number >= whole.last[id]:
                yield Message(ITEMS, id.encode(), None)


def _value(item: Item) -> bytes:
    """Write an item as it was said; a patch with null for what it takes back to unknown."""
    named = item.model_fields_set
    if not item.is_patch:
        return item.model_dump_json(exclude_unset=True).encode()
    said = item.model_dump(mode="json", include=named, exclude_defaults=True)
    said |= {"withdrawn": item.withdrawn} if "withdrawn" in named else {}
    if item.attributes:
        said["attributes"] = {name: value or None for name, value in item.attributes.items()}
    unknown = dict.fromkeys(named - {"patch"} - said.keys())
    return to_json({**unknown, **said, "patch": True})
