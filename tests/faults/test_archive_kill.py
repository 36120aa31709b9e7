"""Faults of the archive: killed whenever, its rows are those of a quiet run, each once."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import SCHEMA, scan
from portrait.archive.segment import Segment, covered
from portrait.events.topics import read_topics
from portrait.settings import Settings
from sandbox.servers import start_kafka
from tests.support.processes import environment, events, publish_events, until, worker
from tests.support.topics import timeless

pytestmark = pytest.mark.e2e

EVENTS = 20_000
LOG = events(EVENTS, users=1_500, items=60)


@dataclass(frozen=True)
class Run:
    """A broker with the log, and where an archive of it is to lie."""

    kafka: str
    logs: Path
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """Small files, merged at once: so that kills meet every step often."""
        return environment(self.kafka, "redis://127.0.0.1:1/0") | {
            "PORTRAIT_ARCHIVE_URL": str(self.folder),
            "PORTRAIT_ARCHIVE_ROWS": "500",
            "PORTRAIT_ARCHIVE_TIDY": "PT0.2S",
            "PORTRAIT_ARCHIVE_WAIT": "PT0.5S",
            "PORTRAIT_ARCHIVE_RETENTION": "P36500D",
            "PORTRAIT_BATCH_EVENTS": "100",
        }

    @property
    def archive(self) -> ParquetArchive:
        return ParquetArchive(str(self.folder))

    def work(self, *, until_rows: int, kill: bool = False) -> None:
        """Run an archiver until so many rows may be there; then kill or stop it."""
        with worker("archive", self.settings, self.logs) as process:
            asyncio.run(until(lambda: self.spanned() >= until_rows, f"{until_rows} are archived"))
            if kill:
                process.send_signal(signal.SIGKILL)
                process.wait()

    def spanned(self) -> int:
        """Return how many offsets the names of the files span, by one look at them.

        A reader looks until two looks agree, which an archiver that is in a hurry outruns.
        """
        names = (path.relative_to(self.folder) for path in self.folder.rglob("*.parquet"))
        found = (Segment.from_name(name.as_posix(), 0) for name in names)
        spans = covered([each for each in found if each is not None])
        return sum(end - first for first, end in spans.values())

    def rows(self) -> pa.Table:
        """Return every row that a reader sees."""
        archive = self.archive
        names = SCHEMA.names
        found = scan(archive, archive.segments(), names, erasures=archive.erasures())
        order = [(name, "ascending") for name in ("topic", "partition", "offset")]
        return pa.Table.from_batches(found).sort_by(order)


@contextmanager
def prepared(folder: Path) -> Iterator[Run]:
    """Start a broker with the log, always the same, and no archive of it yet."""
    folder.mkdir()
    with start_kafka(folder) as kafka:
        asyncio.run(fill(kafka))
        yield Run(kafka, folder, folder / "archive")


async def fill(kafka: str) -> None:
    settings = Settings.model_validate({"kafka_bootstrap": kafka})
    await create_topics(cluster_of(settings), timeless(read_topics(settings.topics_file)))
    await publish_events(kafka, LOG)


def test_an_archiver_killed_again_and_again_leaves_the_rows_of_a_quiet_run(tmp_path: Path) -> None:
    with prepared(tmp_path / "quiet") as quiet:
        quiet.work(until_rows=EVENTS)
    with prepared(tmp_path / "killed") as killed:
        for rows in (1, EVENTS // 3, 2 * EVENTS // 3):
            killed.work(until_rows=rows, kill=True)
            assert killed.spanned() < EVENTS, "killed too late to have disturbed anything"
        killed.work(until_rows=EVENTS)

    assert len(quiet.rows()) == EVENTS
    assert killed.rows() == quiet.rows()
