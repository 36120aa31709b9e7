"""Outages: how long something has been away, and how long that is borne."""

import time
from datetime import timedelta


class Outage:
    """One thing that may be away for a while."""

    def __init__(self, limit: timedelta) -> None:
        self.limit = limit
        self._since: float | None = None

    def is_over_limit(self) -> bool:
        """Note that it is away; say whether it has been for longer than is borne."""
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > self.limit.total_seconds()

    def ends(self) -> None:
        """Note that it is back."""
        self._since = None
