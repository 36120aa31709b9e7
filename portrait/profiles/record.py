"""Records: one stored record, read field by field, and whether it is one.

For one record `struct` takes a fifth of numpy's time, which is made for many. The formats are
derived from the numpy layouts, so the two cannot part.
"""

from math import isfinite, prod
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from portrait.events.columns import ERASURE, EVENT, RING, TOPICS
from portrait.events.erasure import FOREVER
from portrait.events.event import Action
from portrait.profiles.facts import (
    FURTHER_LAYOUT,
    HEAD,
    LATEST,
    LAYOUT,
    PERIOD_MS,
    SPEND_PART,
    WIDE_LAYOUT,
)
from portrait.profiles.head_layouts import NARROW_HEAD, head_size, whole_head
from portrait.profiles.layout import (
    BRAND,
    BRANDS,
    INTEREST,
    INTERESTS,
    NO_EVIDENCE,
    QUANTILES,
    portrait_dtype,
)
from portrait.profiles.positions import NOT_READ, POSITION

_CODES = {"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "i4": "i", "i8": "q", "f4": "f"}
_REVISION = 8  # bytes, big-endian, which nobody reads here
HIGHEST_RATING = 50  # tenths of a star
HIGHEST_PRICE = 2.0**127  # below it, what a price says it is, is one byte's to tell


Event = tuple[int, int, int, float, int, int, int]  # at, id, ref, price, quantity, action, rating
Interest = tuple[int, float, float, int, int, int, int]  # category, score, trend, evidence, pad


class HeadFields(NamedTuple):
    """What is known of a user beside their newest events."""

    period: int
    first_at: int
    last_at: int
    received_at: int
    spend: int
    totals: tuple[int, ...]
    by_period: tuple[int, ...]


class Record(NamedTuple):
    """One user's record, but for its vectors."""

    head: HeadFields
    events: list[Event]  # newest first
    space_id: str
    interests: list[Interest]  # strongest first
    brands: list[tuple[int, float]]  # name_ref and share, strongest first
    price: tuple[float, ...]  # QUANTILES; 0 = not known


def read_sound(payload: bytes) -> Record | None:
    """Read one record; None if it is damaged, that is, if none of our programs wrote it so.

    Of the facts this asks what `profile.read_facts` asks; of the portrait, that it can be shown.
    """
    if not is_whole(payload):
        return None
    fields = _HEAD.unpack_from(whole_head(payload), _REVISION)
    record = _record_of(payload, fields)
    ring_end, space_at = _further_place(payload)
    sound = (
        _are_sound_counts(record.head, len(record.events))
        and _are_sound_positions(fields, payload[ring_end:space_at])
        and _are_sound_events(record.events, payload[head_size(payload) : ring_end])
        and _is_sound_portrait(record, payload[space_at:])
    )
    return record if sound else None


def _record_of(payload: bytes, fields: tuple[Any, ...]) -> Record:
    """Read one whole record, of whose head these are the fields."""
    period, first_at, last_at, received_at, spend = fields[3:8]
    ring_end, space_at = _further_place(payload)
    price_at = len(payload) - _PRICE.size
    brands_at = price_at - BRANDS * BRAND.itemsize
    interests_at = brands_at - INTERESTS * INTEREST.itemsize
    return Record(
        HeadFields(
            period,
            first_at,
            last_at,
            received_at,
            spend + (fields[_SPEND_UPPER] << SPEND_PART),
            fields[_TOTALS],
            fields[_BY_PERIOD],
        ),
        list(_EVENT.iter_unpack(payload[head_size(payload) : ring_end])),
        payload[space_at : space_at + _SPACE].rstrip(b"\0").decode(),
        [one for one in _INTEREST.iter_unpack(payload[interests_at:brands_at]) if one[0]],
        [one for one in _BRAND.iter_unpack(payload[brands_at:price_at]) if one[0]],
        _PRICE.unpack_from(payload, price_at),
    )


def partitions_of(payload: bytes) -> tuple[int, ...]:
    """Read where a user's events lie, and nothing else: 1 + partition, or 0, of every position."""
    lowest = _PARTITION.unpack_from(whole_head(payload), _PARTITION_AT)
    further = _POSITION.iter_unpack(payload[slice(*_further_place(payload))])
    return lowest + tuple(partition + 1 for _topic, partition, *_ in further)


def is_whole(payload: bytes) -> bool:
    """Say whether a record is of a layout we know, and as long as it says: its fields can be read.

    There is no layout of the future: one that this program does not know would lie under another
    name of key, if older programs could go on beside it (docs/decisions/0014, 0033).
    """
    if len(payload) < NARROW_HEAD.itemsize:
        return False
    count, layout, further = _COUNTS.unpack_from(payload, _REVISION)
    at: int = head_size(payload) + count * EVENT.itemsize + further * _POSITION.size
    if count > RING or layout not in {WIDE_LAYOUT, FURTHER_LAYOUT if further else LAYOUT}:
        return False
    if len(payload) < at + _BARE_PORTRAIT or not payload[at : at + _SPACE].isascii():
        return False
    dim, state_dim = _DIMS.unpack_from(payload, at + _SPACE)
    return len(payload) == at + _BARE_PORTRAIT + int(2 * dim + state_dim) * _FLOAT


def is_blank(payload: bytes) -> bool:
    """Say whether a record holds nothing but positions: its user has been erased."""
    return payload[_REVISION] == 0


def is_suppressed(payload: bytes) -> bool:
    """Say whether what somebody does is passed over until that is lifted; of any bytes."""
    if payload[_REVISION : _REVISION + 1] != b"\0" or not is_whole(payload):
        return False  # the first of it is asked of all that is written: is there an event?
    return forgotten_until(payload) == FOREVER


def forgotten_until(payload: bytes) -> int:
    """Read up to which moment, ms, all that its user did is forgotten; 0: never asked for."""
    last_ids = _LAST_ID.unpack_from(whole_head(payload), _LAST_ID_AT)
    return int(last_ids[ERASURE])


def space_of(payload: bytes) -> str:
    """Read the space that a portrait was painted in, and nothing else."""
    _, at = _further_place(payload)
    return payload[at : at + _SPACE].rstrip(b"\0").decode()


def received_at_of(payload: bytes) -> int:
    """Read when the newest record of a user was taken in, ms, and nothing else."""
    (received_at,) = _RECEIVED.unpack_from(payload, _RECEIVED_AT)
    return int(received_at)


def _further_place(payload: bytes) -> tuple[int, int]:
    """Return at which bytes of a record the further positions begin and end."""
    count, _, further = _COUNTS.unpack_from(payload, _REVISION)
    start = head_size(payload) + count * EVENT.itemsize
    return start, start + further * _POSITION.size


def _are_sound_counts(head: HeadFields, events: int) -> bool:
    return (
        0 <= head.first_at <= head.last_at <= LATEST
        and 0 <= head.received_at <= LATEST
        and 0 <= head.period <= LATEST // PERIOD_MS
        and sum(head.totals) >= events
    )


def _are_sound_positions(fields: tuple[Any, ...], further: bytes) -> bool:
    return (
        min(fields[_PARTITIONS]) >= 0
        and min(fields[_OFFSETS]) >= NOT_READ
        and fields[_LAST_IDS][ERASURE] <= LATEST  # there it is the moment of the erasure
        and -_HALF_SPEND <= fields[_SPEND] < _HALF_SPEND
        and all(
            topic < TOPICS and partition >= 0 and offset >= NOT_READ
            for topic, partition, offset, _ in _POSITION.iter_unpack(further)
        )
    )


def _are_sound_events(events: list[Event], ring: bytes) -> bool:
    """Say whether events, newest first, can have been folded."""
    at = [event[0] for event in events]
    return not events or (
        at[-1] > 0
        and at[0] <= LATEST
        and at == sorted(at, reverse=True)
        and max(ring[_PRICE_AT :: EVENT.itemsize]) < _NO_PRICE
        and max(ring[_ACTION_AT :: EVENT.itemsize]) < len(Action)
        and max(ring[_RATING_AT :: EVENT.itemsize]) <= HIGHEST_RATING
    )


def _is_sound_portrait(record: Record, portrait: bytes) -> bool:
    """Say whether a portrait's numbers are some, and its evidence is there."""
    floats = portrait[_SPACE + _DIMS.size : len(portrait) - _SHARES]
    total = sum(record.price) + sum([share for _, share in record.brands])
    events = len(record.events)
    for _, score, trend, *places, _ in record.interests:
        total += score + trend
        if any(events <= place != NO_EVIDENCE for place in places):
            return False
    return isfinite(total) and bool(np.isfinite(np.frombuffer(floats, "<f2")).all())


def _format(dtype: np.dtype[Any]) -> str:
    """Write a numpy layout as a struct format."""
    if dtype.subdtype is not None:
        inner, shape = dtype.subdtype
        return _format(inner) * prod(shape)
    if dtype.names is None:
        return _CODES[dtype.str[1:]]
    return "".join(_format(dtype[name]) for name in dtype.names)


_NAMES = HEAD.names or ()
_HEAD = Struct("<" + "".join(_format(HEAD[name]) for name in _NAMES[1:]))
_COUNTS = Struct("<BBH")  # of HEAD: events in the ring, layout, further positions
_EVENT = Struct("<" + _format(EVENT))
# Bytes of an event; of the price its highest, which is its last.
_PRICE_AT = EVENT.fields["price"][1] + EVENT["price"].itemsize - 1  # type: ignore[index] # it has fields
_ACTION_AT, _RATING_AT = EVENT.fields["action"][1], EVENT.fields["rating"][1]  # type: ignore[index]
_NO_PRICE = 0x7F  # so high it is where a price is negative, 2**127 or more, or no number
_POSITION = Struct("<" + _format(POSITION))
_INTEREST = Struct("<" + _format(INTEREST))
_BRAND = Struct("<" + _format(BRAND))
_PRICE = Struct("<" + "f" * len(QUANTILES))
_SPACE = portrait_dtype(0)["space"].itemsize
_DIMS = Struct("<HH")  # of a portrait, after the name of its space
_FLOAT = 2  # bytes of a number of a vector
_BARE_PORTRAIT = portrait_dtype(0).itemsize  # without vectors
_SHARES = _BARE_PORTRAIT - _SPACE - _DIMS.size  # bytes of a portrait that lie behind its vectors
_HALF_SPEND = 1 << (SPEND_PART - 1)


def _place(name: str) -> slice:
    """Return where a field of HEAD lies among the values that `_HEAD` unpacks."""
    names = _NAMES[1:]
    start = sum(len(_format(HEAD[before])) for before in names[: names.index(name)])
    return slice(start, start + len(_format(HEAD[name])))


_TOTALS, _BY_PERIOD = _place("totals"), _place("by_period")
_SPEND, _SPEND_UPPER = _place("spend").start, _place("spend_upper").start
_PARTITIONS, _OFFSETS, _LAST_IDS = _place("partition"), _place("offset"), _place("last_id")
_PARTITION = Struct("<" + _format(HEAD["partition"]))
_RECEIVED = Struct("<" + _format(HEAD["received_at"]))
_LAST_ID = Struct("<" + _format(HEAD["last_id"]))


def _offset(name: str) -> int:
    """Return at which byte of HEAD a field begins."""
    return sum(HEAD[before].itemsize for before in _NAMES[: _NAMES.index(name)])


_PARTITION_AT, _RECEIVED_AT = _offset("partition"), _offset("received_at")
_LAST_ID_AT = _offset("last_id")
