"""Room: how many users and items a shop may have, where it has a quota.

Users are counted once a minute, items when one is put: a quota may be passed by what comes within
a minute, and holds for what comes over HTTP. Who has a profile already is never refused.
"""

from collections.abc import Collection
from http import HTTPStatus
from time import monotonic

from portrait.catalogue.store import CatalogueStore
from portrait.profiles.store import ProfileStore
from service.http.problems import ProblemError
from service.shops.known import KnownShops

COUNTED_EVERY = 60.0  # seconds: to count a million takes Redis half a second, in a thousand parts


class QuotaReachedError(ProblemError):
    """The shop has as much as it may have."""

    status = HTTPStatus.FORBIDDEN
    name = "quota-reached"


class ShopRoom:
    """A `Room` of one shop. Lives as long as the shop is open."""

    def __init__(
        self, known: KnownShops, shop: str, profiles: ProfileStore, catalogue: CatalogueStore
    ) -> None:
        self._known = known
        self._shop = shop
        self._profiles = profiles
        self._catalogue = catalogue
        self._users = 0  # when they were last counted
        self._counted_at: float | None = None

    async def follow(self) -> None:
        """Learn what the quotas are, and count users now and then if there is one of them."""
        await self._known.read()
        is_old = self._counted_at is None or monotonic() - self._counted_at > COUNTED_EVERY
        if self._known.quotas_of(self._shop).users is not None and is_old:
            self._users = sum([len(users) async for users in self._profiles.scan()])
            self._counted_at = monotonic()

    async def check_users(self, users: Collection[str]) -> None:
        """Refuse new users where there are as many as there may be."""
        most = self._known.quotas_of(self._shop).users
        if most is None or self._users < most or not users:
            return
        if None in await self._profiles.load([*users]):
            msg = f"It may have {most:,} users; what those do who have a profile is still taken in."
            raise QuotaReachedError(msg)

    async def check_item(self, id: str) -> None:
        """Refuse a new item where there are as many as there may be."""
        most = self._known.quotas_of(self._shop).items
        if most is None or await self._catalogue.count() < most:
            return
        if await self._catalogue.get_items([id]) == [None]:
            msg = f"It may have {most:,} items; those that it has can still be changed."
            raise QuotaReachedError(msg)
