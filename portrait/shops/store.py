"""Where it is kept which shops there are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from portrait.errors import PortraitError
from portrait.shops.shop import Quotas, Shop


class ShopNotFoundError(PortraitError):
    """There is no shop of this name."""


class ShopExistsError(PortraitError):
    """There is a shop of this name."""


class NoRoomForShopError(PortraitError):
    """Redis has no database left for a shop."""


class ShopStore(Protocol):
    """All shops of an installation."""

    async def all(self) -> Sequence[Shop]:
        """Return every shop by its name, those that are being deleted among them.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def create(self, name: str, quotas: Quotas, now: datetime) -> Shop:
        """Make a shop, in a database that nothing lies in and nobody is connected to.

        Raises:
            ShopExistsError: There is one.
            NoRoomForShopError: Every database holds something.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def limit(self, name: str, quotas: Quotas) -> Shop:
        """Give a shop other quotas.

        Raises:
            ShopNotFoundError: There is none.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def close(self, name: str) -> Shop:
        """Let nobody open a shop any more, and cut off whoever has; doing it again is the same.

        Raises:
            ShopNotFoundError: There is none.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def forget(self, shop: Shop) -> None:
        """Delete all that is kept of a shop that is closed: its database, and that there was one.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...
