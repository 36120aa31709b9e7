"""Watch: does the champion keep what the judge promised? If not, the former comes back by itself.

roles ─▶ verdict, live hits, matured outcomes ─▶ regression? ─▶ roll back

A champion that a person put back in service after a rollback stays: they knew what was said of it.

Hits come from the update workers (`prequential.py`), within seconds; what came of the heads'
predictions comes from the archive, weeks later (`monitoring/outcomes.py`).

It also keeps the aliases of the tracking in step, whoever promoted or rolled back.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from portrait import metrics
from portrait.errors import StoreUnavailableError
from portrait.lifecycle.registry import ModelNotFoundError, NoFormerModelError, Registry
from portrait.lifecycle.tracking import Tracking
from portrait.monitoring.watch import Limits, Live, LiveCounts, Outcomes, promise_of, regression

LOOK_EVERY = 10.0  # seconds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watch stands on."""

    registry: Registry
    counts: LiveCounts
    outcomes: Outcomes
    tracking: Tracking
    limits: Limits = field(default_factory=Limits)


async def watch(watched: Watched, closing: asyncio.Event) -> None:
    """Look now and then, until told to stop."""
    champion: str | None = None
    while not closing.is_set():
        try:
            await look(watched)
            champion = await follow(watched, champion)
        except StoreUnavailableError as error:
            log.warning("champion_not_watched", reason=str(error), retry_seconds=LOOK_EVERY)
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await closing.wait()
        except TimeoutError:
            continue


async def look(watched: Watched) -> str | None:
    """Roll back if the champion has regressed. Returns the reason if it has."""
    champion, former, _ = await watched.registry.roles()
    if champion is None or former is None:
        return None  # nothing to go back to
    try:
        card = (await watched.registry.entry(champion)).card
    except ModelNotFoundError:
        return None
    if card.verdict is None:
        return None  # nobody promised anything
    promise = promise_of(card.verdict, await watched.counts.read(former))
    hits = await watched.counts.read(champion)
    outcomes = await watched.outcomes.since(champion, card.created_at)
    live = hits.model_copy(update={"bins": outcomes.bins})
    export(live)
    reason = regression(promise, live, watched.limits)
    if reason is None or card.is_by_word:
        return None
    try:
        await watched.registry.roll_back(reason, champion)
    except NoFormerModelError:
        return None  # somebody was faster
    log.warning(
        "model_rolled_back", champion=former, rolled_back=champion, reason=reason, by="watch"
    )
    return reason


def export(live: Live) -> None:
    """Show what the champion does in service."""
    metrics.live.clear()
    for figure, value in live.as_figures().items():
        metrics.live.labels(figure).set(value)


async def follow(watched: Watched, known: str | None) -> str | None:
    """Give the alias `champion` to who serves, if that is not who had it. Returns who serves."""
    champion, _, _ = await watched.registry.roles()
    if champion is not None and champion != known:
        await asyncio.to_thread(watched.tracking.call, champion, "champion")
    return champion
