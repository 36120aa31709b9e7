"""The usual rule, to be measured against: three sigmas above the last weeks, day by day."""

from collections import deque
from math import sqrt

DAYS = 28  # that a day is compared with
LEAST = 5  # texts of a day, and days before it
SIGMAS = 3.0


class ThreeSigmas:
    """Watches one subject's share of negative texts, a day at a time."""

    def __init__(self) -> None:
        self._days: deque[tuple[int, int]] = deque(maxlen=DAYS)

    def add(self, hits: int, texts: int) -> bool:
        """Take in a day. Says whether it would raise an alarm."""
        is_alarm = False
        before = sum(of for _, of in self._days)
        if texts >= LEAST and len(self._days) >= LEAST and before:
            share = sum(hit for hit, _ in self._days) / before
            sigma = sqrt(max(share * (1 - share), 1e-4) / texts)
            is_alarm = hits / texts - share > SIGMAS * sigma
        self._days.append((hits, texts))
        return is_alarm
