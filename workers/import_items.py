"""Import of items: the last row that says all of an item, and what changes it says after that.

What an earlier row said is never published, so that nobody ever sees it. To import the same again
changes nothing: the catalogue is what it was said to be last.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from portrait.events.stream import Message, Publisher
from portrait.events.topics import ITEMS
from portrait.reading.report import Report

AT_ONCE = 1_000  # messages of one publication


@dataclass(slots=True)
class Whole:
    """Which row said all of each item last. Rows are numbered as they are read."""

    rows: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def add(self, report: Report) -> None:
        """Take in the next row."""
        for item in report.items:
            if "title" in item.model_fields_set:
                self.last[item.id] = self.rows
        for id in report.withdrawn:
            self.last[id] = self.rows
        self.rows += 1


async def publish(
    reports: Iterable[Report],
    whole: Whole,
    publisher: Publisher,
    advance: Callable[[int], object],
) -> int:
    """Publish what holds of rows that are read again. Returns how many messages."""
    messages = _messages(reports, whole, advance)
    sent = 0
    while some := list(islice(messages, AT_ONCE)):
        await publisher.publish(some)
        sent += len(some)
    return sent


def _messages(
    reports: Iterable[Report], whole: Whole, advance: Callable[[int], object]
) -> Iterator[Message]:
    for number, report in enumerate(reports):
        for item in report.items:
            if number >= whole.last.get(item.id, 0):
                value = item.model_dump_json(exclude_unset=True).encode()
                yield Message(ITEMS, item.id.encode(), value)
        for id in report.withdrawn:
            if number >= whole.last[id]:
                yield Message(ITEMS, id.encode(), None)
        advance(1)
