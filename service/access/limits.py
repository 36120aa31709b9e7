"""Limits: how much a caller may ask for, over all processes of the service.

Tokens come from everybody's buckets in lots of a tenth of a second, so that hardly a request waits
for the store; within a lot nobody is asked. While the store is away nobody is limited: what it
keeps cannot be read either.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

from portrait.access.buckets import BURST_SECONDS, Buckets
from portrait.errors import StoreUnavailableError
from service.access.caller import Caller
from service.http.problems import ProblemError

LOT_SECONDS = 0.1
MOST_LOTS = 10_000  # callers whose tokens are at hand
COSTS: Mapping[tuple[str, str], int] = {  # tokens; of any other route one
    ("POST", "/recommend"): 4,
    ("POST", "/assist"): 4,
}


class RateLimitedError(ProblemError):
    """This key or token asks for too much: try again in a moment."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    name = "rate-limited"


class Limits:
    """Hands out tokens. Lives as long as the process."""

    def __init__(self, buckets: Buckets, rate: float) -> None:
        """Connect it.

        Args:
            buckets: Everybody's.
            rate: Tokens a second of a caller whose key says no other.
        """
        self._buckets = buckets
        self._rate = rate
        self._at_hand: OrderedDict[str, int] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    def has(self, caller: Caller, cost: int) -> bool:
        """Pay with what is at hand; say whether that was enough."""
        held = self._at_hand.get(caller.name, 0)
        if held < cost:
            return False
        self._at_hand[caller.name] = held - cost
        return True

    async def pay(self, caller: Caller, cost: int) -> None:
        """Pay for a request; several of one caller ask the store once.

        Raises:
            RateLimitedError: There are not enough tokens; it says how long to wait.
        """
        if self.has(caller, cost):
            return
        turn = self._asking.setdefault(caller.name, asyncio.Lock())
        try:
            async with turn:
                if not self.has(caller, cost):
                    await self._fetch(caller, cost)
        finally:
            if not turn.locked():
                self._asking.pop(caller.name, None)

    async def _fetch(self, caller: Caller, cost: int) -> None:
        """Fetch a lot, and pay out of it."""
        rate = caller.rate or self._rate
        lot = max(cost, int(rate * LOT_SECONDS))
        try:
            taken = await self._buckets.take(caller.name, rate, cost, lot)
        except StoreUnavailableError:
            return
        if not taken.tokens:
            raise _too_much(rate, max(1, ceil(taken.wait)))
        self._at_hand[caller.name] = self._at_hand.pop(caller.name, 0) + taken.tokens - cost
        if len(self._at_hand) > MOST_LOTS:
            self._at_hand.popitem(last=False)


def _too_much(rate: float, wait: int) -> RateLimitedError:
    """Say so, in words and in the headers of draft-ietf-httpapi-ratelimit-headers."""
    return RateLimitedError(
        f"It may ask for {rate:g} tokens a second; recommendations and answers cost 4, all else 1.",
        headers={
            "Retry-After": str(wait),
            "RateLimit-Policy": f'"key";q={int(rate * BURST_SECONDS)};w={BURST_SECONDS}',
            "RateLimit": f'"key";r=0;t={wait}',
        },
    )
