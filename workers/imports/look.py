"""Import: what a shop has in files, looked at as a whole before any of it is published.

files ─▶ read ─▶ told: what is read, what is dead and where that lies ─▶ asked ─▶ published
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from heapq import merge
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple, Self

from pydantic_core import to_json

from portrait.errors import PortraitError
from portrait.reading.dialect import Dialect
from portrait.reading.events import Reading
from portrait.reading.files import Row, Source
from portrait.reading.records import Clock
from portrait.reading.report import End, Report, report_of
from workers.imports.summary import Summary
from workers.imports.try_out import add_reading_options, reader_of

EVENTS, ITEMS, EDGES = "events", "items", "edges"
DEAD_SHARE = 0.05  # of the rows, beyond which something else is wrong than a few of them
TURN = 1_000  # rows between two looks at how far it is
FORMAT = 1  # of what is made of content: with another, the same content is another import


class ImportRefusedError(PortraitError):
    """Nothing was published; the message says why."""


class ImportStoppedError(PortraitError):
    """It was told to stop. The same command goes on from there."""


def add_options(parser: ArgumentParser) -> None:
    """Add what can be asked for."""
    parser.add_argument("kind", choices=(EVENTS, ITEMS, EDGES), help="what is in the files")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="as for `portrait try`; several are one import"
    )
    add_reading_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be published")
    parser.add_argument("--yes", action="store_true", help="publish without asking")
    parser.add_argument(
        "--dead-share",
        type=float,
        default=DEAD_SHARE,
        metavar="SHARE",
        help=f"publish nothing if more of the rows are dead ({DEAD_SHARE})",
    )


class DeadRows:
    """A file of dead rows and why they are, each behind its number; none without such a row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, number: int, source: Source, row: Row, reason: str | None) -> None:
        """Write one row, as it was."""
        self._file = self._file or self.path.open("wb")
        sent = row.sent.decode(errors="replace") if isinstance(row.sent, bytes) else row.sent
        told = {"file": source.name, "line": row.number, "reason": reason, "sent": sent}
        self._file.write(b"%016d %b\n" % (number, json.dumps(told, default=str).encode()))


def write_dead(parts: Sequence[Path], place: str) -> Path | None:
    """Put dead rows beside the files that they are of, or here, if nobody may write there.

    Args:
        parts: Where `DeadRows` has put them, each once.
        place: The first of the files, or a folder or a URL of such.

    Returns:
        Where they are; None: there are none.
    """
    paths = [each for each in parts if each.exists()]
    if not paths:
        return None
    name = place.rstrip("/") + ".dead.jsonl"
    beside, here = Path(name), Path(name.rsplit("/", 1)[-1])
    with ExitStack() as stack:
        try:
            path, file = beside, stack.enter_context(beside.open("wb"))
        except OSError:
            path, file = here, stack.enter_context(here.open("wb"))
        files = [stack.enter_context(each.open("rb")) for each in paths]
        file.writelines(line.partition(b" ")[2] for line in merge(*files))
    return path


class Share(NamedTuple):
    """A part of the rows: of every so many thousand one, so that all parts take equally long."""

    place: int = 0
    of: int = 1

    def has(self, number: int) -> bool:
        """Say whether a row, numbered from 0, is in it."""
        return number // TURN % self.of == self.place


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Rows:
    """What is to be read, and how."""

    sources: Sequence[Source]
    asked: Namespace
    clock: Clock
    dialect: Dialect

    @property
    def bytes(self) -> int:
        """How large the files are, as far as that is known."""
        return sum(source.size or 0 for source in self.sources)

    def reports(
        self, advance: Callable[[int], object], share: Share = WHOLE
    ) -> Iterator[tuple[int, Source, Row, Report]]:
        """Read the rows of a share: their numbers, where they lie, and what became of them."""
        read = reader_of(self.asked, self.clock, self.dialect)
        if self.asked.kind == EVENTS:
            read = as_they_say(read, self.clock)
        numbers = count()
        for source in self.sources:
            before = 0
            for row in source.rows(self.asked.encoding):
                number = next(numbers)
                if share.has(number):
                    yield number, source, row, read(row)
                if number % TURN == 0:
                    at = source.position
                    advance(at - before)
                    before = at
            advance((source.size or 0) - before)


def name_of(rows: Rows) -> str:
    """Name an import by its content, and by how that is read."""
    asked, dialect = rows.asked, rows.dialect
    found = blake2b(digest_size=16)
    said = [FORMAT, asked.kind, asked.topic, asked.encoding]
    said += [str(dialect.zone), dialect.currency, sorted(dialect.rates.items()), dialect.mapped]
    found.update(to_json(said))
    for source in rows.sources:
        found.update(source.digest())
    return found.hexdigest()


def as_they_say(read: Callable[[Row], Report], clock: Clock) -> Callable[[Row], Report]:
    """Return what reads a row of history.

    When an event was received nobody knows, unless the row says so, and then its time is corrected
    by now. So a clock cannot be corrected by `sent_at`, and the moment is as it was said.
    """

    def read_past(row: Row) -> Report:
        report = read(row)
        if all(event.sent_at is None for event in report.events):
            return report
        events = [event.model_copy(update={"sent_at": None}) for event in report.events]
        refusals = [] if report.reason is None else [report.reason]
        said = Reading(events, left_out=[dict(report.left_out)], refusals=refusals)
        return report_of(said, clock, report.called)

    return read_past


def look(
    rows: Rows,
    take: Callable[[int, Report], object],
    dead: DeadRows,
    advance: Callable[[int], object],
    share: Share = WHOLE,
) -> Summary:
    """Read a share once: hand over what is read, put aside what is dead."""
    summary = Summary()
    with dead:
        for number, source, row, report in rows.reports(advance, share):
            summary.add(report)
            if report.end is End.DEAD:
                dead.add(number, source, row, report.reason)
            take(number, report)
    return summary


def is_wanted(asked: Namespace, summary: Summary, dead: Path | None) -> bool:
    """Say whether what was read is to be published; on a terminal somebody is asked.

    Raises:
        ImportRefusedError: Too much of it is dead, or there is nobody to be asked.
    """
    if summary.ends[End.DEAD] > asked.dead_share * summary.messages:
        msg = (
            f"Nothing was published: {summary.ends[End.DEAD] / summary.messages:.1%} of the rows "
            f"are dead, more than {asked.dead_share:.1%} (--dead-share). They are in {dead}, "
            "with the reasons."
        )
        raise ImportRefusedError(msg)
    return is_agreed(asked, f"Publish {summary.ends[End.READ]:,} of them?")


def is_agreed(asked: Namespace, question: str) -> bool:
    """Say whether it is wanted; on a terminal somebody is asked.

    Raises:
        ImportRefusedError: There is nobody to be asked.
    """
    if asked.dry_run or asked.yes:
        return bool(asked.yes and not asked.dry_run)
    if not sys.stdin.isatty():
        msg = "Nothing was published: --yes says that it should be."
        raise ImportRefusedError(msg)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


@contextmanager
def bar(what: str, total: int, unit: str) -> Iterator[Callable[[int], object]]:
    """Show on a terminal how far something is, at what rate, and how long it will take."""
    if not sys.stderr.isatty() or find_spec("tqdm") is None:
        yield lambda _: None
        return
    with import_module("tqdm").tqdm(
        desc=what, total=total or None, unit=unit, unit_scale=True
    ) as shown:
        yield shown.update
