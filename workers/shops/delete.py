"""A shop is deleted: all that is kept of it, wherever it lies.

nobody works in it ─▶ 1 closed: nobody opens it, and who has is cut off ─▶ 2 topics and groups
                   ─▶ 3 archive, models and what was learned ─▶ 4 its database and its keys

What says that there is such a shop goes last: whatever is interrupted is gone on with by doing it
again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from portrait.errors import PortraitError
from portrait.shops.store import ShopStore

log = structlog.get_logger()


class ShopInUseError(PortraitError):
    """Processes still work for this shop: stop them first."""


class ShopTopics(Protocol):
    """What Kafka has of one shop."""

    async def readers(self) -> Sequence[str]:
        """Return the consumer groups that somebody is in.

        Raises:
            StreamUnavailableError: Kafka does not answer.
        """
        ...

    async def delete(self) -> Sequence[str]:
        """Delete topics and groups. Returns what there was.

        Raises:
            StreamUnavailableError: Kafka does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Holdings:
    """Where something of a shop may lie."""

    shops: ShopStore
    topics: ShopTopics
    places: Mapping[str, Callable[[], Awaitable[int]]]  # empties one; returns how many files


async def delete(name: str, holdings: Holdings, *, force: bool = False) -> dict[str, int]:
    """Delete a shop. Returns how much there was, by where it lay.

    Raises:
        ShopNotFoundError: There is none.
        ShopInUseError: Somebody works in it.
        StoreUnavailableError: Redis does not answer.
        StreamUnavailableError: Kafka does not.
    """
    readers = [] if force else await holdings.topics.readers()
    if readers:
        msg = (
            f"Workers of {name} still run ({', '.join(readers)}): stop them first. Kafka takes "
            "a minute to notice; `--force` does not ask it."
        )
        raise ShopInUseError(msg)
    shop = await holdings.shops.close(name)
    gone = {"topics_and_groups": len(await holdings.topics.delete())}
    for place, empty in holdings.places.items():
        gone[place] = await empty()
    await holdings.shops.forget(shop)
    log.info("shop_deleted", shop=name, **gone)
    return gone
