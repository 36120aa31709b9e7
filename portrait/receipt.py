"""Receipt: when the log first took a message in, however often it was sent back since.

A dead letter that is replayed gets a new timestamp, and would count as received after an erasure
that came before the replay. So the replay says in a header when it was received first. Whoever
forges the header makes a message older than it is, and nothing else: what would be gained by it
(regulars in `influence.py`, days of the archive) goes by the record's own time.
"""

from portrait.stream import Headers, Record

RECEIVED = "portrait-received"  # ms since 1970, in digits
LONGEST = 15  # digits of a moment: the year 33658


def first_received(record: Record) -> int:
    """Return when a message was first received, ms: the earliest that is said of it."""
    said = [
        int(value)
        for name, value in record.headers
        if name == RECEIVED and value and len(value) <= LONGEST and value.isdigit()
    ]
    return min([record.timestamp, *said])


def sent_back(first: str) -> Headers:
    """Return the headers that say when a message that is sent back was received, ms in digits."""
    return ((RECEIVED, first.encode()),) if first.isascii() and first.isdigit() else ()
