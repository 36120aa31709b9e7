"""Telling: alerts leave by the topic and by the webhook, each way by itself.

The outbox is in the store, so an alert that could not leave yet does so after a restart; one that
left just before a crash leaves again, under the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from portrait import metrics
from portrait.errors import StoreUnavailableError, StreamUnavailableError
from portrait.events.stream import Message, Publisher
from portrait.events.topics import OPINION_ALERTS
from portrait.opinions.alert import Alert
from portrait.opinions.store import OpinionStore
from workers.telling import called, leaves

Send = Callable[[Alert], Awaitable[None]]

log = structlog.get_logger()


async def keep_telling(
    way: str, store: OpinionStore, send: Send, news: asyncio.Event, closing: asyncio.Event
) -> None:
    """Send what lies in the outbox of a way, again and again, until told to stop."""
    while not closing.is_set():
        try:
            for alert in await store.outbox(way):
                outcome = await leaves(partial(send, alert), alert.alert_id, closing)
                if outcome is None:
                    break
                metrics.opinion_alerts_told.labels(way, outcome).inc()
                await store.sent(way, alert.alert_id)
        except (StoreUnavailableError, StreamUnavailableError) as error:
            log.warning("alerts_not_told", way=way, reason=str(error))
        await called(news, closing)


def by_topic(publisher: Publisher) -> Send:
    """Return what publishes an alert."""

    async def send(alert: Alert) -> None:
        key = f"{alert.subject_kind}:{alert.subject}".encode()
        value = alert.model_dump_json(exclude={"also"}).encode()
        await publisher.publish([Message(OPINION_ALERTS, key, value)])

    return send


async def into_nothing(alert: Alert) -> None:
    """Take an alert for sent: nobody wants it this way."""
