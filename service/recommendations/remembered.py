"""Remembered: lists that go on where others ended, and lists that rotate.

what was given ─▶ left out, or counting less ─▶ the list ─▶ added to what was given
       └───────────────── again, where somebody else was faster ────────────┘

What is remembered is the person's; of who is not named, or lets nothing be kept, a `paged` list's
own, which nobody finds who was not told its id.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from time import time

from portrait.errors import BusyError
from portrait.experiments.given import (
    PAGED_FOR,
    Given,
    GivenStore,
    list_name,
    person_name,
)
from portrait.ref import item_ref, recommendation_ref, user_ref
from service.live import Live
from service.parts import Parts
from service.recommendations.known import Loaded
from service.recommendations.recommender import Recommender, Written
from service.recommendations.schemas import ListRequest
from service.recommendations.turns import Turns

TRIES = 3  # where others are given something at the same moment


async def recommend(  # noqa: PLR0913 - it is what a list is made from
    asked: ListRequest,
    parts: Parts,
    live: Live,
    turns: Turns,
    *,
    is_counted: bool = True,
    is_reached: bool | None = None,
) -> bytes:
    """Answer a request, in JSON.

    Args:
        asked: The request.
        parts: What it is answered from.
        live: What of that is in memory.
        turns: Where it waits.
        is_counted: See `Recommender`.
        is_reached: Likewise.

    Raises:
        BusyError: Too many ask at once.
        ListPassedError: It is to go on after a list that is not remembered.
    """
    recommender = Recommender(parts, live, turns, live.require(), is_counted, is_reached)
    if asked.is_remembered:
        written = await remembered(asked, recommender)
    else:
        written = await recommender.make(await recommender.load(asked))
    return written.body


async def remembered(asked: ListRequest, recommender: Recommender) -> Written:
    """Make a list by what was given, and remember what it gives.

    Raises:
        BusyError: Too many ask at once, or for the same person.
        ListPassedError: It is to go on after a list that is not remembered.
    """
    for _ in range(TRIES):
        loaded = await recommender.load(asked)
        memory = await _Memory.of(asked, loaded, recommender.parts.given)
        written = await recommender.write(memory.seen_by(loaded))
        if await memory.keeps(written):
            recommender.publish(written)
            return written
    raise BusyError


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is remembered where one list is asked for."""

    asked: ListRequest
    whose: str | None  # None: not known before the list has a name, or nobody's
    given: Given
    store: GivenStore
    at: int  # ms

    @classmethod
    async def of(cls, asked: ListRequest, loaded: Loaded, store: GivenStore) -> "_Memory":
        whose = None
        if asked.user_id is not None and loaded.is_kept:
            whose = person_name(user_ref(asked.user_id))
        elif asked.after is not None:
            whose = list_name(recommendation_ref(str(asked.after)))
        given = Given() if whose is None else await store.given(whose)
        return cls(asked, whose, given, store, round(time() * 1_000))

    def seen_by(self, loaded: Loaded) -> Loaded:
        """Return a request as what was given changes it.

        Raises:
            ListPassedError: It is to go on after a list that is not remembered.
        """
        asked, given = self.asked, self.given
        if asked.after is not None:
            before = given.after(recommendation_ref(str(asked.after)), self.at)
            loaded = replace(loaded, above=before)
        if asked.rotation is not None:
            lasting = timedelta(seconds=asked.rotation_seconds)
            loaded = replace(loaded, faded=given.faded(asked.rotation, lasting, self.at))
        return loaded

    async def keeps(self, written: Written) -> bool:
        """Remember a list; say whether nobody was faster."""
        asked, is_first = self.asked, self.asked.after is None
        list = recommendation_ref(written.id if asked.after is None else str(asked.after))
        whose = self.whose or (list_name(list) if asked.paged else None)
        if whose is None:
            return True
        items = [*map(item_ref, written.told.items)]
        given = self.given.adding(list, items, self.at, is_first=is_first and asked.paged)
        lasting = (
            timedelta(0) if asked.rotation is None else timedelta(seconds=asked.rotation_seconds)
        )
        return await self.store.put(whose, given, max(lasting, PAGED_FOR))
