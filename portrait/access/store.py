"""Where keys are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from portrait.access.key import ApiKey
from portrait.errors import PortraitError


class KeyNotFoundError(PortraitError):
    """There is no such key."""


class TooManyKeysError(PortraitError):
    """No more keys can be kept."""


class KeyStore(Protocol):
    """Keys without their secrets, and when each was used last."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key; if there are too many, instead of one that opens nothing any more.

        Raises:
            TooManyKeysError: There are `MOST_KEYS`, and all of them are good.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def all(self) -> Sequence[ApiKey]:
        """Return every key, revoked ones among them, by when they were made.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def revoke(self, id: str, now: datetime) -> ApiKey:
        """Let a key open nothing any more; doing it again changes nothing.

        Raises:
            KeyNotFoundError: There is none with this id.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Remember when keys were used last, by id; an older moment changes nothing.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def uses(self) -> Mapping[str, datetime]:
        """Return when each key was used last, by id.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...
