"""Impressions: what was recommended is published beside the answers, which wait for none of it.

answer ─▶ outbox ─▶ Kafka, a tenth of a second later; while Kafka is away, the newest are kept
"""

import asyncio
from collections import deque

import structlog

from portrait import metrics
from portrait.errors import StreamUnavailableError
from portrait.events.stream import Message, Publisher
from portrait.events.topics import IMPRESSIONS

MOST_WAITING = 20_000  # some 40 MB: the oldest give way
AT_ONCE = 2_000  # of one publication

log = structlog.get_logger()


class Outbox:
    """Impressions that are still to be published. Lives as long as the process."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: deque[Message] = deque()
        self._is_away = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, recommendation_id: str, value: bytes) -> None:
        """Let one be published soon."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            metrics.impressions_dropped.inc()
        self._waiting.append(Message(IMPRESSIONS, recommendation_id.encode(), value))

    async def empty(self) -> None:
        """Publish what waits; what cannot be, waits on."""
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            try:
                await self._publisher.publish(some)
            except StreamUnavailableError as error:
                self._waiting.extendleft(reversed(some))
                if not self._is_away:
                    log.warning("impressions_wait", reason=str(error), waiting=len(self._waiting))
                self._is_away = True
                return
            except asyncio.CancelledError:  # it may not have arrived: a repeat changes nothing
                self._waiting.extendleft(reversed(some))
                raise
            self._is_away = False
