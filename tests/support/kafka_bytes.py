"""Record batches as bytes, good ones and others, as a broker would hand them out."""

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import cramjam
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c, encode_varint

from portrait.adapters.kafka_records import LARGEST_BATCH, Intake, PartitionReader
from portrait.events.stream import Record
from tests.support.records import RECEIVED

GZIP, SNAPPY, LZ4, ZSTD = range(1, 5)
CODECS = (0, GZIP, SNAPPY, LZ4, ZSTD)
XERIAL = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)  # how Java begins
HEADER = 61  # bytes of a batch before its records
Headers = Sequence[tuple[str, bytes | None]]
PLACE = TopicPartition("events.click", 3)
MARK = "m@rk"  # a header name that `poisoned` makes unreadable


def batch(
    values: Sequence[bytes], *, first: int = 0, codec: int = 0, headers: Sequence[Headers] = ()
) -> bytes:
    """Return a batch of records, whose keys are their numbers."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 30)
    for number, value in enumerate(values):
        of_record = list(headers[number]) if number < len(headers) else []
        builder.append(number, RECEIVED + number, b"%d" % number, value, of_record)
    built = bytearray(builder.build())
    struct.pack_into(">q", built, 0, first)
    return bytes(built)


def transactional(raw: bytes, producer: int) -> bytes:
    """Return a batch as part of a producer's transaction."""
    changed = bytearray(raw)
    changed[22] |= 0x10
    struct.pack_into(">q", changed, 43, producer)
    return signed(bytes(changed))


def marker(producer: int, *, first: int, commits: bool) -> bytes:
    """Return the control batch that ends a producer's transaction."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, -1, -1, -1, 1 << 30)
    builder.append(0, RECEIVED, struct.pack(">hh", 0, int(commits)), bytes(6), [])
    built = bytearray(builder.build())
    built[22] |= 0x20
    struct.pack_into(">q", built, 0, first)
    return transactional(bytes(built), producer)


def signed(raw: bytes) -> bytes:
    """Return a batch with the length and the check sum that its bytes ask for."""
    changed = bytearray(raw)
    struct.pack_into(">i", changed, 8, len(changed) - 12)
    struct.pack_into(">I", changed, 17, calc_crc32c(bytes(changed[21:])))
    return bytes(changed)


def poisoned(raw: bytes) -> bytes:
    """Return a batch in which the headers called MARK have a name that is no UTF-8."""
    return signed(raw.replace(MARK.encode(), b"\xff\xfe\xfd\xfc"))


def repacked(raw: bytes, codec: int) -> bytes:
    """Return a batch with its records compressed."""
    pack: Any = {
        GZIP: cramjam.gzip.compress,
        SNAPPY: cramjam.snappy.compress_raw,
        LZ4: cramjam.lz4.compress,
        ZSTD: cramjam.zstd.compress,
    }[codec]
    head = bytearray(raw[:HEADER])
    head[22] |= codec
    return signed(bytes(head) + bytes(pack(raw[HEADER:])))


def bomb(codec: int, size: int, *, first: int = 0, key: bytes | None = None) -> bytes:
    """Return a batch of one record that is a value of so many zeros, made without holding them."""
    head = bytearray(batch([b""], first=first)[:HEADER])
    head[22] |= codec
    return signed(bytes(head) + b"".join(_squeezed(codec, size, key)))


def _squeezed(codec: int, size: int, key: bytes | None) -> Iterator[bytes]:
    value, rest = encoded_varint(size), b"\0"
    named = encoded_varint(-1 if key is None else len(key)) + (key or b"")
    start = bytes(3) + named + value  # attributes, time, offset, key
    start = encoded_varint(len(start) + size + len(rest)) + start
    if codec == SNAPPY:  # the Java way: blocks, each with its length
        yield XERIAL
        for part in _parts(start, size, rest):
            block = bytes(cramjam.snappy.compress_raw(part))
            yield struct.pack(">i", len(block)) + block
        return
    kinds: dict[int, Any] = {
        GZIP: cramjam.gzip.Compressor,
        LZ4: partial(cramjam.lz4.Compressor, block_linked=False),  # Kafka takes no others
        ZSTD: cramjam.zstd.Compressor,
    }
    packer = kinds[codec]()
    for part in _parts(start, size, rest):
        packer.compress(part)
        yield bytes(packer.flush())
    yield bytes(packer.finish())


def _parts(start: bytes, size: int, rest: bytes) -> Iterator[bytes]:
    yield start
    for left in range(size, 0, -1_000_000):
        yield bytes(min(left, 1_000_000))
    yield rest


def encoded_varint(number: int) -> bytes:
    """Return a number as Kafka's records hold it."""
    out = bytearray()
    encode_varint(number, out.append)
    return bytes(out)


def read(
    fetched: bytes, *, offset: int = 0, end: int = 1_000, aborted: Sequence[tuple[int, int]] = ()
) -> list[Record]:
    """Read what was fetched, with as much room as it takes."""
    intake = Intake(LARGEST_BATCH)
    intake.left = 1 << 40
    return list(PartitionReader(PLACE, fetched, offset, end, intake, aborted=aborted))
