"""Upkeep: what Redis has lost a part of is noticed, said, and brought back.

how many items there are ─▶ fewer than there were    ─▶ the items topic is read from its beginning
some items at random     ─▶ one's text has no vector ─▶ the encoder reads the catalogue again

Of a Redis that has lost everything its new life tells (`portrait/events/resume.py`). A part goes
when somebody deletes keys, or by an eviction policy; a look costs a few commands, so it is taken
often.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from portrait import metrics
from portrait.catalogue.catalogue import texts_of
from portrait.catalogue.store import CatalogueStore
from portrait.events.stream import Notes
from portrait.model.model import Model
from portrait.ref import text_ref
from workers.index.origin import Completeness

LOOK_SECONDS = 5.0  # between two looks
SAMPLE = 100  # items of a look: a loss of 5 % is missed once in 170 times
CAUSE = "Find out who deletes keys of this Redis, and see that its maxmemory-policy is noeviction."

log = structlog.get_logger()


class Turn:
    """Whether it is time to look again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = 0.0

    def has_come(self) -> bool:
        """Say so, once in a while."""
        now = time.monotonic()
        if now - self._at < self._seconds:
            return False
        self._at = now
        return True


class Upkeep:
    """Looks after the catalogue in the store. Lives as long as the index worker."""

    def __init__(
        self,
        catalogue: CatalogueStore,
        notes: Notes,
        forget: Callable[[], Awaitable[None]],
        *,
        every: float = LOOK_SECONDS,
    ) -> None:
        """Connect it.

        Args:
            catalogue: Looked after.
            notes: Are told what was missing.
            forget: Forgets how far the items topic was read.
            every: Seconds between two looks.
        """
        self._catalogue = catalogue
        self._notes = notes
        self._forget = forget
        self._expected: int | None = None  # items; None: nobody has counted them yet
        self._turns = Turn(every), Turn(every)

    def expect_nothing(self) -> None:
        """Take for granted that the store is another one: everything is read again."""
        self._expected = 0

    async def count(self) -> None:
        """Count what is stored now: from here on there are at least as many."""
        self._expected = max(self._expected or 0, await self._catalogue.count())

    async def lacks_items(self, complete: Completeness) -> bool:
        """Say whether items were lost; if so, their topic is to be read from its beginning."""
        if not self._turns[0].has_come() or not await complete.holds():
            return False
        count = await self._catalogue.count()
        expected, self._expected = self._expected, count
        if count >= (expected or 0) and not (expected is None and count == 0):
            return False
        await self._forget()
        if expected:
            missing, remedy = expected - count, "read again from their topic"
            self._say("item_missing", missing, "Items of the catalogue", remedy)
        else:  # a new shop, or one that lost them while nobody looked
            log.info("catalogue_empty", doing="its topic is read again")
        return True

    async def lacks_vectors(self, champion: Model) -> bool:
        """Say whether vectors of items' texts were lost; if so, the space is to be filled."""
        if not self._turns[1].has_come():
            return False
        found = await self._catalogue.get_items(await self._catalogue.sample(SAMPLE))
        items = [item for item in found if item is not None]
        refs = list({text_ref(text) for item in items for text in texts_of(item)})
        space = champion.space
        vectors = await self._catalogue.get_vectors(space.id, refs, space.dim)
        missing = sum(vector is None for vector in vectors)
        if missing:
            self._say("vector_missing", missing, "Vectors of texts", "made again by the encoder")
        return missing > 0

    def _say(self, kind: str, count: int, what: str, remedy: str) -> None:
        metrics.values_damaged.labels(kind).inc(count)
        log.warning("catalogue_incomplete", kind=kind, values=count)
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        self._notes.add(f"At {now} Redis had lost a part: {what} were missing; {remedy}. {CAUSE}")
