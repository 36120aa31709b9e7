"""New texts: what BERT has not read yet is read now, by a worker, while the request waits.

new text ─▶ desk ─▶ read in time ─▶ its vector
              └─ not in time: by its words, and for a while nobody is asked again
"""

from collections.abc import Sequence
from time import monotonic

import structlog

from portrait import metrics
from portrait.catalogue.desk import ReadingDesk
from portrait.errors import StoreUnavailableError

MOST_TEXTS = 4  # of one request: the newest, which say most
MOST_WAITING = 8  # requests, each with a connection to Redis
PAUSE_SECONDS = 5.0  # after nobody read in time: the worker is busy, or none is there

log = structlog.get_logger()


class NewTexts:
    """Has texts read. Lives as long as the app."""

    def __init__(self, desk: ReadingDesk) -> None:
        self._desk = desk
        self._waiting = 0
        self._again_at = 0.0

    async def read(self, texts: Sequence[str]) -> bool:
        """Have the newest of some texts, oldest first, read; say whether it is worth a look."""
        if not texts:
            return False
        is_read = await self._is_read(texts[-MOST_TEXTS:])
        metrics.searches_late.inc(not is_read)
        return is_read

    async def _is_read(self, texts: Sequence[str]) -> bool:
        now = monotonic()
        if self._waiting >= MOST_WAITING or now < self._again_at:
            return False
        if self._again_at:
            self._again_at = now + PAUSE_SECONDS  # one tries for all
        self._waiting += 1
        reason = "no worker read in time"
        try:
            is_read = await self._desk.ask(texts)
        except StoreUnavailableError as error:  # full, or read-only: items can be read all the same
            is_read, reason = False, str(error)
        finally:
            self._waiting -= 1
        self._again_at = 0.0 if is_read else monotonic() + PAUSE_SECONDS
        if not is_read:
            log.warning("texts_not_read", reason=reason, retry_seconds=PAUSE_SECONDS)
        return is_read
