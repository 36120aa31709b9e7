"""Dead letters, as an operator looks at them: grouped by reason, or one by one.

What a producer sent is shown only to who asks for it: it may be personal.
"""

import heapq
import json
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portrait.events.letter import Letter, told_by
from portrait.events.stream import EventStream
from portrait.times import to_moment
from workers.log_end import up_to_the_end

MOST_SHOWN = 20
STRANGE = "no letter of ours"


@dataclass(frozen=True, slots=True)
class Found:
    """A letter, and what lies in it."""

    letter: Letter
    value: bytes | None


@dataclass(slots=True)
class Group:
    """Letters of one reason."""

    records: int = 0  # that could not be read
    topics: frozenset[str] = frozenset()
    first: int = 0  # ms
    last: int = 0

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        self.first = min(self.first or letter.at, letter.at)
        self.last = max(self.last, letter.at)
        self.records += letter.records
        self.topics |= {letter.topic}


def add_options(parser: ArgumentParser) -> None:
    """Add what can be asked for."""
    parser.add_argument("--list", action="store_true", help="show letters one by one, newest first")
    parser.add_argument("--reason", default="", help="only letters whose reason contains this")
    parser.add_argument("--topic", default="", help="only letters that came from this topic")
    parser.add_argument("--most", type=int, default=MOST_SHOWN, help=f"to show ({MOST_SHOWN})")
    parser.add_argument(
        "--values", action="store_true", help="with --list: what was sent as well, personal or not"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found."""

    groups: Mapping[str, Group]  # by reason, the commonest first
    newest: Sequence[Found]


async def look(stream: EventStream, asked: Namespace) -> Looked:
    """Read the letters that are there by now."""
    groups: defaultdict[str, Group] = defaultdict(Group)
    newest: list[tuple[int, int, Found]] = []  # a heap: the oldest of them first
    async for number, found in _numbered(_letters(stream)):
        letter = found.letter
        if asked.reason not in letter.reason or asked.topic not in {"", letter.topic}:
            continue
        groups[letter.reason].add(letter)
        heapq.heappush(newest, (letter.at, number, found))
        if len(newest) > asked.most:
            heapq.heappop(newest)
    commonest = sorted(groups.items(), key=lambda each: -each[1].records)
    return Looked(dict(commonest), [found for *_, found in sorted(newest, reverse=True)])


def told(looked: Looked, asked: Namespace) -> Iterator[str]:
    """Write what was found, line by line."""
    if asked.json:
        yield from map(json.dumps, _objects(looked, asked))
    elif asked.list:
        for found in looked.newest:
            yield from _letter_lines(found, with_value=asked.values)
    else:
        yield from _table(looked.groups)


def _table(groups: Mapping[str, Group]) -> Iterator[str]:
    if not groups:
        yield "There are no dead letters."
        return
    yield f"{'records':>9}  {'newest':16}  reason"
    for reason, group in groups.items():
        yield f"{group.records:>9,}  {_moment(group.last):16}  {reason}"
        yield f"{'':29}from {', '.join(sorted(group.topics))}"
    yield "One by one: --list. After a fix, `portrait replay-dead` sends them back."


def _letter_lines(found: Found, *, with_value: bool) -> Iterator[str]:
    letter = found.letter
    many = f", {letter.records:,} alike" if letter.records > 1 else ""
    yield f"{_moment(letter.at)}  {letter.id}{many}: {letter.reason}"
    if with_value:
        yield f"    {_text(found.value)}"


def _objects(looked: Looked, asked: Namespace) -> Iterator[dict[str, object]]:
    if not asked.list:
        for reason, group in looked.groups.items():
            yield {
                "reason": reason,
                "records": group.records,
                "topics": sorted(group.topics),
                "first": _moment(group.first),
                "last": _moment(group.last),
            }
        return
    for found in looked.newest:
        value = {"value": _text(found.value)} if asked.values else {}
        yield {**found.letter._asdict(), "at": _moment(found.letter.at), **value}


def _text(value: bytes | None) -> str:
    return "nothing" if value is None else value.decode(errors="backslashreplace")


def _moment(ms: int) -> str:
    """Write a moment; a letter may have one that no calendar has."""
    try:
        return f"{to_moment(ms):%Y-%m-%d %H:%M}" if ms > 0 else "unknown"
    except OverflowError:
        return "unknown"


async def _letters(stream: EventStream) -> AsyncIterator[Found]:
    """Yield letters up to where the log ends now, in the order of each partition."""
    async for record in up_to_the_end(stream):
        unknown = Letter("", "", record.partition, record.offset, record.timestamp, STRANGE, 1)
        yield Found(told_by(record) or unknown, record.value)


async def _numbered(letters: AsyncIterator[Found]) -> AsyncIterator[tuple[int, Found]]:
    number = 0
    async for found in letters:
        yield number, found
        number += 1
