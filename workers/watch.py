"""Watch: does the champion keep what the judge promised? If not, the former comes back by itself.

standing ─▶ verdict, live counters ─▶ regression? ─▶ roll back

Hits come from the update workers (`prequential.py`). Calibration has to be fed by whoever knows
what came of a prediction weeks after it was made. Nobody does so yet in production, so no head
rolls a model back.

It also keeps the aliases of the tracking in step, whoever promoted or rolled back.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from portrait.model_index import ModelIndex, ModelNotFoundError, NoFormerModelError
from portrait.tracking import Tracking
from portrait.watch import Limits, LiveCounts, promise_of, regression

LOOK_EVERY = 10.0  # seconds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watch stands on."""

    models: ModelIndex
    counts: LiveCounts
    tracking: Tracking
    limits: Limits = field(default_factory=Limits)


async def watch(watched: Watched, closing: asyncio.Event) -> None:
    """Look now and then, until told to stop."""
    champion: str | None = None
    while not closing.is_set():
        await look(watched)
        champion = await follow(watched, champion)
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await closing.wait()
        except TimeoutError:
            continue


async def look(watched: Watched) -> str | None:
    """Roll back if the champion has regressed. Returns the reason if it has."""
    champion, former, _ = await watched.models.standing()
    if champion is None or former is None:
        return None  # nothing to go back to
    try:
        verdict = (await watched.models.get(champion)).card.verdict
    except ModelNotFoundError:
        return None
    if verdict is None:
        return None  # nobody promised anything
    promise = promise_of(verdict, await watched.counts.read(former))
    live = await watched.counts.read(champion)
    reason = regression(promise, live, watched.limits)
    if reason is None:
        return None
    try:
        await watched.models.roll_back(reason, champion)
    except NoFormerModelError:
        return None  # somebody was faster
    log.warning(
        "model_rolled_back", champion=former, rolled_back=champion, reason=reason, by="watch"
    )
    return reason


async def follow(watched: Watched, known: str | None) -> str | None:
    """Give the alias `champion` to who serves, if that is not who had it. Returns who serves."""
    champion, _, _ = await watched.models.standing()
    if champion is not None and champion != known:
        await asyncio.to_thread(watched.tracking.call, champion, "champion")
    return champion
