"""Folded: how far the log is in profiles, of one shop, and who waits for it to be further.

Nobody asks while nobody waits but for four looks a second, by which positions are given out. All
who wait share each look, and there are forty a second then.
"""

import asyncio

from portrait.events.position import Position, is_reached
from portrait.events.progress import UPDATE_GROUP, OffsetReader, StoredOffsets

LOOK_SECONDS = 0.025


class Folded:
    """Follows the offsets beside the profiles. Lives as long as the shop is open."""

    def __init__(self, offsets: OffsetReader) -> None:
        self._offsets = offsets
        self._stored = StoredOffsets("", {})
        self._looking: asyncio.Task[None] | None = None

    @property
    def now(self) -> StoredOffsets:
        """What is stored, as far as is known."""
        return self._stored

    async def follow(self) -> None:
        """Learn how far it is."""
        self._stored = await self._offsets.look(UPDATE_GROUP)

    async def wait(self, position: Position, seconds: float) -> bool:
        """Wait until all up to a position is in profiles; false if it is not by then.

        What was known before is not believed: Redis may have come back with less.

        Raises:
            PositionInvalidError: Nobody can say any more.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while True:
            await self._look()
            if is_reached(position, self._stored):
                return True
            left = ends_at - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(LOOK_SECONDS, left))

    async def _look(self) -> None:
        """Look, or wait for who is just looking."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self.follow())
            self._looking.add_done_callback(_said)
        await asyncio.shield(self._looking)


def _said(looking: asyncio.Task[None]) -> None:
    """Take note of how a look ended: who waited for it may have left."""
    if not looking.cancelled():
        looking.exception()
