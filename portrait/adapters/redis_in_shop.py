"""Connections to Redis that are in one shop's database, and in no other.

the URL's database: shops ─ name ─▶ number and token ─▶ SELECT number ─▶ shop: the same token?

Every connection is told anew where its shop is, so that nobody comes back to a database that was
given to another. Who is in it can send whatever it likes: no key of another shop can be named.
"""

from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError

from portrait.adapters.redis_common import NO_SHOP, readable
from portrait.shops.shop import Shop

SHOPS = "shops"  # hash: name to the shop as JSON
MARK = "shop"  # of each shop's database: its token


class InShop(AbstractConnection):
    """A connection that goes to its shop before anything is asked of it."""

    def __init__(self, *args: Any, shop: str, **kwargs: Any) -> None:  # noqa: ANN401 - redis-py's own
        super().__init__(*args, **kwargs, client_name=client_of(shop))
        self._shop = shop

    async def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's own
        """Go to the shop's database.

        Raises:
            ConnectionError: There is no such shop.
        """
        await super().on_connect_check_health(check_health)
        shop = read_shop(await self._said("HGET", SHOPS, self._shop))
        if shop is None or shop.is_closing:
            raise LostError(NO_SHOP)
        await self._said("SELECT", shop.database)
        if readable(await self._said("GET", MARK)) != shop.token:
            raise LostError(NO_SHOP)

    async def _said(self, *command: str | int) -> object:
        await self.send_command(*command, check_health=False)
        return await self.read_response()


def client_of(shop: str) -> str:
    """Return what connections of a shop call themselves."""
    return f"portrait-shop-{shop}"


def read_shop(value: object) -> Shop | None:
    """Read a shop; None if it is none that we wrote."""
    try:
        return Shop.model_validate_json(readable(value) or "")
    except ValueError:
        return None
