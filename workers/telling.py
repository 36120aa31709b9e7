"""Telling: how what lies in an outbox leaves, tried again as often as is worth it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from portrait.errors import WebhookError
from portrait.outage import closes_within, pauses

LOOK_SECONDS = 5.0  # between two looks, where nothing calls
TRIES = 8  # of a webhook; with the pauses some two minutes
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between them

log = structlog.get_logger()


async def leaves(
    send: Callable[[], Awaitable[None]], id: str, closing: asyncio.Event
) -> Literal["sent", "given_up"] | None:
    """Send something, a bounded number of times. Says how it ended; None: told to stop before."""
    pause = pauses(FIRST_PAUSE, LONGEST_PAUSE)
    for tried in range(1, TRIES + 1):
        try:
            await send()
        except WebhookError as error:
            log.warning("webhook_failed", alert_id=id, reason=str(error), tried=tried)
            if tried < TRIES and await closes_within(closing, next(pause)):
                return None
        else:
            return "sent"
    return "given_up"


async def called(news: asyncio.Event, closing: asyncio.Event) -> None:
    """Wait until there is something to send, or for a while."""
    waits = [asyncio.ensure_future(event.wait()) for event in (news, closing)]
    await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    news.clear()
