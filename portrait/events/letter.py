"""Dead letters: a record that could not be read, put aside with its place and the reason.

A letter always fits: what is too long is cut, and says so. Its own headers begin with `portrait-`
and stand before those of the record, which keep their names; so whatever a producer calls its
headers, they go back as they came. A record that a partition has many times in a row is one letter,
which says how many there were: else a few hundred kilobytes would become a hundred megabytes here.
"""

import itertools
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from portrait.errors import LetterInvalidError
from portrait.events.receipt import sent_back
from portrait.events.stream import Headers, Message, Record, Unreadable
from portrait.events.topics import DEAD, EVENT_TOPICS, IMPRESSIONS, ITEMS, OPINIONS

OURS = "portrait-"  # begins the names of our own headers
THEIRS = "portrait-header-"  # before the name of a producer's header that begins like ours
LARGEST_VALUE = 960_000  # bytes; with the other bounds below 1 MiB, which Kafka takes
LARGEST_KEY = 1_024  # bytes; a user's or an item's key has up to 556
LARGEST_HEADERS = 16_384  # bytes of the record's own headers
MOST_HEADERS = 64  # of the record's own
LONGEST_REASON = 200  # characters
MOST_ALIKE = 100  # in a row, each with a letter of its own: a producer that tries again has fewer
PLACES = 6  # headers that every letter has: see `_place`
REPLAYED = frozenset(
    {*EVENT_TOPICS, ITEMS, OPINIONS, IMPRESSIONS}
)  # never `erasures`: no letter may erase anybody


def dead_letter(record: Record, reason: str, *, log: int = 0) -> Message:
    """Wrap what fits of a record with where it lay and why it could not be read.

    Args:
        record: What could not be read.
        reason: In our own words alone.
        log: Which log of its name it lay in, 0 the first: offsets begin again with each.
    """
    key, value = (record.key or b"")[:LARGEST_KEY], (record.value or b"")[:LARGEST_VALUE]
    headers = _kept(record.headers)
    ours = (*_place(record, reason, log), *_cuts(record, headers))
    kept = None if record.value is None else value
    return Message(DEAD, key, kept, (*ours, *headers), record.partition)


def joined(letters: Iterable[Message]) -> Iterator[Message]:
    """Yield letters of ours; of one and the same record very many times in a row, one for all.

    Nothing is lost with the others: they say the same, of the offsets that this one tells.

    Args:
        letters: Of whole records or none of them, in log order.
    """
    for _, alike in itertools.groupby(enumerate(letters), _sameness):
        run = [letter for _, letter in alike]
        if len(run) > MOST_ALIKE:
            yield _for_all(run)
        else:
            yield from run


class Letter(NamedTuple):
    """What a letter of ours says of the record in it, but not what that held."""

    id: str  # the same for the same record
    topic: str
    partition: int
    offset: int
    at: int  # when the log took the record in, ms; may be anything, where that was the reason
    reason: str
    records: int  # that it stands for


def told_by(letter: Record) -> Letter | None:
    """Read the headers of a letter; None if it is none of ours."""

    def said(name: str) -> str:
        return _first(letter.headers, name)

    try:
        return Letter(
            said("id"),
            said("topic"),
            int(said("partition")),
            int(said("offset")),
            int(said("timestamp")),
            said("reason"),
            int(said("records") or 1),
        )
    except ValueError:
        return None


def topic_of(letter: Message) -> str:
    """Return the topic that a letter of ours came from."""
    return _first(letter.headers, "topic")


def records_of(letter: Message) -> int:
    """Return how many records a letter of ours is of."""
    return int(_first(letter.headers, "records") or 1)


def original(letter: Record) -> Message:
    """Unwrap a dead letter: the message as its producer sent it, and when it was received.

    Raises:
        LetterInvalidError: It is none of ours, not whole, or not of a topic that is sent to.
    """
    if _first(letter.headers, "topic") not in REPLAYED:
        msg = "letter: no topic to send it to"
        raise LetterInvalidError(msg)
    if _first(letter.headers, "cut"):
        msg = "letter: not whole"
        raise LetterInvalidError(msg)
    theirs = tuple(
        (name.removeprefix(THEIRS), value)
        for name, value in letter.headers
        if name.startswith(THEIRS) or not name.startswith(OURS)
    )
    back = (*sent_back(letter, _first(letter.headers, "timestamp")), *theirs)
    return Message(_first(letter.headers, "topic"), letter.key or b"", letter.value, back)


def _place(record: Record, reason: str, log: int) -> Headers:
    """Return the headers that every letter has; the same record always has the same id."""
    return _ours(
        id=f"{record.topic}/{record.partition}/{log}/{record.offset}",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        reason=reason[:LONGEST_REASON],
    )


def _sameness(placed: tuple[int, Message]) -> tuple[object, ...]:
    """Return what neighbours that are one record many times have in common."""
    place, letter = placed
    _, topic, partition, (_, offset), _, *others = letter.headers
    return int(offset or 0) - place, topic, partition, letter.key, letter.value, tuple(others)


def _for_all(run: list[Message]) -> Message:
    """Return the first of a run of letters, with how far it goes."""
    first, last = run[0], _first(run[-1].headers, "offset")
    id, *place = first.headers[:PLACES]
    stretch = ((id[0], f"{(id[1] or b'').decode()}-{last}".encode()), *place)
    told = _ours(last_offset=last, records=len(run))
    return first._replace(headers=(*stretch, *told, *first.headers[PLACES:]))


def _cuts(record: Record, kept: Headers) -> tuple[tuple[str, bytes | None], ...]:
    """Return the headers of a letter that is not the whole record: what is cut, and what it was."""
    if isinstance(record, Unreadable):
        return _ours(cut="record")
    value, key = record.value or b"", record.key or b""
    cut = {
        "key": len(key) > LARGEST_KEY,
        "value": len(value) > LARGEST_VALUE,
        "headers": len(kept) < len(record.headers),
    }
    if not any(cut.values()):
        return ()
    return _ours(
        cut=" ".join(name for name, is_cut in cut.items() if is_cut),
        key_bytes=len(key),
        value_bytes=len(value),
        value_sha256=sha256(value).hexdigest(),
        headers=len(record.headers),
    )


def _kept(headers: Headers) -> Headers:
    """Return a record's own headers as far as they fit, each whole."""
    kept: list[tuple[str, bytes | None]] = []
    room = LARGEST_HEADERS
    for name, value in headers:
        renamed = THEIRS + name if name.startswith(OURS) else name
        room -= len(renamed.encode(errors="replace")) + len(value or b"")
        if room < 0 or len(kept) == MOST_HEADERS:
            break
        kept.append((renamed, value))
    return kept


def _ours(**values: str | int) -> tuple[tuple[str, bytes | None], ...]:
    named = ((name.replace("_", "-"), value) for name, value in values.items())
    return tuple((OURS + name, str(value).encode()) for name, value in named)


def _first(headers: Headers, name: str) -> str:
    """Return what the first header of ours with this name says; nothing if there is none."""
    found = (value for each, value in headers if each == OURS + name)
    return (next(found, None) or b"").decode(errors="replace")
