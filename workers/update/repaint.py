"""Repaint: after a promotion, profiles that nobody touches are painted anew, the newest first.

profiles of our partitions in another space ─▶ newest first ─▶ paint from facts ─▶ compare-and-set

Facts do not change, nor does how long a profile lives. A profile that an event touches meanwhile is
painted by the update itself; its write is then refused here, and that is as good. Whoever owns one
of a user's partitions repaints that user, and leaves alone whom another has repainted meanwhile. So
every worker, once it has the new model, comes by whatever it may have left in another space.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

import numpy as np
import structlog

from portrait import metrics
from portrait.errors import StoreUnavailableError
from portrait.inference.explain import search_refs
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts
from portrait.profiles.profile import REVISION, encode_profiles, read_facts
from portrait.profiles.record import is_whole, partitions_of, received_at_of, space_of
from portrait.profiles.store import ProfileStore, Write
from workers.painter import Painter, Studio

FOUND_AT_ONCE = 50_000  # users found in one walk: 10 MB of names; of more, the newest
USERS_AT_ONCE = 200  # a few milliseconds, between which events have their turn
SHARE = 0.3  # of the time that repainting may take: events come first
LOOK_SECONDS = 1.0  # between two looks for something to do
AWAY_SECONDS = 2.0  # while Redis is away

log = structlog.get_logger()

Partitions = Callable[[], Collection[int]]


async def keep_repainted(profiles: ProfileStore, studio: Studio, partitions: Partitions) -> None:
    """Repaint whenever another model has taken over, or partitions have. Runs for ever."""
    done: tuple[str, frozenset[int]] | None = None
    while True:
        owned = frozenset(partitions())
        state = studio.painter.model.version, owned
        if owned and state != done:
            try:
                await repaint(profiles, studio.painter, owned)
            except StoreUnavailableError:
                log.warning("repainting_interrupted", reason="store unavailable")
                await asyncio.sleep(AWAY_SECONDS)
                continue
            done = state
        await asyncio.sleep(LOOK_SECONDS)


async def repaint(profiles: ProfileStore, painter: Painter, owned: Collection[int]) -> int:
    """Repaint the profiles of these partitions that are in another space. Returns how many."""
    started, count = time.perf_counter(), 0
    while True:
        waiting, before = await _in_other_spaces(profiles, painter.model.space_id, owned), count
        for start in range(0, len(waiting), USERS_AT_ONCE):
            began = time.perf_counter()
            count += await _repaint_some(profiles, painter, waiting[start : start + USERS_AT_ONCE])
            await asyncio.sleep((time.perf_counter() - began) * (1 / SHARE - 1))
        if len(waiting) < FOUND_AT_ONCE or count == before:
            break  # all are, or others paint them
    if count:
        log.info(
            "profiles_repainted",
            users=count,
            model_version=painter.model.version,
            seconds=round(time.perf_counter() - started, 1),
        )
    return count


async def _in_other_spaces(
    profiles: ProfileStore, space_id: str, owned: Collection[int]
) -> list[str]:
    """Find whom to repaint, those with the newest events first: no more than fit."""
    found: list[tuple[int, str]] = []
    async for users in profiles.scan():
        for user, record in zip(users, await profiles.load(users), strict=True):
            if record is None or not is_whole(record) or space_of(record) == space_id:
                continue  # a damaged one is nobody's to paint
            if any(place - 1 in owned for place in partitions_of(record) if place):
                found.append((-received_at_of(record), user))
        if len(found) >= 2 * FOUND_AT_ONCE:
            found = sorted(found)[:FOUND_AT_ONCE]
        await asyncio.sleep(0)
    return [user for _, user in sorted(found)[:FOUND_AT_ONCE]]


async def _repaint_some(profiles: ProfileStore, painter: Painter, users: Sequence[str]) -> int:
    """Paint a few users anew from their facts. Returns how many were not overtaken."""
    records = await profiles.load(users)
    space_id = painter.model.space_id
    there = [
        (user, record)
        for user, record in zip(users, records, strict=True)
        if record is not None and is_whole(record) and space_of(record) != space_id
    ]
    facts, lost = read_facts([record for _, record in there])
    whole = np.flatnonzero(~lost)
    if not len(whole):
        return 0
    there, facts = [there[place] for place in whole.tolist()], facts.where(whole)
    await painter.mirror.fetch_texts(search_refs(facts.ring))
    written = _painted(facts, painter)
    writes = [
        Write(user, record[REVISION], new)
        for (user, record), new in zip(there, written, strict=True)
    ]
    refused = await profiles.save(writes, keep_ttl=True)
    metrics.profiles_repainted.inc(len(writes) - len(refused))
    return len(writes) - len(refused)


def _painted(facts: Facts, painter: Painter) -> list[bytes]:
    return encode_profiles(facts, paint(facts.ring, painter.mirror.catalogue))
