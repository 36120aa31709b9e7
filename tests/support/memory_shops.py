"""Shops in memory."""

from collections.abc import Sequence
from datetime import datetime

from portrait.shops.shop import Quotas, Shop
from portrait.shops.store import ShopExistsError, ShopNotFoundError


class MemoryShops:
    """A `ShopStore` in a dict."""

    def __init__(self) -> None:
        self.shops: dict[str, Shop] = {}
        self._made = 0

    async def all(self) -> Sequence[Shop]:
        """Return every shop by its name."""
        return [self.shops[name] for name in sorted(self.shops)]

    async def create(self, name: str, quotas: Quotas, now: datetime) -> Shop:
        """Make a shop in the first database that none has."""
        if name in self.shops:
            raise ShopExistsError
        taken = {shop.database for shop in self.shops.values()}
        database = min({*range(1, len(taken) + 2)} - taken)
        self._made += 1
        shop = Shop(
            name=name,
            database=database,
            token=f"{self._made:016x}",
            created_at=now,
            quotas=quotas,
        )
        self.shops[name] = shop
        return shop

    async def limit(self, name: str, quotas: Quotas) -> Shop:
        """Give a shop other quotas."""
        self.shops[name] = self._found(name).model_copy(update={"quotas": quotas})
        return self.shops[name]

    async def close(self, name: str) -> Shop:
        """Let nobody open it any more."""
        self.shops[name] = self._found(name).model_copy(update={"is_closing": True})
        return self.shops[name]

    async def forget(self, shop: Shop) -> None:
        """Forget that there was one, if it is closed."""
        if self.shops.get(shop.name) == shop:
            del self.shops[shop.name]

    def _found(self, name: str) -> Shop:
        if name not in self.shops:
            raise ShopNotFoundError
        return self.shops[name]
