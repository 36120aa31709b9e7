"""Records: one stored record, read field by field.

For one record `struct` takes a fifth of numpy's time, which is made for many. The formats are
derived from the numpy layouts, so the two cannot part.
"""

from math import prod
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from portrait.facts import EVENT, HEAD, SPEND_PART
from portrait.paint import BRAND, BRANDS, INTEREST, INTERESTS, QUANTILES, portrait_dtype
from portrait.positions import POSITION

_CODES = {"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "i4": "i", "i8": "q", "f4": "f"}
_REVISION = 8  # bytes, big-endian, which nobody reads here


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


def read_record(payload: bytes) -> Record:
    """Read one whole record."""
    fields = _HEAD.unpack_from(payload, _REVISION)
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
        list(_EVENT.iter_unpack(payload[HEAD.itemsize : ring_end])),
        payload[space_at : space_at + _SPACE].rstrip(b"\0").decode(),
        [one for one in _INTEREST.iter_unpack(payload[interests_at:brands_at]) if one[0]],
        [one for one in _BRAND.iter_unpack(payload[brands_at:price_at]) if one[0]],
        _PRICE.unpack_from(payload, price_at),
    )


def partitions_of(payload: bytes) -> tuple[int, ...]:
    """Read where a user's events lie, and nothing else: 1 + partition, or 0, of every position."""
    lowest = _PARTITION.unpack_from(payload, _PARTITION_AT)
    further = _POSITION.iter_unpack(payload[slice(*_further_place(payload))])
    return lowest + tuple(partition + 1 for _topic, partition, *_ in further)


def is_whole(payload: bytes) -> bool:
    """Say whether a record is as long as it says, so that its fields can be read."""
    if len(payload) < HEAD.itemsize:
        return False
    _, at = _further_place(payload)
    return len(payload) >= at + _SPACE


def is_blank(payload: bytes) -> bool:
    """Say whether a record holds nothing but positions: its user has been erased."""
    return payload[_REVISION] == 0


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
    count, further = _COUNTS.unpack_from(payload, _REVISION)
    start = HEAD.itemsize + count * EVENT.itemsize
    return start, start + further * _POSITION.size


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
_COUNTS = Struct("<BxH")  # of HEAD: events in the ring, further positions
_EVENT = Struct("<" + _format(EVENT))
_POSITION = Struct("<" + _format(POSITION))
_INTEREST = Struct("<" + _format(INTEREST))
_BRAND = Struct("<" + _format(BRAND))
_PRICE = Struct("<" + "f" * len(QUANTILES))
_SPACE = portrait_dtype(0)["space"].itemsize


def _place(name: str) -> slice:
    """Return where a field of HEAD lies among the values that `_HEAD` unpacks."""
    names = _NAMES[1:]
    start = sum(len(_format(HEAD[before])) for before in names[: names.index(name)])
    return slice(start, start + len(_format(HEAD[name])))


_TOTALS, _BY_PERIOD = _place("totals"), _place("by_period")
_SPEND_UPPER = _place("spend_upper").start
_PARTITION = Struct("<" + _format(HEAD["partition"]))
_RECEIVED = Struct("<" + _format(HEAD["received_at"]))


def _offset(name: str) -> int:
    """Return at which byte of a record a field of HEAD begins."""
    return sum(HEAD[before].itemsize for before in _NAMES[: _NAMES.index(name)])


_PARTITION_AT, _RECEIVED_AT = _offset("partition"), _offset("received_at")
