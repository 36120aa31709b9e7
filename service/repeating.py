"""Repeating: what keeps a process current, step by step, for as long as it runs."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from portrait.errors import ModelInvalidError, StoreUnavailableError
from portrait.outage import LONGEST_PAUSE

log = structlog.get_logger()


async def repeat(step: Callable[[], Awaitable[None]], every: float) -> None:
    """Take a step again and again; while Redis is away, less and less often."""
    pause = every
    while True:
        try:
            await step()
            pause = every
        except (StoreUnavailableError, ModelInvalidError) as error:
            pause = min(2 * pause, LONGEST_PAUSE)
            log.warning("store_missed", step=step.__name__, reason=str(error), retry_seconds=pause)
        await asyncio.sleep(pause)
