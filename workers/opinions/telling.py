"""Telling: alerts leave by the topic and by the webhook, each way by itself.

The outbox is in the store, so an alert that could not leave yet does so after a restart; one that
left just before a crash leaves again, under the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from portrait import metrics
from portrait.errors import StoreUnavailableError, StreamUnavailableError, WebhookError
from portrait.events.stream import Message, Publisher
from portrait.events.topics import OPINION_ALERTS
from portrait.opinions.alert import Alert
from portrait.opinions.store import OpinionStore
from portrait.outage import closes_within, pauses

LOOK_SECONDS = 5.0  # between two looks, where nothing calls
TRIES = 8  # of a webhook; with the pauses some four minutes
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between them

Send = Callable[[Alert], Awaitable[None]]

log = structlog.get_logger()


async def keep_telling(
    way: str, store: OpinionStore, send: Send, news: asyncio.Event, closing: asyncio.Event
) -> None:
    """Send what lies in the outbox of a way, again and again, until told to stop."""
    while not closing.is_set():
        try:
            for alert in await store.outbox(way):
                if await _leaves(way, alert, send, closing):
                    await store.sent(way, alert.alert_id)
        except (StoreUnavailableError, StreamUnavailableError) as error:
            log.warning("alerts_not_told", way=way, reason=str(error))
        await _called(news, closing)


async def _leaves(way: str, alert: Alert, send: Send, closing: asyncio.Event) -> bool:
    """Send one alert, a bounded number of times. Says whether it is done with."""
    pause = pauses(FIRST_PAUSE, LONGEST_PAUSE)
    for tried in range(1, TRIES + 1):
        try:
            await send(alert)
        except WebhookError as error:
            log.warning("webhook_failed", alert_id=alert.alert_id, reason=str(error), tried=tried)
            if tried < TRIES and await closes_within(closing, next(pause)):
                return False
        else:
            metrics.opinion_alerts_told.labels(way, "sent").inc()
            return True
    metrics.opinion_alerts_told.labels(way, "given_up").inc()
    return True


async def _called(news: asyncio.Event, closing: asyncio.Event) -> None:
    """Wait until there is something to send, or for a while."""
    waits = [asyncio.ensure_future(event.wait()) for event in (news, closing)]
    await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    news.clear()


def by_topic(publisher: Publisher) -> Send:
    """Return what publishes an alert."""

    async def send(alert: Alert) -> None:
        key = f"{alert.subject_kind}:{alert.subject}".encode()
        value = alert.model_dump_json(exclude={"also"}).encode()
        await publisher.publish([Message(OPINION_ALERTS, key, value)])

    return send


async def into_nothing(alert: Alert) -> None:
    """Take an alert for sent: nobody wants it this way."""
