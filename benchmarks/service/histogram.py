"""A histogram of latencies: any range, three significant digits, one counter each.

Each power of two is cut into 1,024 equal parts, so a value is kept to a thousandth of itself, and
counting one costs the same whatever it is.

Source: Tene, HdrHistogram, 2012. Its Python package wants setuptools at run time, so this is ours.
"""

PARTS_BITS = 10  # a value is kept to 1 / 2^10 of itself
MICROSECONDS = 1e6


class Histogram:
    """Counts durations in microseconds."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._whole = 0

    def __len__(self) -> int:
        return self._whole

    def add(self, seconds: float) -> None:
        """Count a duration; what is below a microsecond is none."""
        place = _place(max(round(seconds * MICROSECONDS), 0))
        self._counts[place] = self._counts.get(place, 0) + 1
        self._whole += 1

    def quantile(self, share: float) -> float:
        """Return the seconds that such a share of all durations does not exceed; 0 of none."""
        wanted = share * self._whole
        seen = 0
        for place in sorted(self._counts):
            seen += self._counts[place]
            if seen >= wanted:
                return _highest(place) / MICROSECONDS
        return 0.0


def _place(value: int) -> int:
    """Return the number of the part that a value lies in."""
    shift = max(value.bit_length() - PARTS_BITS - 1, 0)
    return (shift << PARTS_BITS) + (value >> shift)


def _highest(place: int) -> int:
    """Return the largest value of a part."""
    shift = max((place >> PARTS_BITS) - 1, 0)
    return ((place - (shift << PARTS_BITS) + 1) << shift) - 1
