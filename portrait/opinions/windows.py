"""Windows: how much of what was said of a subject, by hour, day and week, and how sure that is."""

from enum import StrEnum
from math import sqrt
from typing import Final, NamedTuple

from portrait.times import DAY_MS, HOUR_MS, to_moment

SURE = 1.959_964  # quantile of the normal distribution: intervals hold 95 times in 100
MONDAY = 4 * DAY_MS  # 1970 began on a Thursday

# Names of counts beside those of the tones. Of topics and aspects each tone has its own.
TEXTS: Final = "texts"
HARMFUL: Final = "harmful"
AUTHORS: Final = "authors"


class Width(StrEnum):
    """How long a window is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


LENGTHS = {Width.HOUR: HOUR_MS, Width.DAY: DAY_MS, Width.WEEK: 7 * DAY_MS}
KEPT = {Width.HOUR: 48, Width.DAY: 35, Width.WEEK: 53}  # windows of a subject


class Window(NamedTuple):
    """One stretch of time, by UTC; a week begins on Monday."""

    width: Width
    number: int

    @classmethod
    def of(cls, width: Width, at: int) -> "Window":
        """Return the window that a moment (ms) lies in."""
        offset = MONDAY if width is Width.WEEK else 0
        return cls(width, (at - offset) // LENGTHS[width])

    @property
    def begins(self) -> int:
        """When it begins, ms."""
        offset = MONDAY if self.width is Width.WEEK else 0
        return self.number * LENGTHS[self.width] + offset

    @property
    def ends(self) -> int:
        """When the next one begins, ms."""
        return self.begins + LENGTHS[self.width]

    def __str__(self) -> str:
        """Name it in keys: `day:20784`."""
        return f"{self.width}:{self.number}"

    @classmethod
    def named(cls, name: str) -> "Window":
        """Read what `str` wrote.

        Raises:
            ValueError: It is no window, or none of a moment that there is.
        """
        width, _, number = name.partition(":")
        window = cls(Width(width), int(number))
        try:
            to_moment(window.ends)
        except OverflowError:
            raise ValueError(name) from None
        return window


def windows_of(at: int) -> tuple[Window, ...]:
    """Return the windows that a moment (ms) lies in, the shortest first."""
    return tuple(Window.of(width, at) for width in Width)


def oldest_kept(newest: int) -> dict[Width, int]:
    """Return the number of the oldest window that is kept, once something was said at a moment."""
    return {width: Window.of(width, newest).number - KEPT[width] + 1 for width in Width}


class Interval(NamedTuple):
    """A share, and between which it lies in truth, 95 times in 100."""

    share: float
    low: float
    high: float


def share_of(count: int, of: int) -> Interval:
    """Return the share of a count, with Wilson's interval; of nothing all is possible.

    Source: Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22(158), 1927.
    """
    if not of:
        return Interval(0.0, 0.0, 1.0)
    share, spread = count / of, SURE * SURE / of
    centre = share + spread / 2
    half = SURE * sqrt(share * (1 - share) / of + spread / (4 * of))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share)))
