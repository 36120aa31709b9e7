"""Activity: whether somebody still comes, by the clock and by their own rhythm."""

from portrait.profiles.record import Record
from portrait.times import DAY_MS

Json = dict[str, object]

LEAST_DAYS = 30.0  # of silence, before anybody is gone; and the gap of who came on one day only
GAPS = 4.0  # of one's own, of silence: who comes at random is silent so long once in fifty times
DECIMALS = 1


def activity(record: Record, now: float) -> Json:
    """Say whether a user still comes, as of `now` (seconds since 1970), and how that is known."""
    silent = max(0.0, now * 1_000 - record.head.last_at) / DAY_MS
    gap = _usual_gap(record)
    is_gone = silent > max(LEAST_DAYS, GAPS * (LEAST_DAYS if gap is None else gap))
    return {
        "state": "gone" if is_gone else "active",
        "silent_days": round(silent, DECIMALS),
        "usual_gap_days": gap if gap is None else round(gap, DECIMALS),
    }


def _usual_gap(record: Record) -> float | None:
    """Return how many days lie between two days with events, of those that are remembered."""
    days = {event[0] // DAY_MS for event in record.events}
    return (max(days) - min(days)) / (len(days) - 1) if len(days) > 1 else None
