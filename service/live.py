"""Live: what the service keeps in memory of one shop, and the tasks that keep it current.

registry ─▶ a mirror of the catalogue in the champion's space ─┐
change log ─▶ the mirror catches up ───────────────────────────┤
popularity ─▶ weights by item ─────────────────────────────────┼─▶ View: what requests read
very many items ─▶ an index of them ───────────────────────────┤
rules, edges ──────────────────────────────────────────────────┘
experiments, what came of draws ─▶ what requests are tried with

A view is replaced whole and never changed, so a request works on one from start to end, and a
promotion shows between two requests. There is none before the rules are known: a list that they
forbid is worse than a later one. Redis being away, emptied or of another layout is waited for,
with the newest view; a bug ends the tasks, which `/livez` then says.
"""

import asyncio
import gc
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog
from prometheus_client import Gauge

from portrait import metrics
from portrait.catalogue.popularity import DAYS
from portrait.errors import ModelMissingError
from portrait.experiments.definition import Experiment
from portrait.inference.shelf import shelf_of
from portrait.lifecycle.lease import stopped
from portrait.profiles.record import is_suppressed
from service.audiences.runs import Runs
from service.folded import Folded
from service.models.job_words import TRAINER_MISSING
from service.new_texts import NewTexts
from service.parts import Parts
from service.recommendations.impressions import Outbox
from service.recommendations.newest_tries import NewestTries
from service.recommendations.schemas import RecommendationRequest
from service.repeating import repeat
from service.rules.newest import NewestEdges, NewestRules
from service.view import CountingMirror, GroupWeights, Ruled, Source, View, is_current, look

MODEL_EVERY = 1.0  # seconds between two looks
CATALOGUE_EVERY = 0.2
PROGRESS_EVERY = 0.25
RULES_EVERY = 0.25
EDGES_EVERY = 1.0
INDEX_EVERY = 1.0
EXPERIMENTS_EVERY = 0.5
TRIES_EVERY = 30.0
IMPRESSIONS_EVERY = 0.1
POPULARITY_EVERY = 5.0
GROUPS_EVERY = 15.0  # what is popular in each of them
GROUPS_PAUSE = 20.0  # times as long as it took to read that
FEW_WEIGHTS = 20_000  # that are read as often as that
WEIGHT_PAUSE = 1e-4  # seconds longer for each one more: to read one takes some 2 us of the loop
JOBS_EVERY = 5.0
ASKED_EVERY = 5.0
ROOM_EVERY = 5.0
MOST_ASKED = 50  # requests that are remembered, for a preview of other rules

CATALOGUE_EMPTY = (
    "The catalogue is empty, so nothing is recommended: publish items to the topic `items`, and "
    "see that an index worker runs (`python -m workers index`)."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Figures:
    """What monitoring is told of what is held."""

    items: Gauge
    unattended: Gauge


class Live:
    """Holds the newest view. Lives as long as the process; changed by its own tasks alone."""

    def __init__(self, parts: Parts, figures: Figures | None = None) -> None:
        """Begin with nothing.

        Args:
            parts: Where everything comes from.
            figures: What monitoring is told; None: of the one that this process serves.
        """
        self._figures = figures or Figures(metrics.catalogue_items, metrics.jobs_unattended)
        self.view: View | None = None
        self.reached: Mapping[int, int] = {}  # ms by partition: what is published is stored
        self._versions: dict[str, str | None] = {}  # by space; None where no model is known
        self.is_running = False
        self.new_texts = NewTexts(parts.desk)
        self.experiments = list[Experiment]()
        self.tries = NewestTries(parts.experiments)
        self.folded = Folded(parts.offsets)
        self.outbox = Outbox(parts.publisher)
        self.audiences = Runs()
        self._trainer_missing: str | None = None
        self._store_warning: str | None = None
        self._parts = parts
        self._source: Source | None = None
        self._weights: Mapping[str, int] = {}
        self._group_weights: GroupWeights = {}
        self._popularity_at = self._groups_at = 0.0  # not before
        self._rules = NewestRules(parts.rules)
        self._edges = NewestEdges(parts.edges)
        self.asked = deque[RecommendationRequest](maxlen=MOST_ASKED)  # the newest

    @property
    def notes(self) -> tuple[str, ...]:
        """What stops nothing here, and somebody should see to."""
        view = self.view
        told = (
            CATALOGUE_EMPTY if view is not None and view.is_bare else None,
            None if view is None else view.source.indexed.note(view.shelf),
            self._trainer_missing,
            self._store_warning,
        )
        return tuple(note for note in told if note is not None)

    def require(self) -> View:
        """Return the newest view.

        Raises:
            ModelMissingError: There is no model in service yet, or it is still being loaded.
        """
        if self.view is None:
            raise ModelMissingError
        return self.view

    async def version_of(self, space_id: str) -> str | None:
        """Return the model that paints in a space, or None if it is no longer known.

        An update worker may paint with a new champion a moment before it is taken up here.
        """
        if space_id not in self._versions:
            registry = self._parts.registry
            models = [await registry.model(each) for each in await registry.roles() if each]
            found = {model.space_id: model.version for model in models if model is not None}
            self._versions |= {**found, space_id: found.get(space_id)}
        return self._versions[space_id]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep everything current meanwhile."""
        steps: tuple[tuple[Callable[[], Awaitable[None]], float], ...] = (
            (self.follow_model, MODEL_EVERY),
            (self.follow_catalogue, CATALOGUE_EVERY),
            (self.follow_rules, RULES_EVERY),
            (self.follow_edges, EDGES_EVERY),
            (self.follow_index, INDEX_EVERY),
            (self.follow_progress, PROGRESS_EVERY),
            (self.folded.follow, PROGRESS_EVERY),
            (self.follow_popularity, POPULARITY_EVERY),
            (self.follow_groups, GROUPS_EVERY),
            (self.follow_experiments, EXPERIMENTS_EVERY),
            (self.follow_tries, TRIES_EVERY),
            (self.outbox.empty, IMPRESSIONS_EVERY),
            (self.follow_jobs, JOBS_EVERY),
            (self.follow_warnings, JOBS_EVERY),
            (self.forget_asked, ASKED_EVERY),
        )
        if self._parts.room is not None:
            steps += ((self._parts.room.follow, ROOM_EVERY),)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(repeat(step, every)) for step, every in steps]
            self.is_running = True
            try:
                yield
            finally:
                self.is_running = False
                for task in tasks:
                    await stopped(task)
                await self.audiences.stop()
                await self.outbox.empty()

    async def follow_model(self) -> None:
        """Load the champion's catalogue beside the one in use, then switch."""
        champion = await self._parts.registry.champion()
        if champion is None:
            return
        source = self._source
        if source is None or source.is_crowded or source.model.space_id != champion.space_id:
            mirror = CountingMirror(self._parts.catalogue, champion)
            await mirror.load()
            gc.freeze()  # or walking 100,000 items stalls requests at every full collection
            source = await self._indexed(Source(champion, mirror))
        elif source.model.version != champion.version:
            source = replace(source, model=champion)
        self._versions[champion.space_id] = champion.version
        self._source = source

    async def _indexed(self, source: Source) -> Source:
        """Give a source its index before it takes the place of another, which serves meanwhile.

        The first of all serves at once, and slower, until it has one: see `follow_index`.
        """
        if self.view is not None:
            shelf = await asyncio.to_thread(shelf_of, source.mirror.catalogue)
            if source.indexed.is_due(shelf):
                await asyncio.to_thread(source.indexed.build, shelf)
        return source

    async def follow_index(self) -> None:
        """Build an index of very many items, beside the view, then let requests go by it."""
        view = self.view
        if view is None:
            return
        indexed = view.source.indexed
        if indexed.is_due(view.shelf):
            await asyncio.to_thread(indexed.build, view.shelf)
        if (view := self.view) is not None and not view.source.indexed.is_on(view.shelf):
            shelf = await asyncio.to_thread(view.source.indexed.on, view.shelf)
            if self.view is view:  # else whoever replaces it has it, or does at the next look
                self.view = replace(view, shelf=shelf)

    async def follow_catalogue(self) -> None:
        """Take in what has changed, and make a new view of it."""
        source, weights = self._source, self._weights
        if source is None or not (self._rules.is_known and self._edges.is_known):
            return
        await self._renew(source, weights)  # time goes on while Redis is away
        await source.mirror.catch_up()
        await self._renew(source, weights)

    async def _renew(self, source: Source, weights: Mapping[str, int]) -> None:
        """Make a new view, if anything has changed, or something begins or ends to be available."""
        rules, groups = self._ruled, self._group_weights
        if not is_current(self.view, source, weights, groups, rules):
            view = await asyncio.to_thread(look, source, weights, groups, self.view, rules)
            if source is self._source:
                self.view = view
                self._figures.items.set(len(view.shelf))

    async def follow_rules(self) -> None:
        """Take up the newest rules."""
        if await self._rules.follow():
            await self._rule_anew()

    async def follow_edges(self) -> None:
        """Take up the newest edges between items."""
        if await self._edges.follow():
            await self._rule_anew()

    async def _rule_anew(self) -> None:
        """Make a view by the newest rules of the newest one; it may be replaced meanwhile.

        Then whoever replaces it goes by the newest rules, at the next look at the latest.
        """
        view, rules = self.view, self._ruled
        if view is not None:
            rulings = await asyncio.to_thread(view.source.rulings, *rules, view.shelf)
            if self.view is view:
                self.view = replace(view, rulings=rulings)

    @property
    def _ruled(self) -> Ruled:
        return self._rules.book, self._edges.edges

    async def follow_progress(self) -> None:
        """Learn how far the update workers are."""
        self.reached = await self._parts.progress.reached()

    async def follow_popularity(self) -> None:
        """Learn what everybody wants; of very many items less often: a whole day is read anew."""
        if time.monotonic() < self._popularity_at:
            return
        weights = await self._parts.popularity.newest(DAYS)
        if weights != self._weights:
            self._weights = weights
        many = max(0, len(weights) - FEW_WEIGHTS)
        self._popularity_at = time.monotonic() + WEIGHT_PAUSE * many

    async def follow_groups(self) -> None:
        """Learn what those want of whom the same is declared."""
        if not self._parts.declared or time.monotonic() < self._groups_at:
            return
        began = time.monotonic()
        groups = await self._parts.popularity.among()
        if groups != self._group_weights:
            self._group_weights = groups
        ended = time.monotonic()
        self._groups_at = ended + GROUPS_PAUSE * (ended - began)

    async def follow_experiments(self) -> None:
        """Learn which experiments there are."""
        self.experiments = [*await self._parts.experiments.all()]

    async def follow_tries(self) -> None:
        """Learn what came of places that were given to a draw, if any are."""
        if any(each.definition.explores for each in self.experiments):
            await self.tries.follow()

    async def follow_jobs(self) -> None:
        """Notice a training that waits for a trainer: nobody else is there to say so."""
        job, situation = await self._parts.jobs.open(), await self._parts.jobs.situation()
        is_waiting = job is not None and not situation.is_attended
        self._figures.unattended.set(is_waiting)
        self._trainer_missing = TRAINER_MISSING if is_waiting else None

    async def forget_asked(self) -> None:
        """Forget what those asked for who are to be forgotten."""
        users = sorted({each.user_id for each in self.asked if each.user_id})
        records = await self._parts.profiles.load(users) if users else []
        forgotten = {
            user
            for user, record in zip(users, records, strict=True)
            if record is not None and is_suppressed(record)
        }
        for asked in [each for each in self.asked if each.user_id in forgotten]:
            self.asked.remove(asked)

    async def follow_warnings(self) -> None:
        """Notice what may go wrong with the store, and say it when it is new."""
        warning = await self._parts.warn_of_store()
        if warning not in {None, self._store_warning}:
            log.warning("redis_may_evict", reason=warning)
        self._store_warning = warning
