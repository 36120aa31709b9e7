"""Impressions as they lie in the log: what a record of the topic says, and when it was received."""

from pydantic import ValidationError

from portrait.errors import EventInvalidError
from portrait.events.impression import Impression, read_impression
from portrait.events.stream import Record
from portrait.field_errors import reasons
from portrait.reading.records import LARGEST_EVENT, Clock
from portrait.times import to_ms


def heard_impression(record: Record, clock: Clock) -> tuple[Impression, int]:
    """Read a record. Returns what it says, and when it was received, ms.

    Raises:
        EventInvalidError: It is no impression, or one of the future.
    """
    value = record.value
    if value is None or len(value) > LARGEST_EVENT:
        msg = "payload: missing" if value is None else f"payload: larger than {LARGEST_EVENT} bytes"
        raise EventInvalidError(msg)
    try:
        read = read_impression(value)
    except ValidationError as error:
        raise EventInvalidError(reasons(error)) from None  # the error holds the message
    received = clock.received(record)
    if not 0 < to_ms(read.occurred_at) <= received + clock.tolerance:
        msg = "occurred_at: in the future, or before 1970"
        raise EventInvalidError(msg)
    return read, received
