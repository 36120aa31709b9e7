"""The archive as Parquet files, in a local folder or, by URL, in whatever fsspec can reach.

    day=2026-09-21/events.click-3-00000000000000000100-00000000000000000150.0-1f9fcf4a.parquet
    erasures/pending/<hash>.parquet      rows of these may still lie in a file
    erasures/swept/<hash>.parquet        they do not any more
    consents/<hash>.parquet              what users let be done; of several the largest counts

A file appears whole: an object store puts it at once, and a local one is renamed from aside.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray
from pyarrow.fs import FSSpecHandler, PyFileSystem

from portrait.archive.archive import (
    EVER,
    SCHEMA,
    ArchiveChangedError,
    ArchiveUnavailableError,
    Span,
    numbers,
)
from portrait.archive.segment import Segment
from portrait.events.consent import GRANTED, Consent, Consents
from portrait.events.erasure import Erasures
from portrait.files import replacing
from portrait.times import to_moment

ROWS_AT_ONCE = 65_536  # of a row group, and of what a reader holds
AT = SCHEMA.get_field_index("occurred_at")
LISTINGS = 10  # until two agree; a merge in between changes one of them
SETTLES_SECONDS = 0.05  # the longer, the more often it has changed meanwhile
KILLED_SECONDS = 3_600  # younger files aside may belong to a process that still writes
PENDING, SWEPT, CONSENTS = "erasures/pending", "erasures/swept", "consents"
_MOMENT = pa.timestamp("ms", "UTC")
ERASED = pa.schema(
    [
        ("user_ref", pa.uint64()),
        ("until", _MOMENT),
        ("suppressed", _MOMENT),  # lists of before end at `until`: they lack both
        ("lifted", _MOMENT),
    ]
)
AGREED = pa.schema([("user_ref", pa.uint64()), ("number", pa.int64())])


class ParquetArchive:
    """An `Archive` by URL: a path, or `s3://…`, `gs://…`, `memory://…`."""

    def __init__(self, url: str, unsaid: Consent = GRANTED) -> None:
        """Open it.

        Args:
            url: Where it is.
            unsaid: What counts of users who have said nothing of what may be done.
        """
        self._unsaid = unsaid
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = root.rstrip("/")
        self._arrow = PyFileSystem(FSSpecHandler(self._fs))
        self._local = isinstance(self._fs, LocalFileSystem)

    def segments(self) -> list[Segment]:
        """List the files; again while they change, so that no merge is seen half-way."""
        last = None
        for listing in range(LISTINGS):
            found = self._list("")
            if found == last:
                return [each for item in found if (each := Segment.from_name(*item)) is not None]
            last = found
            time.sleep(listing * SETTLES_SECONDS)
        msg = "The archive changes faster than it can be listed."
        raise ArchiveChangedError(msg)

    def write(self, segment: Segment, rows: Iterable[pa.Table]) -> None:
        """Put a file there."""
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, SCHEMA, compression="zstd") as writer:
            for table in rows:
                writer.write_table(table, row_group_size=ROWS_AT_ONCE)
        self._put(segment.name, sink.getvalue())

    def read(
        self, segment: Segment, columns: Sequence[str], within: Span = EVER
    ) -> Iterator[pa.RecordBatch]:
        """Yield a file's rows a part at a time; row groups outside the window are not read."""
        asked = list(dict.fromkeys([*columns, "occurred_at"]))
        with (
            _translated(segment.name),
            self._arrow.open_input_file(f"{self._root}/{segment.name}") as source,
            pq.ParquetFile(source) as file,
        ):
            for group in range(file.num_row_groups):
                if _may_hold(file.metadata.row_group(group), within):
                    there = file.read_row_group(group, asked, use_threads=False)
                    rows = _occurred(_with_all(asked, there), within)
                    yield from rows.select(list(columns)).combine_chunks().to_batches()

    def remove(self, segments: Iterable[Segment]) -> None:
        """Remove files."""
        self._remove(segment.name for segment in segments)

    def erasures(self) -> Erasures:
        """Return everybody who is to be forgotten."""
        return self._erasures(PENDING, SWEPT)

    def pending(self) -> Erasures:
        """Return whose rows may still lie in a file."""
        return self._erasures(PENDING).differ(self._erasures(SWEPT))

    def erase(self, erasures: Erasures) -> None:
        """Add to the list, as a file of its own."""
        if len(erasures):
            self._put_erasures(PENDING, erasures)

    def consents(self) -> Consents:
        """Merge all lists."""
        lists = [self._table(name) for name in self._names(CONSENTS)]
        table = pa.concat_tables([AGREED.empty_table(), *lists])
        return Consents.merged(numbers(table["user_ref"]), numbers(table["number"]), self._unsaid)

    def agree(self, consents: Consents) -> None:
        """Write one list of all that is known, then remove those that it makes superfluous."""
        before, known = self._names(CONSENTS), self.consents()
        everybody = Consents.merged(
            np.concatenate([known.users, consents.users]),
            np.concatenate([known.numbers, consents.numbers]),
        )
        if len(everybody):
            kept = self._put_list(CONSENTS, AGREED, everybody.users, everybody.numbers)
            self._remove(name for name in before if name != kept)

    def settle(self, swept: Erasures) -> None:
        """Write one list of all that is swept, then remove those that it makes superfluous."""
        before = self._names(SWEPT)
        known = self._erasures(SWEPT)
        everybody = Erasures.joined(known, swept)
        if len(everybody):
            kept = self._put_erasures(SWEPT, everybody)
            self._remove(name for name in before if name != kept)
        for name in self._names(PENDING):
            if not len(self._read_erasures(name).differ(everybody)):
                self._remove([name])

    def clean(self) -> None:
        """Remove old files from aside; an object store has none."""
        if not self._local:
            return
        with _translated("."):
            for path in Path(self._root).glob("**/.*.part"):
                if time.time() - path.stat().st_mtime > KILLED_SECONDS:
                    path.unlink(missing_ok=True)

    def _erasures(self, *folders: str) -> Erasures:
        return Erasures.joined(
            *(self._read_erasures(name) for each in folders for name in self._names(each))
        )

    def _read_erasures(self, name: str) -> Erasures:
        table = self._table(name)
        return Erasures.merged(*(numbers(table[name]) for name in table.schema.names))

    def _table(self, name: str) -> pa.Table:
        with _translated(name):
            return pq.read_table(pa.BufferReader(self._fs.cat_file(f"{self._root}/{name}")))

    def _put_erasures(self, folder: str, erasures: Erasures) -> str:
        columns = erasures.users, erasures.until, erasures.suppressed, erasures.lifted
        return self._put_list(folder, ERASED, *columns)

    def _put_list(self, folder: str, schema: pa.Schema, *columns: NDArray[Any]) -> str:
        """Put a list of users there, named by its content."""
        table = pa.table([*columns], names=schema.names).cast(schema)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = b"".join(column.tobytes() for column in columns)
        name = f"{folder}/{blake2b(content, digest_size=16).hexdigest()}.parquet"
        self._put(name, sink.getvalue())
        return name

    def _names(self, folder: str) -> list[str]:
        return [name for name, _ in self._list(folder) if name.endswith(".parquet")]

    def _list(self, folder: str) -> list[tuple[str, int]]:
        """Return the names under a folder and their sizes."""
        with _translated(folder):
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/{folder}".rstrip("/"), detail=True)
            return sorted(
                (path.removeprefix(f"{self._root}/"), int(about["size"] or 0))
                for path, about in found.items()
            )

    def _put(self, name: str, content: Any) -> None:  # noqa: ANN401 - a buffer of Arrow
        path = f"{self._root}/{name}"
        with _translated(name):
            if self._local:
                with replacing(Path(path)) as file:
                    file.write(content)
            else:
                self._fs.pipe_file(path, content.to_pybytes())

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            with _translated(name, absent_ok=True):
                self._fs.rm_file(f"{self._root}/{name}")


def _may_hold(group: Any, within: Span) -> bool:  # noqa: ANN401 - metadata of Parquet
    """Say by its statistics whether a row group may hold events of a window."""
    if not group.num_rows:
        return False
    since, until = (None if ms is None else to_moment(ms) for ms in within)
    statistics = group.column(AT).statistics
    return (since is None or statistics.max >= since) and (until is None or statistics.min < until)


def _with_all(columns: Sequence[str], rows: pa.Table) -> pa.Table:
    """Return rows with all columns that are asked for: null, where a file is older than they."""
    for name in columns:
        if name not in rows.schema.names:
            rows = rows.append_column(
                SCHEMA.field(name), pa.nulls(len(rows), SCHEMA.field(name).type)
            )
    return rows


def _occurred(rows: pa.Table, within: Span) -> pa.Table:
    """Return the rows that occurred in a window."""
    since, until = within
    at, moment = rows["occurred_at"], SCHEMA.field(AT).type
    if since is not None:
        rows = rows.filter(pc.greater_equal(at, pa.scalar(since, moment)))
    if until is not None:
        rows = rows.filter(pc.less(rows["occurred_at"], pa.scalar(until, moment)))
    return rows


@contextmanager
def _translated(name: str, *, absent_ok: bool = False) -> Iterator[None]:
    """Turn what the file system and Arrow raise into our errors."""
    try:
        yield
    except FileNotFoundError as error:
        if not absent_ok:
            raise ArchiveChangedError(name) from error
    except pa.ArrowInvalid as error:  # an object that was written anew while it was read
        raise ArchiveChangedError(name) from error
    except OSError as error:
        msg = f"{name}: {error}"
        raise ArchiveUnavailableError(msg) from error
