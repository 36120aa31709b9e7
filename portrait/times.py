"""Times: moments as the log, the arrays and people have them."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def to_ms(moment: datetime) -> int:
    """Return a moment in ms since 1970."""
    return (moment - EPOCH) // MILLISECOND


def to_moment(ms: int) -> datetime:
    """Return the moment so many ms after 1970.

    Raises:
        OverflowError: There is none: before the year 1, or after 9999.
    """
    return EPOCH + ms * MILLISECOND
