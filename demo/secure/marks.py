"""Marks: what is left of somebody, wherever bytes were left behind.

files as they are, Parquet unpacked as well ─┐
every key of every database of Redis ────────┴▶ which mark was found where
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from redis import Redis

Marks = Mapping[str, str]  # by what it is a mark of


class Found(NamedTuple):
    """A mark, and where it was found."""

    where: str  # a file, or a key of Redis
    is_name: bool  # whether it is in the name of that, not in what it holds
    mark: str  # what it is a mark of


def in_text(where: str, text: str, marks: Marks) -> list[Found]:
    """Look in something that was printed or answered."""
    return [*_in_bytes(where, [text.encode()], marks)]


def in_files(root: Path, paths: Iterable[Path], marks: Marks) -> list[Found]:
    """Look in files, and in what is packed in them; one that goes meanwhile is gone."""
    found: list[Found] = []
    for path in sorted(paths):
        where = str(path.relative_to(root))
        try:
            held = [path.read_bytes()]
            if path.suffix == ".parquet":
                held.append(_unpacked(path))
        except FileNotFoundError:
            continue
        found += _in_name(where, marks)
        found += _in_bytes(where, held, marks)
    return found


def in_redis(url: str, marks: Marks) -> list[Found]:
    """Look in every key of every database, as Redis would write them to a disk, unpacked."""
    with Redis.from_url(url) as redis:
        redis.config_set("rdbcompression", "no")  # or parts of a word would be left out
        databases = sorted(int(str(name).removeprefix("db")) for name in redis.info("keyspace"))
    return [each for number in databases for each in _in_database(url, number, marks)]


def _in_database(url: str, number: int, marks: Marks) -> Iterator[Found]:
    with Redis.from_url(urlsplit(url)._replace(path=f"/{number}").geturl()) as redis:
        for key in sorted(redis.scan_iter(count=1_000)):
            where = f"database {number}: {key.decode(errors='backslashreplace')}"
            yield from _in_name(where, marks)
            yield from _in_bytes(where, [redis.dump(key) or b""], marks)


def _unpacked(path: Path) -> bytes:
    """Return every column of a Parquet file, as it lies in memory."""
    table = pq.read_table(path)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _in_name(where: str, marks: Marks) -> Iterator[Found]:
    for mark, word in marks.items():
        if word in where.lower():
            yield Found(where, is_name=True, mark=mark)


def _in_bytes(where: str, held: Iterable[bytes], marks: Marks) -> Iterator[Found]:
    whole = b"\n".join(held).lower()
    for mark, word in marks.items():
        if word.encode() in whole:
            yield Found(where, is_name=False, mark=mark)
