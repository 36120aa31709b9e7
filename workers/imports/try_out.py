"""Try: what the messages of a file are read as, before any is sent."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.topics import EVENT_TOPICS, EVENTS, action_of
from portrait.reading.dialect import Dialect
from portrait.reading.files import UTF_8, Row, Source, sources_of
from portrait.reading.records import Clock
from portrait.reading.report import End, Report, canonical, report_on, report_on_item
from portrait.reading.short import complete
from workers.imports.summary import ENDS, Summary, printable, what_of

MOST_SHOWN = 40  # messages of a table
PLACE, CALLED = 6, 28  # characters of columns
LONGEST_TEXT = 40  # of a title or a search
SHORT = "the short form of POST /events, which adds what is missing; on Kafka send that, too"


def add_options(parser: ArgumentParser) -> None:
    """Add what can be asked for."""
    parser.add_argument(
        "file",
        help="CSV or TSV with a line of names, JSON, JSON lines or Parquet, plain or packed (gz, "
        "zst); a folder or a URL of such files; - for standard input",
    )
    parser.add_argument("--items", action="store_true", help="they are of the topic `items`")
    add_reading_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a message")
    parser.add_argument(
        "--most", type=int, help=f"messages to show ({MOST_SHOWN}; as JSON, all); all are counted"
    )


def add_reading_options(parser: ArgumentParser) -> None:
    """Add what a file may leave unsaid."""
    parser.add_argument(
        "--topic",
        type=_topic,
        help="the topic they are for, where they do not say what was done: events.purchase",
    )
    parser.add_argument(
        "--mapping", type=Path, help="read them by this mapping, instead of PORTRAIT_MAPPING"
    )
    parser.add_argument(
        "--encoding", default=UTF_8, help="of a table: gb18030, cp1252 … (utf-8)", metavar="NAME"
    )


def _topic(name: str) -> Action:
    action = action_of(name if name.startswith(EVENTS) else EVENTS + name)
    if action is None:
        msg = f"there are {', '.join(EVENT_TOPICS)}"
        raise ArgumentTypeError(msg)
    return action


def reader_of(asked: Namespace, clock: Clock, dialect: Dialect) -> Callable[[Row], Report]:
    """Return what reads a row."""
    is_item, topic = asked.items, asked.topic

    def read(row: Row) -> Report:
        if row.wrong is not None:
            return Report(End.DEAD, reason=row.wrong)
        if is_item:
            return report_on_item(row.sent, dialect)
        return report_on(row.sent, clock, dialect, topic)

    return read


def trier_of(asked: Namespace, clock: Clock, dialect: Dialect) -> Callable[[Row], Report]:
    """Return what reads a row, and says so where it lacks only what `POST /events` adds."""
    read = reader_of(asked, clock, dialect)
    as_sent = partial(complete, at=datetime.fromtimestamp(clock.now / 1_000, UTC))

    def read_and_hint(row: Row) -> Report:
        report = read(row)
        if report.end is not End.DEAD or row.wrong is not None or asked.items:
            return report
        if report_on(row.sent, clock, dialect, asked.topic, as_sent).end is not End.READ:
            return report
        return replace(report, reason=f"{report.reason} ({SHORT})")

    return read_and_hint


def look(asked: Namespace, read: Callable[[Row], Report], tell: Callable[[str], object]) -> bool:
    """Read all messages, and tell of them line by line. Says whether none is dead."""
    summary = Summary()
    sources = sources_of(asked.file)
    most = asked.most if asked.most is not None or asked.json else MOST_SHOWN
    if not asked.json:
        tell(f"{'line':>{PLACE}}  {'called':{CALLED}}  {'end':11}  read as")
    for source, row in _rows(sources, asked.encoding):
        report = read(row)
        if most is None or summary.messages < most:
            name = source.name if len(sources) > 1 and row.number == 1 else None
            for line in _object(report, asked) if asked.json else _shown(row, report, name):
                tell(line)
        summary.add(report)
    if not asked.json and not summary.messages:
        tell(
            "        no message in it: of a table, the first line is taken for the names of columns"
        )
    if not asked.json:
        hidden = summary.messages - (most or 0)
        for line in (*([f"… and {hidden:,} more: --most"] if hidden > 0 else []), ""):
            tell(line)
        for line in summary.lines():
            tell(line)
    return bool(summary.messages) and not summary.ends[End.DEAD]


def _rows(sources: list[Source], encoding: str) -> Iterator[tuple[Source, Row]]:
    for source in sources:
        for row in source.rows(encoding):
            yield source, row


def _object(report: Report, asked: Namespace) -> Iterator[str]:
    of_items: dict[str, Any] = {
        "items": [*map(canonical, report.items)],
        "withdrawn": report.withdrawn,
    }
    told = {
        "end": report.end,
        "events": [*map(canonical, report.events)],
        **(of_items if asked.items else {}),
        "left_out": report.left_out,
        "reason": report.reason,
    }
    if report.who:
        told["who"] = [who.model_dump(mode="json", exclude_none=True) for who in report.who]
    yield to_json(told).decode()


def _shown(row: Row, report: Report, name: str | None) -> Iterator[str]:
    """Write a message as rows of a table."""
    if name is not None:
        yield f"{name}:"
    called = printable(report.called, CALLED)
    acts = [*map(_event, report.events), *map(_item, report.items)]
    acts += [f"{id} is withdrawn" for id in report.withdrawn]
    if report.end is End.READ:
        what, *more = acts
    else:
        what, more = what_of(report), acts
    yield f"{row.number:>{PLACE}}  {called:{CALLED}}  {ENDS[report.end]:11}  {what}".rstrip()
    more += [f"left out: {printable(field)} ({why})" for field, why in report.left_out.items()]
    for each in more:
        yield f"{'':{PLACE + CALLED + 17}}{each}"


def _event(event: Event) -> str:
    what = (
        f'"{printable(event.text or "", LONGEST_TEXT)}"' if event.item_id is None else event.item_id
    )
    said = [f"{event.type} of {what} by {event.user_key}", event.occurred_at.isoformat(" ")]
    said += [f"{event.quantity} pieces"] if (event.quantity or 1) > 1 else []
    said += [f"price {event.price:g}"] if event.price is not None else []
    said += [f"{event.rating:g} stars"] if event.rating is not None else []
    said += [_title(event.item.title)] if event.item is not None else []
    return ", ".join(filter(None, said))


def _item(item: Item) -> str:
    said = [item.id, _title(item.title), printable(item.category), printable(item.brand)]
    said += [f"price {item.price:g}"] if item.price is not None else []
    said += [] if item.available else ["not available"]
    return ", ".join(filter(None, said))


def _title(title: str) -> str:
    return f'"{printable(title, LONGEST_TEXT)}"' if title else ""
