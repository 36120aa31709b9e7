"""By shop: a request is given the shop of its key before anything reads it, and no other.

request ─▶ the shop of its key or token ─▶ opened ─▶ parts and live of this request
   └ none: there are no parts, and whatever needs some refuses before it asks for them
"""

from functools import lru_cache

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portrait.errors import PortraitError
from portrait.metrics import ShopSeries
from portrait.shops.store import ShopNotFoundError
from service.http.problems import answer_ours
from service.shops.guard import ShopsGuard
from service.shops.shops import Shops

MOST_SERIES = 1_000  # that are at hand


class ByShop:
    """Passes requests on, each with its shop."""

    def __init__(self, app: ASGIApp, shops: Shops, guard: ShopsGuard, series: ShopSeries) -> None:
        self.app = app
        self._shops = shops
        self._guard = guard
        # By its labels a series is found in as long as it takes to count.
        self._asked = lru_cache(MOST_SERIES)(series.requests.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the shop, and keep it open until the request is answered."""
        name = self._guard.shop_of(scope) if scope["type"] == "http" else None
        if name is None:
            await self.app(scope, receive, send)
            return
        try:
            held = await self._shops.take(name)
        except ShopNotFoundError:  # it is just being deleted: its keys open nothing
            await self.app(scope, receive, send)
            return
        except PortraitError as error:
            problem = await answer_ours(Request(scope), error)
            await problem(scope, receive, send)
            return
        try:
            opened, state = held.opened, scope["state"]
            state["shop"], state["parts"], state["live"] = name, opened.parts, opened.live
            self._asked(name).inc()
            await self.app(scope, receive, send)
        finally:
            self._shops.give_back(held)
