"""Damage: a stored record that none of our programs wrote so.

To a client nothing is known of its user, until an update worker begins the profile anew. The log
says that there is one, and not whose.
"""

import structlog

from portrait import metrics
from portrait.profiles.record import Record, is_whole, read_sound

log = structlog.get_logger()


def is_readable(payload: bytes) -> bool:
    """Say whether a record's fields can be read, whatever they hold."""
    if is_whole(payload):
        return True
    _say(payload)
    return False


def sound(payload: bytes) -> Record | None:
    """Read a record; None if it is damaged."""
    record = read_sound(payload)
    if record is None:
        _say(payload)
    return record


def _say(payload: bytes) -> None:
    metrics.profiles_damaged.inc()
    log.warning("profile_damaged", bytes=len(payload))
