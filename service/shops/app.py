"""The app of several shops: the same routes, over the shop of whoever asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from portrait.events.stream import Publisher
from portrait.lifecycle.lease import stopped
from portrait.metrics import ShopSeries
from service.app import app_of
from service.http.border import Border
from service.http.middleware import BodyLimits
from service.recommendations.turns import Turns
from service.repeating import repeat
from service.seats import Seats
from service.shops.by_shop import ByShop
from service.shops.guard import ShopsGuard
from service.shops.shops import Shops
from service.shortcut import Shortcut
from service.standing import servers_of

CLOSED_EVERY = 0.5  # seconds between two looks whether a shop is there no more


def create_shops_app(  # noqa: PLR0913 - what it stands on
    shops: Shops,
    guard: ShopsGuard,
    ping: Callable[[], Awaitable[None]],
    publisher: Publisher,
    series: ShopSeries,
    *,
    body_limits: BodyLimits,
    border: Border,
    seats: Seats,
) -> FastAPI:
    """Put the app together. Nothing is opened or sent before its lifespan begins."""

    def shortcut(app: ASGIApp) -> ASGIApp:
        short = Shortcut(app, border=border, guard=guard, most_bytes=body_limits.most_bytes)
        return ByShop(short, shops, guard, series)

    standing = OfShops(shops, ping, publisher)
    return app_of(
        _lifespan(shops, border, guard, standing, seats), shortcut, body_limits, border, guard
    )


class OfShops:
    """A `Standing` of a process that serves several, and names none of them."""

    is_shared = True

    def __init__(
        self, shops: Shops, ping: Callable[[], Awaitable[None]], publisher: Publisher
    ) -> None:
        self._shops = shops
        self._ping = ping
        self._publisher = publisher

    @property
    def is_running(self) -> bool:
        """Whether the tasks of all that are open run."""
        return self._shops.is_sound and all(live.is_running for live in self._shops.opened.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether something has no model yet: anybody may ask, and learns of no shop's."""
        if all(live.view is not None for live in self._shops.opened.values()):
            return ()
        return ("Not all that is loaded has a model in service.",)

    async def states(self) -> Mapping[str, bool]:
        """Ask both servers; that a shop has no model stops no other."""
        return await servers_of(self._ping, self._publisher)


def _lifespan(
    shops: Shops, border: Border, guard: ShopsGuard, standing: OfShops, seats: Seats
) -> Callable[[FastAPI], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        with Turns() as turns:
            async with guard.running():
                following = asyncio.create_task(repeat(shops.follow, CLOSED_EVERY))
                try:
                    yield {
                        "border": border,
                        "turns": turns,
                        "guard": guard,
                        "standing": standing,
                        "seats": seats,
                        "shop": None,  # of who shows no key: there are no parts either
                    }
                finally:
                    await stopped(following)
                    await shops.close()

    return lifespan
