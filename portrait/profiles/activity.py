"""Activity: whether somebody still comes, by the clock and by their own rhythm."""

from typing import NamedTuple

from portrait.profiles.record import Record
from portrait.times import DAY_MS

LEAST_DAYS = 30.0  # of silence, before anybody is gone; and the gap of who came on one day only
GAPS = 4.0  # of one's own, of silence: who comes at random is silent so long once in fifty times


class Activity(NamedTuple):
    """Whether somebody still comes, and how that is known."""

    silent_days: float  # since the newest event
    usual_gap_days: float | None  # between two days with events, of those that are remembered
    is_gone: bool


def activity_of(record: Record, now_ms: float) -> Activity:
    """Say whether a user still comes, as of a moment (ms since 1970)."""
    silent = max(0.0, now_ms - record.head.last_at) / DAY_MS
    gap = _usual_gap(record)
    is_gone = silent > max(LEAST_DAYS, GAPS * (LEAST_DAYS if gap is None else gap))
    return Activity(silent, gap, is_gone)


def _usual_gap(record: Record) -> float | None:
    days = {event[0] // DAY_MS for event in record.events}
    return (max(days) - min(days)) / (len(days) - 1) if len(days) > 1 else None
