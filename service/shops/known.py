"""Which shops there are, as far as this process knows: read anew every second."""

from collections.abc import Collection, Mapping

from portrait.shops.shop import WITHOUT, Quotas, Shop
from portrait.shops.store import ShopStore

READ_EVERY = 1.0  # seconds: a shop that is being deleted is served for as long


class KnownShops:
    """The shops that a process may serve. Lives as long as it."""

    def __init__(self, store: ShopStore, served: Collection[str | None] | None) -> None:
        """Connect it.

        Args:
            store: Where it is kept which there are.
            served: Names of those that this process serves; None: all.
        """
        self._store = store
        self._served = served
        self.by_name: Mapping[str, Shop] = {}

    async def read(self) -> None:
        """Read all shops anew; those that are being deleted are none."""
        self.by_name = {
            shop.name: shop
            for shop in await self._store.all()
            if not shop.is_closing and (self._served is None or shop.name in self._served)
        }

    def quotas_of(self, name: str) -> Quotas:
        """Return how much a shop may have."""
        shop = self.by_name.get(name)
        return WITHOUT if shop is None else shop.quotas
