"""The words that matter, in memory."""

import asyncio
from collections.abc import Sequence

from portrait.catalogue.words import MOST_LAID, WordShares, WordsQuestion
from portrait.errors import StoreUnavailableError


class MemoryWords:
    """A `WordsDesk`; where it is full, nothing is laid there."""

    def __init__(self) -> None:
        self.laid: list[WordsQuestion] = []
        self.is_full = False
        self.kept: dict[WordsQuestion, WordShares] = {}

    async def find(self, asked: Sequence[WordsQuestion]) -> list[WordShares | None]:
        """Return what is kept."""
        return [self.kept.get(each) for each in asked]

    async def ask(self, asked: Sequence[WordsQuestion]) -> None:
        """Lay questions there."""
        if self.is_full:
            raise StoreUnavailableError
        self.laid = [*self.laid, *asked][-MOST_LAID:]

    async def take(self) -> WordsQuestion | None:
        """Take the oldest."""
        await asyncio.sleep(0.001)
        return self.laid.pop(0) if self.laid else None

    async def put(self, asked: WordsQuestion, found: WordShares) -> None:
        """Keep it."""
        self.kept[asked] = found
