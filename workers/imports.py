"""Import: what a shop has in files, looked at as a whole before any of it is published.

files ─▶ read ─▶ told: what is read, what is dead and where that lies ─▶ asked ─▶ published
"""

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from pydantic_core import to_json

from portrait.errors import PortraitError
from portrait.reading.dialect import Dialect
from portrait.reading.files import Row, Source
from portrait.reading.report import End, Report
from workers.summary import Summary
from workers.try_out import add_reading_options

EVENTS, ITEMS = "events", "items"
DEAD_SHARE = 0.05  # of the rows, beyond which something else is wrong than a few of them
TURN = 1_000  # rows between two looks at what else is to be done
FORMAT = 1  # of what is made of content: with another, the same content is another import


class ImportRefusedError(PortraitError):
    """Nothing was published; the message says why."""


class ImportStoppedError(PortraitError):
    """It was told to stop. The same command goes on from there."""


def add_options(parser: ArgumentParser) -> None:
    """Add what can be asked for."""
    parser.add_argument("kind", choices=(EVENTS, ITEMS), help="what is in the files")
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


def name_of(sources: Iterable[Source], asked: Namespace, dialect: Dialect) -> str:
    """Name an import by its content, and by how that is read."""
    found = blake2b(digest_size=16)
    found.update(to_json([FORMAT, asked.kind, asked.topic, asked.encoding, dialect], fallback=str))
    for source in sources:
        found.update(source.digest())
    return found.hexdigest()


@dataclass(slots=True)
class DeadRows:
    """A file of the rows that are dead, and why; there is none as long as there is no such row."""

    path: Path
    _file: IO[bytes] | None = field(default=None, init=False)

    def add(self, source: Source, row: Row, reason: str | None) -> None:
        """Write one row, as it was."""
        if self._file is None:
            self._file = self._open()
        sent = row.sent.decode(errors="replace") if isinstance(row.sent, bytes) else row.sent
        told = {"file": source.name, "line": row.number, "reason": reason, "sent": sent}
        self._file.write(json.dumps(told, default=str).encode() + b"\n")

    def close(self) -> None:
        """Write it whole."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> IO[bytes]:
        """Open it where it should be, or here, if nobody may write there."""
        try:
            return self.path.open("wb")
        except OSError:
            self.path = Path(self.path.name)
            return self.path.open("wb")


def dead_rows_of(place: str) -> DeadRows:
    """Return where dead rows are written: beside the files, or here, if they lie at a URL."""
    name = place.rstrip("/") + ".dead.jsonl"
    return DeadRows(Path(name.rsplit("/", 1)[-1] if "://" in name else name))


async def look(
    sources: Sequence[Source],
    asked: Namespace,
    read: Callable[[Row], Report],
    take: Callable[[Report], object],
    dead: DeadRows,
) -> Summary:
    """Read everything once: hand over what is read, put aside what is dead."""
    summary = Summary()
    try:
        with bar("reading", sum(source.size or 0 for source in sources), "B") as advance:
            for source in sources:
                before = 0
                for place, row in enumerate(source.rows(asked.encoding), 1):
                    report = read(row)
                    summary.add(report)
                    if report.end is End.DEAD:
                        dead.add(source, row, report.reason)
                    take(report)
                    if place % TURN == 0:
                        advance(source.position - before)
                        before = source.position
                        await asyncio.sleep(0)
                advance((source.size or 0) - before)
    finally:
        dead.close()
    return summary


def is_wanted(asked: Namespace, summary: Summary, dead: DeadRows) -> bool:
    """Say whether what was read is to be published; on a terminal somebody is asked.

    Raises:
        ImportRefusedError: Too much of it is dead, or there is nobody to be asked.
    """
    if summary.ends[End.DEAD] > asked.dead_share * summary.messages:
        msg = (
            f"Nothing was published: {summary.ends[End.DEAD] / summary.messages:.1%} of the rows "
            f"are dead, more than {asked.dead_share:.1%} (--dead-share). They are in {dead.path}, "
            "with the reasons."
        )
        raise ImportRefusedError(msg)
    if asked.dry_run or asked.yes:
        return bool(asked.yes and not asked.dry_run)
    if not sys.stdin.isatty():
        msg = "Nothing was published: --yes says that it should be."
        raise ImportRefusedError(msg)
    sys.stderr.write(f"Publish {summary.ends[End.READ]:,} of them? [y/N] ")
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
