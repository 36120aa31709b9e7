"""The reader at the desk: what a service wants read now, the index worker reads between items.

A search that nobody made before has no vector yet. It would get one with its event, in a moment;
read now, it is understood when it is made.
"""

import asyncio

import structlog

from portrait.catalogue.desk import ReadingDesk
from portrait.errors import StoreUnavailableError
from workers.index.spaces import Spaces

AWAY_SECONDS = 2.0  # while Redis is away

log = structlog.get_logger()


async def keep_read(desk: ReadingDesk, spaces: Spaces) -> None:
    """Read what is laid on the desk. Runs for ever."""
    while True:
        try:
            await read_once(desk, spaces)
        except StoreUnavailableError as error:
            log.warning("desk_not_reached", reason=str(error))
            await asyncio.sleep(AWAY_SECONDS)


async def read_once(desk: ReadingDesk, spaces: Spaces) -> None:
    """Read what lies there, if anything comes in a while."""
    asked = await desk.take()
    if asked:
        await spaces.read([text for each in asked for text in each.texts])
        await desk.tell(asked)
