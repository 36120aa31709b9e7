"""Telling: changes leave by the topic and by the webhook, some at a time, each way by itself.

The outbox is in the store, so a change that could not leave yet does so after a restart; one that
left just before a crash leaves again, under the same `change_id`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from hashlib import blake2b

import structlog
from pydantic_core import to_json

from portrait import metrics
from portrait.errors import StoreUnavailableError, StreamUnavailableError
from portrait.events.stream import Message, Publisher
from portrait.events.topics import SEGMENTS
from portrait.outage import closes_within
from portrait.segments.segment import Change
from portrait.segments.store import SegmentStore
from workers.telling import LOOK_SECONDS, called, leaves

AT_ONCE = 500  # changes of one message of a webhook: some 100 KB

Send = Callable[[Sequence[Change]], Awaitable[None]]
Post = Callable[[str, bytes], Awaitable[None]]

log = structlog.get_logger()


async def keep_telling(
    way: str, store: SegmentStore, send: Send, news: asyncio.Event, closing: asyncio.Event
) -> None:
    """Send what lies in the outbox of a way, again and again, until told to stop."""
    while not closing.is_set():
        try:
            changes = await store.waiting(way, AT_ONCE)
            if not changes:
                await called(news, closing)
                continue
            outcome = await leaves(partial(send, changes), id_of(changes), closing)
            if outcome is not None:
                metrics.segment_changes_told.labels(way, outcome).inc(len(changes))
                await store.sent(way, changes)
        except (StoreUnavailableError, StreamUnavailableError) as error:
            log.warning("changes_not_told", way=way, reason=str(error))
            await closes_within(closing, LOOK_SECONDS)


def id_of(changes: Sequence[Change]) -> str:
    """Name some changes: the same each time that the same are sent together."""
    named = " ".join(each.change_id for each in changes)
    return blake2b(named.encode(), digest_size=8).hexdigest()


def by_topic(publisher: Publisher) -> Send:
    """Return what publishes changes, each by itself."""

    async def send(changes: Sequence[Change]) -> None:
        await publisher.publish(
            [
                Message(SEGMENTS, each.user_id.encode(), each.model_dump_json().encode())
                for each in changes
            ]
        )

    return send


def by_webhook(post: Post) -> Send:
    """Return what posts changes together."""

    async def send(changes: Sequence[Change]) -> None:
        body = to_json({"changes": [each.model_dump(mode="json") for each in changes]})
        await post(id_of(changes), body)

    return send


async def into_nothing(changes: Sequence[Change]) -> None:
    """Take changes for sent: nobody wants them this way."""
