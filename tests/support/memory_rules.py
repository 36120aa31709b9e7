"""The shop's rules in memory."""

from collections.abc import Sequence

from portrait.errors import StoreUnavailableError
from portrait.rules.rule import RuleBook
from portrait.rules.store import MOST_BOOKS, NO_RULES, RulesChangedError


class MemoryRules:
    """A `RuleStore` in a list."""

    def __init__(self) -> None:
        self.books: list[RuleBook] = []  # the newest first
        self.is_down = False

    async def version(self) -> int:
        """Return the version of the newest book."""
        return (await self.newest()).version

    async def newest(self) -> RuleBook:
        """Return the newest book."""
        self._require_up()
        return self.books[0] if self.books else NO_RULES

    async def history(self) -> Sequence[RuleBook]:
        """Return all books."""
        self._require_up()
        return list(self.books)

    async def put(self, book: RuleBook, expected: int) -> None:
        """Keep a book as the newest."""
        if await self.version() != expected:
            raise RulesChangedError
        self.books = [book, *self.books][:MOST_BOOKS]

    def _require_up(self) -> None:
        if self.is_down:
            raise StoreUnavailableError
