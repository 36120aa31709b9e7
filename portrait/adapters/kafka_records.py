"""What a fetch brought of a partition, read record by record, whatever its bytes are.

slices ─▶ check: sum, format, codec ─▶ open: decompress up to a bound ─▶ records
   └ of an aborted transaction: passed over          one cannot be read ─▶ each by itself

Takes the place of the client library's own reader, which raises at the first record that it cannot
read, and reads it again for ever. Here that record is an `Unreadable`, and those before and behind
it are read. The library's parser stays the way of everything else.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import cramjam
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint as fast_varint
from aiokafka.structs import ConsumerRecord

from portrait.events.stream import Record, Unreadable

LARGEST_BATCH = 16_777_216  # bytes of a batch, decompressed; producers make them of 1 MB at most
LARGEST_PLAIN = 262_144  # bytes of a record that is read without counting its headers first
MOST_HEADERS = 1_000  # of a record; 2 bytes of one become 64 in memory

_FRAME = struct.Struct(">qi")  # base offset, length of what follows; of every format
_BATCH = struct.Struct(">qiibIhiqqqhii")  # header of format 2, as in Kafka's DefaultRecordBatch
_MAGIC, _CODEC_AT = 16, 22  # where format and (low) attributes stand
_CODECS, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20  # bits of the attributes
_XERIAL = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"  # how Java frames snappy
_STRANGE = (
    KafkaError,
    ValueError,
    IndexError,
    OverflowError,
    SystemError,
    MemoryError,
    TypeError,
    AssertionError,
    struct.error,
)


class BatchUnreadableError(Exception):
    """No record of a batch can be read."""


class RecordUnreadableError(Exception):
    """One record of a batch cannot be read."""


class Intake:
    """What reading may take in: so much decompressed at once, so much before it is dealt with.

    Batches are decompressed into memory that it keeps: a bomb costs no more than any other.
    """

    def __init__(self, largest: int = LARGEST_BATCH) -> None:
        self.left = 0  # bytes, until somebody says that there is room again
        self._room = mmap.mmap(-1, largest)  # anonymous: pages never written to cost nothing

    def open(self, codec: int, packed: bytes) -> memoryview:
        """Return what was compressed; it stays there until the next is opened.

        Raises:
            BatchUnreadableError: It is damaged, or larger than the room for it.
        """
        try:
            if codec == 2:  # noqa: PLR2004 - Kafka's number of snappy
                size = self._open_snappy(packed)
            else:
                unpack = {1: cramjam.gzip, 3: cramjam.lz4, 4: cramjam.zstd}[codec]
                size = unpack.decompress_into(packed, self._room)
        except KeyError as error:
            msg = f"a batch in the unknown compression {codec}"
            raise BatchUnreadableError(msg) from error
        except (cramjam.DecompressionError, ValueError, struct.error) as error:
            msg = f"a batch that is damaged or larger than {len(self._room)} bytes decompressed"
            raise BatchUnreadableError(msg) from error
        return memoryview(self._room)[:size]

    def _open_snappy(self, packed: bytes) -> int:
        if not packed.startswith(_XERIAL[:8]):
            return self._open_block(packed, 0)
        size, at = 0, len(_XERIAL)
        while at < len(packed):
            (length,) = struct.unpack_from(">i", packed, at)
            if not 0 < length <= len(packed) - at - 4:
                msg = "a block that is not there"
                raise ValueError(msg)
            at += 4
            size += self._open_block(packed[at : at + length], size)
            at += length
        return size

    def _open_block(self, block: bytes, start: int) -> int:
        if cramjam.snappy.decompress_raw_len(block) > len(self._room) - start:
            msg = "larger than the room"
            raise ValueError(msg)
        return int(cramjam.snappy.decompress_raw_into(block, memoryview(self._room)[start:]))


@dataclass(frozen=True, slots=True)
class _Slice:
    """One batch as it lies in the log."""

    raw: memoryview
    first: int  # offset
    behind: int | None  # offset of the next one, if that came along and can be true
    highwater: int
    is_misplaced: bool = False  # it cannot be true that it lies at its offset

    @property
    def has_header(self) -> bool:
        """Whether it says of itself what batches of format 2 do."""
        return len(self.raw) >= _BATCH.size and self.raw[_MAGIC] == 2  # noqa: PLR2004

    @property
    def end(self) -> int:
        """The offset after it: the next one's, else what it says, in as far as that can be."""
        if self.behind is not None:
            return self.behind
        last = _BATCH.unpack_from(self.raw)[6] if self.has_header else 0
        return self.first + 1 if last < 0 else min(self.first + last + 1, self.highwater)

    @property
    def timestamp(self) -> int:
        """The latest moment in it that it tells of, ms."""
        return int(_BATCH.unpack_from(self.raw)[8]) if self.has_header else 0


class Aborted:
    """Which batches a fetch brought of transactions that were aborted: the answer names those.

    A producer has one transaction at a time, and a marker, a control batch, ends it.
    """

    def __init__(self, transactions: Iterable[tuple[int, int]]) -> None:
        """Take each one's producer and first offset."""
        self._coming = sorted(transactions, key=lambda each: each[1], reverse=True)
        self._producers: set[int] = set()

    def holds(self, batch: _Slice) -> bool:
        """Say whether the next batch of the log is one."""
        if not (self._coming or self._producers) or not batch.has_header:
            return False
        while self._coming and self._coming[-1][1] <= batch.first:
            self._producers.add(self._coming.pop()[0])
        header = _BATCH.unpack_from(batch.raw)
        attributes, producer = header[5], header[9]
        if attributes & _CONTROL:
            self._producers.discard(producer)
            return False
        return bool(attributes & _TRANSACTIONAL) and producer in self._producers


class PartitionReader:
    """An iterator over the records from an offset on: what aiokafka's `PartitionRecords` is.

    Ends early when no more may be taken in: what is left is fetched again.
    """

    def __init__(  # noqa: PLR0913 - what was fetched, from where, and how much of it may be read
        self,
        at: TopicPartition,
        fetched: bytes,
        offset: int,
        highwater: int,
        intake: Intake,
        *,
        aborted: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.next_fetch_offset = offset  # the client library reads this after each record
        self.bytes = len(fetched)
        self.epoch = -1  # of the leader that wrote what was read last
        self._at = at
        self._fetched = memoryview(fetched)
        self._highwater = highwater
        self._intake = intake
        self._aborted = Aborted(aborted)
        self._records = self._read()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Record:
        return next(self._records)

    def _read(self) -> Iterator[Record]:
        began = self.next_fetch_offset
        for each in self._slices():
            if self._intake.left <= 0:
                return
            yield from self._of_slice(each)
        if self.next_fetch_offset == began and began < self._highwater:
            yield self._unreadable(began + 1, 0, "bytes that are no batch")

    def _slices(self) -> Iterator[_Slice]:
        """Cut what was fetched into batches; the last may be missing its end, and is not one."""
        at, fetched, highwater = 0, self._fetched, self._highwater
        least = -1  # of the next one's offset: batches lie one behind the other
        while at + _MAGIC < len(fetched):
            first, length = _FRAME.unpack_from(fetched, at)
            end = at + _FRAME.size + length
            if length <= 0 or end > len(fetched):
                return
            known = end + _FRAME.size <= len(fetched)
            behind = _FRAME.unpack_from(fetched, end)[0] if known else None
            if behind is not None and not max(least, self.next_fetch_offset) < behind <= highwater:
                behind = None
            is_misplaced = not least <= first < (highwater if behind is None else behind)
            place = max(least, self.next_fetch_offset) if is_misplaced else first
            each = _Slice(fetched[at:end], place, behind, highwater, is_misplaced)
            yield each
            at, least = end, each.end

    def _of_slice(self, each: _Slice) -> Iterator[Record]:
        if self._aborted.holds(each):
            self._enter(each)
            self.next_fetch_offset = max(self.next_fetch_offset, each.end)
            return
        try:
            batch, opened = self._opened(each)
        except BatchUnreadableError as error:
            if each.end > self.next_fetch_offset:
                yield self._unreadable(each.end, each.timestamp, str(error))
            return
        self._intake.left -= len(opened)
        self._enter(each)
        if not batch.is_control_batch:
            yield from self._of_batch(batch, opened, each)
        self.next_fetch_offset = max(self.next_fetch_offset, each.end)

    def _enter(self, each: _Slice) -> None:
        """Remember which leader wrote a batch: every position inside it is of that."""
        if each.has_header:
            self.epoch = _BATCH.unpack_from(each.raw)[2]

    def _opened(self, each: _Slice) -> tuple[DefaultRecordBatch | LegacyRecordBatch, bytes]:
        """Return a batch for the client library's parser, and as bytes, not compressed any more.

        Raises:
            BatchUnreadableError: Neither can be had.
        """
        if each.is_misplaced:
            msg = "a batch whose offset is damaged"
            raise BatchUnreadableError(msg)
        if len(each.raw) <= _MAGIC:
            msg = "a batch without a whole header"
            raise BatchUnreadableError(msg)
        magic = each.raw[_MAGIC]
        if magic > 2 or (magic == 2 and not each.has_header):  # noqa: PLR2004 - the newest format
            msg = f"a batch in the unknown format {magic}"
            raise BatchUnreadableError(msg)
        try:
            kind = DefaultRecordBatch if magic == 2 else LegacyRecordBatch  # noqa: PLR2004
            batch = kind(each.raw) if magic == 2 else kind(each.raw, magic)  # noqa: PLR2004
            if not batch.validate_crc():
                msg = "a batch whose check sum is wrong"
                raise BatchUnreadableError(msg)
        except _STRANGE as error:
            msg = "a batch without a whole header"
            raise BatchUnreadableError(msg) from error
        if magic < 2:  # noqa: PLR2004
            return batch, self._legacy(each.raw, magic)
        codec = batch.compression_type
        if not codec:
            return batch, bytes(each.raw)
        header = bytearray(each.raw[: _BATCH.size])
        header[_CODEC_AT] &= ~_CODECS
        whole = b"".join((header, self._intake.open(codec, bytes(each.raw[_BATCH.size :]))))
        return DefaultRecordBatch(whole), whole

    def _legacy(self, raw: memoryview, magic: int) -> bytes:
        """Make sure that a message of the formats before 2011 is no bomb."""
        start = 18 if magic == 0 else 26  # of the key's length
        codec = raw[17] & _CODECS
        if not codec:
            return bytes(raw)
        try:
            (key,) = struct.unpack_from(">i", raw, start)
            return bytes(self._intake.open(codec, bytes(raw[start + 8 + max(key, 0) :])))
        except struct.error as error:
            msg = "a message without a whole header"
            raise BatchUnreadableError(msg) from error

    def _of_batch(
        self, batch: DefaultRecordBatch | LegacyRecordBatch, opened: bytes, each: _Slice
    ) -> Iterator[Record]:
        """Yield records as fast as the client library can, and from a bad one on each by itself."""
        topic, partition = self._at
        end = each.end
        if each.has_header and len(opened) > LARGEST_PLAIN and _has_large(opened):
            yield from self._one_by_one(opened, each)
            return
        try:
            for record in batch:
                if record.offset < self.next_fetch_offset:
                    continue
                if record.offset >= end:  # or those that really lie there would be passed over
                    raise ValueError
                self.next_fetch_offset = record.offset + 1
                key, value, headers = record.key, record.value, record.headers
                if headers:
                    self._intake.left -= 64 * len(headers)
                yield ConsumerRecord(
                    topic,
                    partition,
                    record.offset,
                    record.timestamp,
                    record.timestamp_type,
                    key,
                    value,
                    record.checksum,
                    -1 if key is None else len(key),
                    -1 if value is None else len(value),
                    tuple(headers),
                )
        except _STRANGE:
            if each.has_header:
                yield from self._one_by_one(opened, each)
            elif each.end > self.next_fetch_offset:
                yield self._unreadable(each.end, 0, "a message that is damaged")

    def _one_by_one(self, opened: bytes, each: _Slice) -> Iterator[Record]:
        """Yield records of which one is strange; what cannot even be found ends the batch."""
        header = _BATCH.unpack_from(opened)
        at = _BATCH.size
        for _ in range(header[12]):
            try:
                length, at = _varint(opened, at)
                if not 0 < length <= len(opened) - at:
                    break
                offset, timestamp = _place(opened, at, header)
            except _STRANGE:
                break
            here, at = at, at + length
            if offset < self.next_fetch_offset:
                continue
            if offset >= each.end:
                at = here
                break
            try:
                record: Record = self._record(opened[here:at], offset, timestamp, header)
            except RecordUnreadableError as error:
                yield self._unreadable(offset + 1, timestamp, str(error))
                continue
            self.next_fetch_offset = offset + 1
            yield record
        if at < len(opened) and self.next_fetch_offset < each.end:
            yield self._unreadable(each.end, each.timestamp, "records that are damaged")

    def _record(
        self, body: bytes, offset: int, timestamp: int, header: tuple[int, ...]
    ) -> ConsumerRecord:
        """Read one record of format 2.

        Raises:
            RecordUnreadableError: It is not one.
        """
        try:
            at = 1
            for _ in range(2):
                _, at = _varint(body, at)
            key, at = _bytes(body, at)
            value, at = _bytes(body, at)
            headers = _headers(body, at)
        except UnicodeDecodeError as error:
            msg = "a header whose name is not UTF-8"
            raise RecordUnreadableError(msg) from error
        except _STRANGE as error:
            msg = "a record that is damaged"
            raise RecordUnreadableError(msg) from error
        sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
        kind = int(bool(header[5] & _APPEND_TIME))
        return ConsumerRecord(*self._at, offset, timestamp, kind, key, value, None, *sizes, headers)

    def _unreadable(self, end: int, timestamp: int, reason: str) -> Unreadable:
        """Step over what lies before an offset."""
        self.next_fetch_offset = max(end, self.next_fetch_offset + 1)
        topic, partition = self._at
        return Unreadable(topic, partition, self.next_fetch_offset - 1, timestamp, reason)


def _has_large(opened: bytes) -> bool:
    """Say whether a record of a batch is so large that it may have very many headers."""
    at, end = _BATCH.size, len(opened) - 10  # the fast one does not look where the bytes end
    try:
        while at < end:
            length, at = fast_varint(opened, at)
            if length > LARGEST_PLAIN or length <= 0:
                return True
            at += length
    except _STRANGE:
        return True
    return False


def _place(opened: bytes, at: int, header: tuple[int, ...]) -> tuple[int, int]:
    """Return a record's offset and timestamp (ms)."""
    since, at = _varint(opened, at + 1)
    after, _ = _varint(opened, at)
    timestamp = header[8] if header[5] & _APPEND_TIME else header[7] + since
    return header[0] + after, timestamp


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Read a signed number of at most ten bytes. Returns it, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the top bit says that there is more
            return (number >> 1) ^ -(number & 1), at
    msg = "a number of more than ten bytes"
    raise ValueError(msg)


def _bytes(body: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = _varint(body, at)
    if length < 0:
        return None, at
    if length > len(body) - at:
        msg = "longer than the record"
        raise ValueError(msg)
    return body[at : at + length], at + length


def _headers(body: bytes, at: int) -> tuple[tuple[str, bytes | None], ...]:
    count, at = _varint(body, at)
    if not 0 <= count <= MOST_HEADERS:
        msg = f"more than {MOST_HEADERS} headers"
        raise RecordUnreadableError(msg)
    found = []
    for _ in range(count):
        name, at = _bytes(body, at)
        value, at = _bytes(body, at)
        found.append(((name or b"").decode(), value))
    if at != len(body):
        msg = "longer than what it holds"
        raise ValueError(msg)
    return tuple(found)
