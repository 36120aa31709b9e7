"""Positions: up to where the log is to be in profiles, as a token that a client brings back.

published ─▶ place, log and offset of each ─▶ token ─▶ a client ─▶ token ─▶ are they in profiles?

    token = base64url(version ─ whose ─ [topic ─ partition ─ offset ─ log ─ its id] … ─ CRC-32)

Which log of its name a record lies in is part of where it lies: one that begins again begins at
offset 0. Positions are compared with the offsets that lie beside the profiles, so whatever state a
store comes back with, it says the truth of itself (docs/decisions/0060).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from collections.abc import Mapping
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from portrait.errors import PositionInvalidError
from portrait.events.history import Place
from portrait.events.progress import FIRST_LOG, LARGEST_LOG, LogName, StoredOffsets
from portrait.events.topics import FOLDED

VERSION = 1  # one more whenever the order of FOLDED changes: a token lives for seconds
MOST_PLACES = 1_000  # of one token: it has to fit into the address of a request
MOST_CHARACTERS = 25_600
ID_CHARACTERS = 8  # of a log's id: enough to tell two that follow each other apart

_HEAD = Struct("<B4s")  # version, whose
_MARK = Struct("<BIqH4s")  # topic, partition, offset, number of the log, its id
_SUM = Struct("<I")
_TOPICS = {topic: place for place, topic in enumerate(FOLDED)}

BROKEN = "It is not as `POST /events` gave it out."
OF_ANOTHER = "It is of another shop."
GONE = (
    "The log that it is of has begun again since, or has lost its end: send the events again, "
    "or read without it."
)


class Mark(NamedTuple):
    """Where the last of some records lies in its partition."""

    log: LogName  # its id may be but the beginning of it, or empty: not known
    offset: int


Position = Mapping[Place, Mark]


def position_of(published: Mapping[Place, int], before: StoredOffsets) -> Position:
    """Return where what was just published lies, of that which profiles are made of.

    Args:
        published: The last offset in each place.
        before: What was stored before it was published. An offset below an end of then is of a log
            that has begun again, and that nobody has read yet.
    """
    return {
        place: Mark(_log_of(place, offset, before), offset)
        for place, offset in published.items()
        if place[0] in _TOPICS
    }


def is_reached(position: Position, stored: StoredOffsets) -> bool:
    """Say whether all up to a position is in profiles.

    Raises:
        PositionInvalidError: Nobody can say any more: a log of it has begun again.
    """
    past = [_is_past(place, mark, stored) for place, mark in position.items()]
    return all(past)


def write_position(position: Position, shop: str | None) -> str | None:
    """Write a position as a token of a shop; None if there is nothing in it, or too much."""
    if not 0 < len(position) <= MOST_PLACES:
        return None
    marks = [
        _MARK.pack(_TOPICS[topic], partition, mark.offset, mark.log.number, _id(mark.log.id))
        for (topic, partition), mark in position.items()
    ]
    payload = b"".join([_HEAD.pack(VERSION, _whose(shop)), *marks])
    return urlsafe_b64encode(payload + _SUM.pack(crc32(payload))).decode().rstrip("=")


def read_position(token: str, shop: str | None) -> Position:
    """Read what a client brought.

    Raises:
        PositionInvalidError: It is no token, or not one of this shop.
    """
    payload = _payload(token)
    version, whose = _HEAD.unpack_from(payload)
    marks = payload[_HEAD.size :]
    if version != VERSION or not marks or len(marks) % _MARK.size:
        raise PositionInvalidError(BROKEN)
    if whose != _whose(shop):
        raise PositionInvalidError(OF_ANOTHER)
    return dict(_read_mark(*fields) for fields in _MARK.iter_unpack(marks))


def _payload(token: str) -> bytes:
    """Take a token apart, as far as its sum says that it is whole."""
    if len(token) > MOST_CHARACTERS or not token.isascii():
        raise PositionInvalidError(BROKEN)
    try:
        whole = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotBase64Error, ValueError):
        raise PositionInvalidError(BROKEN) from None
    payload, check = whole[: -_SUM.size], whole[-_SUM.size :]
    if len(payload) < _HEAD.size or check != _SUM.pack(crc32(payload)):
        raise PositionInvalidError(BROKEN)
    return payload


def _read_mark(
    topic: int, partition: int, offset: int, number: int, id: bytes
) -> tuple[Place, Mark]:
    if topic >= len(FOLDED) or offset < 0 or number > LARGEST_LOG:
        raise PositionInvalidError(BROKEN)
    log = LogName(number, id.hex() if any(id) else "")
    return (FOLDED[topic], partition), Mark(log, offset)


def _is_past(place: Place, mark: Mark, stored: StoredOffsets) -> bool:
    end = stored.ends.get(place)
    if end is None:  # nothing of it is in profiles
        return False
    log = stored.logs.get(place, FIRST_LOG)
    is_known = bool(mark.log.id and log.id)
    is_same = is_known and log.id.startswith(mark.log.id)
    if log.number > mark.log.number or (is_known and not is_same):
        raise PositionInvalidError(GONE)
    return end > mark.offset and (is_same or log.number == mark.log.number)


def _log_of(place: Place, offset: int, before: StoredOffsets) -> LogName:
    log = before.logs.get(place, FIRST_LOG)
    has_begun_again = offset < before.ends.get(place, 0)
    return LogName(log.number + 1) if has_begun_again else log


def _id(id: str) -> bytes:
    """Return the beginning of a log's id; of one that is not hexadecimal, none."""
    try:
        return bytes.fromhex(id[:ID_CHARACTERS])
    except ValueError:
        return b""


def _whose(shop: str | None) -> bytes:
    return blake2b((shop or "").encode(), digest_size=4).digest()
