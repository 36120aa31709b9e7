"""Short: an event that leaves out its id and its time, as `POST /events` alone takes it."""

from datetime import UTC, datetime
from uuid import uuid4

from portrait.reading.values import Fields


def complete(fields: Fields, at: datetime | None = None) -> None:
    """Add an id and a time where the producer left them out: then a repeat is not recognised.

    Args:
        fields: Of an event.
        at: The time; None: now.
    """
    fields.setdefault("event_id", str(uuid4()))
    if "occurred_at" not in fields:
        fields["occurred_at"] = at or datetime.now(UTC)
        fields.pop("sent_at", None)
