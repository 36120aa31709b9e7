"""Buckets of tokens: how much each caller may ask for, over all processes of the service.

A bucket fills by so many tokens a second, and holds what comes in within `BURST_SECONDS`.
"""

from dataclasses import dataclass
from typing import Protocol

BURST_SECONDS = 2  # of tokens that nobody took are kept


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of a bucket."""

    tokens: int
    wait: float = 0.0  # seconds until as many are there as were needed; 0: they were


class Buckets(Protocol):
    """Everybody's buckets; a new one is full."""

    async def take(self, name: str, rate: float, least: int, most: int) -> Taken:
        """Take tokens, as many as there are up to `most`; none at all if there are not `least`.

        Args:
            name: Whose bucket.
            rate: Tokens a second that come in.
            least: That are needed; no more than the bucket holds.
            most: That are of use.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...
