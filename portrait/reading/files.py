"""Files: what a shop has in files, message by message, with little of it in memory at once.

a path, a folder, `-`, a URL ─▶ sources ─▶ unpack ─▶ look at the first line ─▶ rows

What a file is, it says itself: Parquet, gzip and zstd by their first bytes; JSON lines, a JSON
document, a table, or Snowplow's enriched lines by the first line. Its name is not asked.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic_core import from_json, to_json

from portrait.errors import FileUnreadableError
from portrait.reading.envelopes import BYTE_ORDER_MARK, UTF_16_MARKS
from portrait.reading.values import Fields, words
from portrait.reading.vocabularies.logs import TAOBAO
from portrait.reading.vocabularies.snowplow import TABS

STANDARD_INPUT = "-"
UTF_8 = "utf-8"
LONGEST_LINE = 4_194_304  # bytes: four times the largest message
LARGEST_DOCUMENT = 268_435_456  # bytes of one JSON document, which is read as a whole
ROWS_AT_ONCE = 8_192  # of a Parquet file
BYTES_AT_ONCE = 262_144

_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_WORKBOOK, _OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_FRAMED = b"\0"
_DECODER = json.JSONDecoder()
_SEPARATORS = ("\t", ",", ";", "|")
_STRANGE = (
    *(OSError, EOFError, zlib.error, csv.Error, LookupError, ValueError, NotImplementedError),
)
_TAOBAO_NAMES = frozenset({"pv", "buy", "cart", "fav"})


class Row(NamedTuple):
    """One message of a file."""

    number: int  # of its line, or of the row; from 1
    sent: Fields | bytes  # its fields, or JSON as it stands there
    wrong: str | None = None  # why it is no message at all


class Source:
    """One file, wherever it lies. Read it once at a time."""

    def __init__(self, name: str, size: int | None, open: Callable[[], BinaryIO]) -> None:
        self.name = name
        self.size = size  # bytes, packed as it lies there; None: not known
        self._open = open
        self._raw: BinaryIO | None = None

    @property
    def position(self) -> int:
        """How many of its bytes have been read."""
        raw = self._raw
        return 0 if raw is None or not raw.seekable() else raw.tell()

    def rows(self, encoding: str = UTF_8) -> Iterator[Row]:
        """Yield its messages, in order.

        Args:
            encoding: Of a table. JSON is UTF-8.

        Raises:
            FileUnreadableError: It is not there, is damaged, or is none of what is read.
        """
        try:
            with (
                self._open() as self._raw,
                _buffered(self._raw) as packed,
            ):
                yield from _rows(packed, encoding)
        except _STRANGE as error:
            msg = f"{self.name}: {_cause(error)}"
            raise FileUnreadableError(msg) from error
        finally:
            self._raw = None

    def digest(self) -> bytes:
        """Return what no other content has.

        Raises:
            FileUnreadableError: It cannot be read.
        """
        found = blake2b(digest_size=32)
        try:
            with self._open() as raw:
                while part := raw.read(BYTES_AT_ONCE):
                    found.update(part)
        except OSError as error:
            msg = f"{self.name}: {_cause(error)}"
            raise FileUnreadableError(msg) from error
        return found.digest()


def sources_of(place: str) -> list[Source]:
    """Return the files of a path, a folder, or a URL that fsspec knows, by name; `-`: one.

    Raises:
        FileUnreadableError: There is none.
    """
    if place == STANDARD_INPUT:
        return [Source("standard input", None, partial(io.FileIO, 0, closefd=False))]
    found = _remote(place) if "://" in place else _local(Path(place))
    if not found:
        msg = f"{place}: there is no such file, or none in it"
        raise FileUnreadableError(msg)
    return found


def _local(path: Path) -> list[Source]:
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    return [
        Source(str(each), each.stat().st_size, partial(io.FileIO, each))
        for each in paths
        if each.is_file() and (each == path or _is_content(each.name))
    ]


def _remote(url: str) -> list[Source]:
    """List what lies at a URL. Its own package may be needed: `s3fs` for `s3://`."""
    fsspec = _needed("fsspec", "What lies at a URL")
    try:
        system, path = fsspec.core.url_to_fs(url)
        names = [path] if system.isfile(path) else system.find(path)
        return [
            Source(system.unstrip_protocol(name), system.size(name), partial(system.open, name))
            for name in names
            if name == path or _is_content(name.rsplit("/", 1)[-1])
        ]
    except (OSError, ValueError, ImportError) as error:
        msg = f"{url}: {_cause(error)}"
        raise FileUnreadableError(msg) from error


def _is_content(name: str) -> bool:
    """Say whether a file of a folder is meant: not `_SUCCESS`, `.part` and the like."""
    return not name.startswith((".", "_"))


def _rows(packed: io.BufferedReader, encoding: str) -> Iterator[Row]:
    magic = packed.peek(4)[:4]
    if magic == _PARQUET:
        return _parquet(packed)
    if magic in {_WORKBOOK, _OLD_WORKBOOK}:
        msg = "a workbook of Excel, or another packed file: save it as CSV (UTF-8)"
        raise ValueError(msg)
    stream = _unpacked(packed, magic)
    lines = _lines(stream, encoding)
    first = next(lines, b"").removeprefix(BYTE_ORDER_MARK)
    while first and not first.strip():
        first = next(lines, b"")
    return _by_first_line(first, lines)


def _unpacked(packed: io.BufferedReader, magic: bytes) -> io.BufferedReader:
    if magic.startswith(_GZIP):
        return _buffered(gzip.GzipFile(fileobj=packed))
    if magic == _ZSTD:
        arrow = _needed("pyarrow", "zstd")
        return _buffered(arrow.CompressedInputStream(arrow.PythonFile(packed, mode="r"), "zstd"))
    return packed


def _buffered(raw: Any) -> io.BufferedReader:  # noqa: ANN401 - whatever can be read into a buffer
    return io.BufferedReader(raw, BYTES_AT_ONCE)


def _lines(stream: io.BufferedReader, encoding: str) -> Iterator[bytes]:
    """Yield lines in UTF-8, each with its end; one that is too long in pieces."""
    if stream.peek(2)[:2] in UTF_16_MARKS:
        encoding = "utf-16"
    if encoding == UTF_8:
        return iter(partial(stream.readline, LONGEST_LINE), b"")
    return _transcoded(stream, encoding)


def _transcoded(stream: io.BufferedReader, encoding: str) -> Iterator[bytes]:
    text = io.TextIOWrapper(stream, encoding, errors="backslashreplace", newline="\n")
    try:
        for line in iter(partial(text.readline, LONGEST_LINE), ""):
            yield line.encode()
    finally:
        with suppress(ValueError):  # it is closed
            text.detach()  # else it closes the stream when it goes


def _by_first_line(first: bytes, lines: Iterator[bytes]) -> Iterator[Row]:
    """Read a file as what its first line is of."""
    if first.lstrip()[:1] in {b"{", b"["}:
        return _json(first, lines)
    if first[:1] == _FRAMED:
        msg = (
            "framed by a schema registry: write the messages as JSON, as a registry's console does"
        )
        raise ValueError(msg)
    if isinstance(_parsed(first.partition(b"\t")[2]), dict):  # a console that prints keys
        return _json_lines(line.partition(b"\t")[2] for line in chain([first], lines))
    if first.count(b"\t") >= TABS:  # Snowplow's enriched lines, which have no header
        return _json_lines(chain([first], lines))
    return _table(first, lines) if first else iter(())


def _json(first: bytes, lines: Iterator[bytes]) -> Iterator[Row]:
    """Read a document, or a document a line: what begins with a whole one has it on each line."""
    value = _parsed(first)
    if isinstance(value, dict):
        return _json_lines(chain([first], lines))
    if value is not None:
        second = next((line for line in lines if line.strip()), None)
        if second is not None:
            return _json_lines(chain([first, second], lines))
        return _elements(value)
    held = [first]
    size = len(first)
    for line in lines:
        held.append(line)
        size += len(line)
        if size > LARGEST_DOCUMENT:
            msg = f"a JSON document of more than {LARGEST_DOCUMENT} bytes: write it as JSON lines"
            raise ValueError(msg)
    whole = b"".join(held)
    value = _parsed(whole)
    several = _documents(whole) if value is None else value
    return _json_lines(iter(held)) if several is None else _elements(several)


def _documents(text: bytes) -> list[object] | None:
    """Return JSON documents that stand one after the other, over any lines; None if it is none."""
    left, found = text.decode(errors="replace").lstrip(), []
    while left:
        try:
            value, end = _DECODER.raw_decode(left)
        except (ValueError, RecursionError):
            return None
        found.append(value)
        left = left[end:].lstrip()
    return found


def _parsed(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return from_json(text)
    except ValueError:
        return None


def _json_lines(lines: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if (text := line.strip(b" \r\n")) != b"":
            yield Row(number, text)


def _elements(value: object) -> Iterator[Row]:
    for number, each in enumerate(value if isinstance(value, list) else [value], 1):
        yield Row(number, each if isinstance(each, dict) else to_json(each))


def _table(first: bytes, lines: Iterator[bytes]) -> Iterator[Row]:
    """Read a table. Its first line names the columns, but for logs that everybody knows."""
    head = first.decode(errors="replace")
    separator = max(_SEPARATORS, key=head.count)
    is_quoted = separator != "\t" or '"' in head
    csv.field_size_limit(LONGEST_LINE)
    text = (line.decode(errors="surrogateescape") for line in chain([first], lines))
    reader = (
        csv.reader(text, delimiter=separator)
        if is_quoted
        else csv.reader(text, delimiter=separator, quoting=csv.QUOTE_NONE)
    )
    names = [name.strip() for name in next(reader)]
    if _is_of_taobao(names):
        yield _row(reader.line_num, TAOBAO, names)
        names = [*TAOBAO]
    elif any(name.lstrip("-").replace(".", "", 1).isdigit() for name in names):
        msg = "its first line holds values: put a line before it that names the columns"
        raise ValueError(msg)
    for cells in reader:
        if cells:
            yield _row(reader.line_num, names, cells)


def _row(number: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    fields: Fields = dict(zip(names, cells, strict=False))
    if len(names) < len(cells):
        return Row(number, fields, "row: more cells than there are names of columns")
    if not (text := "".join(cells)).isascii() and not _is_whole(text):
        return Row(number, fields, "row: not UTF-8; --encoding says what it is")
    return Row(number, fields)


def _is_whole(text: str) -> bool:
    """Say whether every byte of a text was one of a letter."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_of_taobao(cells: list[str]) -> bool:
    """Say whether this is a row of Taobao's UserBehavior, which has no header."""
    return (
        len(cells) == len(TAOBAO)
        and words(cells[3]) in _TAOBAO_NAMES
        and all(cells[place].isdigit() for place in (0, 1, 2, 4))
    )


def _parquet(packed: io.BufferedReader) -> Iterator[Row]:
    if not packed.seekable():
        msg = "Parquet cannot be read from a pipe: name the file"
        raise ValueError(msg)
    arrow, parquet = _needed("pyarrow", "Parquet"), import_module("pyarrow.parquet")
    number = 0
    for batch in parquet.ParquetFile(packed).iter_batches(ROWS_AT_ONCE, use_threads=False):
        columns = [_plain(arrow, column).to_pylist() for column in batch.columns]
        for cells in zip(*columns, strict=True):
            number += 1
            yield Row(number, dict(zip(batch.schema.names, map(_value, cells), strict=True)))


def _plain(arrow: Any, column: Any) -> Any:  # noqa: ANN401 - pyarrow is untyped, and not always here
    """Return a column with its moments as text: those of nanoseconds have no Python type."""
    return column.cast(arrow.string()) if arrow.types.is_temporal(column.type) else column


def _value(cell: object) -> object:
    """Return a cell as JSON would have it."""
    if cell is None or isinstance(cell, str | int | float):
        return cell
    if isinstance(cell, dict):
        return {str(name): _value(each) for name, each in cell.items()}
    if isinstance(cell, list):
        return [_value(each) for each in cell]
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return str(cell)


def _needed(module: str, what: str) -> Any:  # noqa: ANN401 - not always here, so not typed
    """Import what some files need.

    Raises:
        FileUnreadableError: It is not installed; says what to do.
    """
    try:
        return import_module(module)
    except ImportError as error:
        msg = f"{what} needs {module}, which is not installed: pip install 'portrait[train]'"
        raise FileUnreadableError(msg) from error


def _cause(error: Exception) -> str:
    """Say in a few words why a file cannot be read."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said or type(error).__name__
