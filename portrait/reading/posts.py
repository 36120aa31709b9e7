"""Posts: what lies on the topic `opinions`."""

from pydantic import ValidationError

from portrait.errors import EventInvalidError
from portrait.events.post import Post
from portrait.events.stream import Record
from portrait.field_errors import reasons
from portrait.reading.records import LARGEST_EVENT, Clock
from portrait.times import to_ms


def read_post(record: Record, clock: Clock) -> Post:
    """Read a post.

    Raises:
        RecordInvalidError: It is none, or cannot have been written then.
    """
    value = record.value
    if value is None or len(value) > LARGEST_EVENT:
        msg = "payload: missing" if value is None else f"payload: larger than {LARGEST_EVENT} bytes"
        raise EventInvalidError(msg)
    try:
        post = Post.model_validate_json(value)
    except ValidationError as error:
        raise EventInvalidError(reasons(error)) from None  # the error holds the text
    if to_ms(post.occurred_at) > clock.received(record) + clock.tolerance:
        msg = "occurred_at: in the future"
        raise EventInvalidError(msg)
    if to_ms(post.occurred_at) <= 0:
        msg = "occurred_at: before 1970"
        raise EventInvalidError(msg)
    return post
