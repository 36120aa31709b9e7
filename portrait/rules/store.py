"""Port: where the shop's rules are kept."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from portrait.errors import PortraitError
from portrait.rules.rule import RuleBook

MOST_BOOKS = 50  # that are kept: the newest
NO_RULES = RuleBook(version=0, author="nobody", at=datetime(1970, 1, 1, tzinfo=UTC), rules=())


class RulesChangedError(PortraitError):
    """Somebody has changed the rules meanwhile: read them again, and change those."""


class RuleStore(Protocol):
    """The newest book of rules, and those before it."""

    async def version(self) -> int:
        """Return the version of the newest book; 0 where there is none.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def newest(self) -> RuleBook:
        """Return the newest book that can be read, or `NO_RULES`.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def history(self) -> Sequence[RuleBook]:
        """Return all books that are kept, the newest first.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def put(self, book: RuleBook, expected: int) -> None:
        """Keep a book as the newest, in one step, if the newest has the expected version.

        Raises:
            RulesChangedError: It has another one.
            StoreUnavailableError: The store does not answer.
        """
        ...
