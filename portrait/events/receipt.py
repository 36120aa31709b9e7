"""Receipt: when the log first took a message in, however often it was sent back since.

A dead letter that is replayed gets a new timestamp, and would count as received after an erasure
that came before the replay. So the replay says in a header when it was received first. Whoever
forges the header makes a message older than it is, and nothing else: what would be gained by it
(regulars in `influence.py`, days of the archive) goes by the record's own time.

A timestamp can be forged, too: whoever sent the message said it. Where it lies after the letter,
the message counts as a day older than its letter, which a worker that was away has written late:
better one such message is taken for older than an erasure than that it brings somebody back.
"""

from portrait.events.stream import Headers, Record
from portrait.times import DAY_MS

RECEIVED = "portrait-received"  # ms since 1970, in digits
LONGEST = 15  # digits of a moment: the year 33658
LATE_MS = DAY_MS  # that a letter may come after what it is about


def first_received(record: Record) -> int:
    """Return when a message was first received, ms: the earliest that is said of it."""
    said = [
        int(value)
        for name, value in record.headers
        if name == RECEIVED and value and len(value) <= LONGEST and value.isdigit()
    ]
    return min([record.timestamp, *said])


def sent_back(letter: Record, said: str) -> Headers:
    """Return the headers that say when a message that is sent back was first received.

    Args:
        letter: What it was put aside as.
        said: The message's own timestamp, ms in digits.
    """
    is_moment = said.isascii() and said.isdigit() and len(said) <= LONGEST
    first = int(said) if is_moment else 0
    if not 0 < first <= letter.timestamp:
        first = max(letter.timestamp - LATE_MS, 1)
    return ((RECEIVED, b"%d" % first),)
