"""Limits: how much a caller may ask for, over all processes of the service.

Tokens come from everybody's buckets in lots of a tenth of a second, so that hardly a request waits
for the store; within a lot nobody is asked. While the store is away nobody is limited: what it
keeps cannot be read either.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from math import ceil
from typing import Final, NamedTuple

from portrait.access.buckets import BURST_SECONDS, Buckets
from portrait.errors import StoreUnavailableError
from portrait.shops.shop import WITHOUT, Quotas
from service.access.caller import Caller
from service.http.problems import ProblemError

LOT_SECONDS = 0.1
PAGES_SHARE = 0.5  # of a shop's quota: visitors of its pages do not starve its servers
SHOP, EVENTS = "shop", "events"  # policies of a shop, as headers name them
OF_PAGES: Mapping[str, str] = {SHOP: "pages", EVENTS: "page-events"}  # the part of public keys
MOST_LOTS = 10_000  # callers whose tokens are at hand
COSTS: Mapping[tuple[str, str], int] = {  # tokens; of any other route one
    ("POST", "/recommend"): 4,
    ("POST", "/recommend/page"): 4,  # of each row
    ("POST", "/recommend/groups"): 4,
    ("POST", "/recommend/stream"): 4,  # of each list
    ("GET", "/profile/{user_id}/why"): 4,  # of each list
    ("GET", "/items/{item_id}/similar"): 4,
    ("GET", "/items/{item_id}/together"): 4,
    ("POST", "/assist"): 4,
}


# What people may always ask of a shop: no quota of the shop refuses it, its key's own rate alone.
RIGHTS: Final = frozenset(
    {
        ("PUT", "/profile/{user_id}/consent"),
        ("DELETE", "/profile/{user_id}"),
        ("GET", "/profile/{user_id}/export"),
        ("DELETE", "/identities/{anonymous_id}"),
        ("DELETE", "/suppressions/{user_id}"),
    }
)


class RateLimitedError(ProblemError):
    """This key or token asks for too much: try again in a moment."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    name = "rate-limited"


class ShopLimitedError(ProblemError):
    """This shop asks for too much: try again in a moment."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    name = "shop-limited"


class Purse(NamedTuple):
    """What somebody pays from."""

    name: str  # of the bucket
    rate: float  # tokens a second
    policy: str  # as headers name it


class Limits:
    """Hands out tokens. Lives as long as the process."""

    def __init__(
        self, buckets: Buckets, rate: float, quotas_of: Callable[[str], Quotas] | None = None
    ) -> None:
        """Connect it.

        Args:
            buckets: Everybody's.
            rate: Tokens a second of a caller whose key says no other.
            quotas_of: What a shop may ask for; None: there are none.
        """
        self._buckets = buckets
        self._rate = rate
        self._quotas_of = quotas_of
        self._at_hand: OrderedDict[str, int] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    def has(self, caller: Caller, cost: int) -> bool:
        """Pay with what is at hand; say whether that was enough."""
        purses, at_hand = self._purses(caller), self._at_hand
        for purse in purses:
            if at_hand.get(purse.name, 0) < cost:
                return False
        for purse in purses:
            at_hand[purse.name] -= cost
        return True

    async def pay(self, caller: Caller, cost: int, *, is_right: bool = False) -> None:
        """Pay for a request; several of one caller ask the store once.

        Args:
            caller: Who asks.
            cost: Tokens.
            is_right: Whether it is among `RIGHTS`.

        Raises:
            RateLimitedError: There are not enough tokens; it says how long to wait.
            ShopLimitedError: Those of all keys of the shop are not enough.
        """
        purses = self._purses(caller)
        await self._pay_all([(each, cost) for each in (purses[-1:] if is_right else purses)])

    async def pay_events(self, caller: Caller, events: int) -> None:
        """Pay for events that are sent: one of them came with the request, each more costs as much.

        Raises:
            ShopLimitedError: The shop may not send as many.
            RateLimitedError: This key or token may not.
        """
        rate = self._quotas(caller).events
        due: list[tuple[Purse, int]] = []
        if rate is not None:
            due += [
                (each, events)
                for each in _shared(EVENTS, caller.shop, rate, is_public=caller.is_public)
            ]
        due.append((self._purses(caller)[-1], events - 1))
        await self._pay_all([(purse, cost) for purse, cost in due if cost > 0])

    async def _pay_all(self, due: Sequence[tuple[Purse, int]]) -> None:
        """Pay from several purses, or from none."""
        paid: list[tuple[Purse, int]] = []
        try:
            for purse, cost in due:
                await self._pay(purse, cost)
                paid.append((purse, cost))
        except ProblemError:
            for purse, cost in paid:  # nothing came of it
                self._at_hand[purse.name] = self._at_hand.get(purse.name, 0) + cost
            raise

    def _purses(self, caller: Caller) -> tuple[Purse, ...]:
        """Return what a request of a caller is paid from."""
        rate, of_all = caller.rate or self._rate, self._quotas(caller).requests
        return _purses_of(caller.name, rate, caller.shop, of_all, caller.is_public)

    def _quotas(self, caller: Caller) -> Quotas:
        if caller.shop is None or self._quotas_of is None:
            return WITHOUT
        return self._quotas_of(caller.shop)

    def _pays(self, purse: Purse, cost: int) -> bool:
        """Pay with what is at hand in one purse; say whether that was enough."""
        held = self._at_hand.get(purse.name, 0)
        if held < cost:
            return False
        self._at_hand[purse.name] = held - cost
        return True

    async def _pay(self, purse: Purse, cost: int) -> None:
        if self._pays(purse, cost):
            return
        turn = self._asking.setdefault(purse.name, asyncio.Lock())
        try:
            async with turn:
                if not self._pays(purse, cost):
                    await self._fetch(purse, cost)
        finally:
            if not turn.locked():
                self._asking.pop(purse.name, None)

    async def _fetch(self, purse: Purse, cost: int) -> None:
        """Fetch a lot, and pay out of it."""
        lot = max(cost, int(purse.rate * LOT_SECONDS))
        try:
            taken = await self._buckets.take(purse.name, purse.rate, cost, lot)
        except StoreUnavailableError:
            return
        if not taken.tokens:
            raise _too_much(purse, max(1, ceil(taken.wait)))
        self._at_hand[purse.name] = self._at_hand.pop(purse.name, 0) + taken.tokens - cost
        if len(self._at_hand) > MOST_LOTS:
            self._at_hand.popitem(last=False)


@lru_cache(MOST_LOTS)
def _purses_of(
    name: str,
    rate: float,
    shop: str | None,
    of_all: float | None,
    is_public: bool,  # noqa: FBT001 - by name it would be looked up more slowly
) -> tuple[Purse, ...]:
    """Return the shop's, if it has a quota, then the caller's: two of them may be called alike."""
    own = Purse(name if shop is None else f"{shop} {name}", rate, "key")
    return (own,) if of_all is None else (*_shared(SHOP, shop, of_all, is_public=is_public), own)


def _shared(policy: str, shop: str | None, rate: float, *, is_public: bool) -> tuple[Purse, ...]:
    """Return what all keys of a shop pay from; the public ones from their part of it first."""
    of_all = Purse(f"{policy} {shop}", rate, policy)
    if not is_public:
        return (of_all,)
    policy = OF_PAGES[policy]
    return Purse(f"{policy} {shop}", PAGES_SHARE * rate, policy), of_all


TOLD = "recommendations and answers cost 4, each event and all else 1."
PART = "All its public keys together may have half of that"
SAID = {
    "key": f"It may ask for {{rate:g}} tokens a second; {TOLD}",
    SHOP: f"All its keys together may ask for {{rate:g}} tokens a second; {TOLD}",
    OF_PAGES[SHOP]: f"{PART}: {{rate:g}} tokens a second; {TOLD}",
    EVENTS: "It may send {rate:g} events a second.",
    OF_PAGES[EVENTS]: f"{PART}: {{rate:g}} events a second.",
}


def _too_much(purse: Purse, wait: int) -> ProblemError:
    """Say so, in words and in the headers of draft-ietf-httpapi-ratelimit-headers."""
    kind = RateLimitedError if purse.policy == "key" else ShopLimitedError
    return kind(
        SAID[purse.policy].format(rate=purse.rate),
        headers={
            "Retry-After": str(wait),
            "RateLimit-Policy": f'"{purse.policy}";q={int(purse.rate * BURST_SECONDS)}'
            f";w={BURST_SECONDS}",
            "RateLimit": f'"{purse.policy}";r=0;t={wait}',
        },
    )
