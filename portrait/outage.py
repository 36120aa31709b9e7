"""Outages: how long something has been away, how long that is borne, when to try again."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds


class Outage:
    """One thing that may be away for a while."""

    def __init__(self, limit: timedelta) -> None:
        self.limit = limit
        self._since: float | None = None
        self._pauses = pauses(FIRST_PAUSE, LONGEST_PAUSE)

    def is_over_limit(self) -> bool:
        """Note that it is away; say whether it has been for longer than is borne."""
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > self.limit.total_seconds()

    def pause(self) -> float:
        """Return how many seconds to wait before the next try: longer each time."""
        return next(self._pauses)

    def ends(self) -> None:
        """Note that it is back."""
        self._since = None
        self._pauses = pauses(FIRST_PAUSE, LONGEST_PAUSE)


def pauses(first: float, longest: float) -> Iterator[float]:
    """Yield how long to wait between tries, each time twice as long, up to a bound."""
    pause = first
    while True:
        yield pause
        pause = min(2 * pause, longest)


async def closes_within(closing: asyncio.Event, seconds: float) -> bool:
    """Wait, and say whether we are asked to close meanwhile: at once if we are."""
    with suppress(TimeoutError):
        await asyncio.wait_for(closing.wait(), seconds)
    return closing.is_set()
