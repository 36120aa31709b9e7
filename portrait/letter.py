"""Dead letters: a record that could not be read, put aside with its place and the reason.

A letter always fits: what is too long is cut, and says so. Its own headers begin with `portrait-`
and stand before those of the record, which keep their names; so whatever a producer calls its
headers, they go back as they came.
"""

from hashlib import sha256

from portrait.errors import LetterInvalidError
from portrait.receipt import sent_back
from portrait.stream import Headers, Message, Record, Unreadable
from portrait.topics import DEAD, EVENT_TOPICS, ITEMS

OURS = "portrait-"  # begins the names of our own headers
THEIRS = "portrait-header-"  # before the name of a producer's header that begins like ours
LARGEST_VALUE = 960_000  # bytes; with the other bounds below 1 MiB, which Kafka takes
LARGEST_KEY = 1_024  # bytes; a user's or an item's key has up to 556
LARGEST_HEADERS = 16_384  # bytes of the record's own headers
MOST_HEADERS = 64  # of the record's own
LONGEST_REASON = 200  # characters
REPLAYED = frozenset({*EVENT_TOPICS, ITEMS})  # never `erasures`: no letter may erase anybody


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
    return Message(DEAD, key, None if record.value is None else value, (*ours, *headers))


def topic_of(letter: Message) -> str:
    """Return the topic that a letter of ours came from."""
    return _first(letter.headers, "topic")


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
