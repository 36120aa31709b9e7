"""Times: moments as the log, the arrays and people have them."""

import re
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


def seconds_of(written: object) -> object:
    """Read a duration as people write it, `5`, `0.05`, `500ms`, `7d`; anything else stays."""
    found = _DURATION.fullmatch(written.strip()) if isinstance(written, str) else None
    return written if found is None else float(found[1]) * _UNITS[(found[2] or "s").lower()]


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", re.ASCII | re.IGNORECASE)
