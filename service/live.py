"""Live: what the service keeps in memory, and the tasks that keep it current.

registry ─▶ a mirror of the catalogue in the champion's space ─┐
change log ─▶ the mirror catches up ───────────────────────────┤
popularity ─▶ weights by item ─────────────────────────────────┼─▶ View: what requests read
rules ─▶ a mask for each ──────────────────────────────────────┘

A view is replaced whole and never changed, so a request works on one from start to end, and a
promotion shows between two requests. Redis being away, emptied or of another layout is waited for,
with the newest view; a bug ends the tasks, which `/livez` then says.
"""

import asyncio
import gc
import time
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Literal, Protocol

import structlog
from prometheus_client import Gauge

from portrait import metrics
from portrait.access.audit import AuditLog
from portrait.access.store import KeyStore
from portrait.catalogue.desk import ReadingDesk
from portrait.catalogue.edges import Edges, EdgeStore
from portrait.catalogue.lexical import Lexicon
from portrait.catalogue.mirror import Mirror
from portrait.catalogue.names import Names
from portrait.catalogue.popularity import DAYS, Popularity, PopularityStore, popularity_of
from portrait.catalogue.spelling import Spellings
from portrait.catalogue.store import CatalogueStore
from portrait.errors import ModelMissingError
from portrait.events.consent import GRANTED, Consent
from portrait.events.item import IntroducedItem, Item
from portrait.events.progress import ProgressStore
from portrait.events.stream import Publisher
from portrait.experiments.definition import Experiment
from portrait.experiments.store import ExperimentStore
from portrait.identity.store import IdentityStore
from portrait.inference.ranking import Ranking
from portrait.inference.shelf import Shelf, shelf_of
from portrait.lifecycle.jobs import Jobs
from portrait.lifecycle.lease import stopped
from portrait.lifecycle.registry import Registry
from portrait.model.model import Model
from portrait.opinions.store import OpinionStore
from portrait.profiles.store import ProfileStore
from portrait.rights.erasure_job import ErasureJobs
from portrait.rights.export import Exports
from portrait.rules.attributes import Columns
from portrait.rules.masks import Masks
from portrait.rules.rule import RuleBook
from portrait.rules.rulings import Rulings
from portrait.rules.store import RuleStore
from service.models.job_words import TRAINER_MISSING
from service.new_texts import NewTexts
from service.recommendations.impressions import Outbox
from service.recommendations.schemas import RecommendationRequest
from service.repeating import repeat
from service.rules.newest import NewestEdges, NewestRules

MODEL_EVERY = 1.0  # seconds between two looks
CATALOGUE_EVERY = 0.2
PROGRESS_EVERY = 0.25
RULES_EVERY = 0.25
EDGES_EVERY = 1.0
EXPERIMENTS_EVERY = 0.5
IMPRESSIONS_EVERY = 0.1
POPULARITY_EVERY = 5.0
JOBS_EVERY = 5.0
ROOM_EVERY = 5.0
ANSWER_BYTES = 33_554_432  # of written answers, each with its record: some 8 KB, at most 140
ENTRY_BYTES = 400  # that Python takes for one, beside its texts
MOST_ASKED = 50  # requests that are remembered, for a preview of other rules
SPARE_TEXTS = 50_000  # vectors of searches kept in memory (50 MB) before a fresh mirror is built

CATALOGUE_EMPTY = (
    "The catalogue is empty, so nothing is recommended: publish items to the topic `items`, and "
    "see that an index worker runs (`python -m workers index`)."
)

Impressions = Literal["answers", "sent", "off"]
# User, record, searches, what is unwanted, hours of silence.
AnswerKey = tuple[str, bytes, bytes | None, bytes | None, int]

log = structlog.get_logger()


class Room(Protocol):
    """How many users and items there may be."""

    async def follow(self) -> None:
        """Learn how many there are, and may be."""
        ...

    async def check_users(self, users: Collection[str]) -> None:
        """Refuse new ones if there are too many already.

        Raises:
            QuotaReachedError: There are.
        """
        ...

    async def check_item(self, id: str) -> None:
        """Refuse a new one if there are too many already.

        Raises:
            QuotaReachedError: There are.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The adapters the service stands on. They live as long as the process."""

    profiles: ProfileStore
    identities: IdentityStore
    catalogue: CatalogueStore
    popularity: PopularityStore
    progress: ProgressStore
    registry: Registry
    rules: RuleStore
    edges: EdgeStore
    keys: KeyStore
    audit: AuditLog
    jobs: Jobs
    desk: ReadingDesk
    opinions: OpinionStore
    experiments: ExperimentStore
    publisher: Publisher
    erasures: ErasureJobs
    exports: Exports
    ping_store: Callable[[], Awaitable[None]]
    warn_of_store: Callable[[], Awaitable[str | None]]  # what somebody should see to
    unsaid: Consent = GRANTED  # what counts of who has said nothing of what may be done
    impressions: Impressions = "answers"  # what counts as seen
    shop: str | None = None  # whose they are; None: there is but one
    room: Room | None = None  # how much it may have; None: as much as it likes


class CountingMirror(Mirror):
    """A mirror that says how often it has changed."""

    changes = 0

    async def refresh(self, ids: Iterable[str]) -> None:
        """Read these items again."""
        changed = list(ids)
        await super().refresh(changed)
        self.changes += len(changed)


@dataclass(frozen=True, slots=True)
class Source:
    """One model's catalogue in memory. Grows while it is followed."""

    model: Model
    mirror: CountingMirror
    lexicon: Lexicon = field(default_factory=Lexicon)
    rows: dict[int, int] = field(default_factory=dict)  # of items by item_ref: one at a time
    categories: Spellings = field(default_factory=Spellings)
    brands: Spellings = field(default_factory=partial(Spellings, are_paths=False))
    attributes: Columns = field(default_factory=Columns)  # that rules look at
    _turn: Lock = field(default_factory=Lock)  # whoever looks at the catalogue does so in a thread

    @property
    def is_crowded(self) -> bool:
        """Whether searches have brought in so many vectors that it is time to start afresh."""
        catalogue = self.mirror.catalogue
        crowded = len(catalogue.vectors) > 2 * len(catalogue) + SPARE_TEXTS
        return crowded or catalogue.is_littered

    @property
    def items(self) -> list[Item]:
        """The items by row."""
        return self.mirror.catalogue.items

    def learn(self, shelf: Shelf) -> None:
        """Add the words, names and rows that are new on the shelf; rows are never moved."""
        with self._turn:
            known = len(self.rows)
            refs = self.mirror.catalogue.rows["ref"][known : len(shelf)].tolist()
            self.rows.update(zip(refs, range(known, known + len(refs)), strict=True))
            self.lexicon.learn(shelf.items, shelf.text)
            self.categories.learn(_named(shelf.categories, shelf.sold_categories))
            self.brands.learn(_named(shelf.brands, shelf.sold_brands))

    def rulings(self, book: RuleBook, edges: Edges, shelf: Shelf) -> Rulings:
        """Look at a shelf by the rules of a book, and by what is known of pairs of items."""
        names = {name for rule in book.rules for name in rule.attribute_names}
        with self._turn:
            columns = self.attributes.learn(shelf.items, names)
        now = round(time.time() * 1_000)
        return Rulings(book, Masks(shelf, columns, self.rows, now, edges))


def _named(names: Names, codes: Collection[int]) -> Iterator[str]:
    return (name for code, name in enumerate(names) if code in codes)


class Answers:
    """Answers by what they were made of, within so many bytes; the oldest go first."""

    def __init__(self, most_bytes: int = ANSWER_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[AnswerKey, bytes] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: AnswerKey) -> bytes | None:
        """Return what was answered, if it is still kept."""
        return self._kept.get(key)

    def keep(self, key: AnswerKey, answer: bytes) -> None:
        """Keep what was answered of a user's record at an hour: it is often read again soon."""
        size = _size(key, answer)
        if size > self._most_bytes or key in self._kept:
            return
        while self.bytes + size > self._most_bytes:
            oldest = next(iter(self._kept))
            self.bytes -= _size(oldest, self._kept.pop(oldest))
        self._kept[key] = answer
        self.bytes += size


def _size(key: AnswerKey, answer: bytes) -> int:
    user_id, record, searched, unwanted, _ = key
    beside = len(searched or b"") + len(unwanted or b"")
    return ENTRY_BYTES + 4 * len(user_id) + len(record) + beside + len(answer)


@dataclass(frozen=True, slots=True)
class View:
    """What requests read: one model, its catalogue ready to rank, what is popular."""

    source: Source
    shelf: Shelf
    popularity: Popularity
    changes: int  # of the mirror, when this was made
    weights: Mapping[str, int]  # that the popularity was made of
    rulings: Rulings  # what the shop wants of lists
    written: Answers = field(default_factory=Answers)
    popular: dict[int, Ranking] = field(default_factory=dict)  # of those without wishes, by limit

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.source.model

    def tried(self, book: RuleBook) -> Rulings:
        """Return what other rules would say of the same."""
        return self.source.rulings(book, self.rulings.edges, self.shelf)

    @property
    def is_bare(self) -> bool:
        """Whether the catalogue is empty: items that events alone speak of are not in it."""
        return all(isinstance(item, IntroducedItem) for item in self.source.items)


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
        self.outbox = Outbox(parts.publisher)
        self._trainer_missing: str | None = None
        self._store_warning: str | None = None
        self._parts = parts
        self._source: Source | None = None
        self._weights: Mapping[str, int] = {}
        self._rules = NewestRules(parts.rules)
        self._edges = NewestEdges(parts.edges)
        self.asked = deque[RecommendationRequest](maxlen=MOST_ASKED)  # the newest

    @property
    def notes(self) -> tuple[str, ...]:
        """What stops nothing here, and somebody should see to."""
        is_bare = self.view is not None and self.view.is_bare
        told = (CATALOGUE_EMPTY if is_bare else None), self._trainer_missing, self._store_warning
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
            (self.follow_progress, PROGRESS_EVERY),
            (self.follow_popularity, POPULARITY_EVERY),
            (self.follow_experiments, EXPERIMENTS_EVERY),
            (self.outbox.empty, IMPRESSIONS_EVERY),
            (self.follow_jobs, JOBS_EVERY),
            (self.follow_warnings, JOBS_EVERY),
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
            source = Source(champion, mirror)
        elif source.model.version != champion.version:
            source = replace(source, model=champion)
        self._versions[champion.space_id] = champion.version
        self._source = source

    async def follow_catalogue(self) -> None:
        """Take in what has changed, and make a new view of it."""
        source, weights = self._source, self._weights
        if source is None:
            return
        await self._renew(source, weights)  # time goes on while Redis is away
        await source.mirror.catch_up()
        await self._renew(source, weights)

    async def _renew(self, source: Source, weights: Mapping[str, int]) -> None:
        """Make a new view, if anything has changed, or something begins or ends to be available."""
        rules = self._rules.book, self._edges.edges
        if not _is_current(self.view, source, weights, rules):
            view = await asyncio.to_thread(_look, source, weights, self.view, rules)
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
        view, rules = self.view, (self._rules.book, self._edges.edges)
        if view is not None:
            rulings = await asyncio.to_thread(view.source.rulings, *rules, view.shelf)
            if self.view is view:
                self.view = replace(view, rulings=rulings)

    async def follow_progress(self) -> None:
        """Learn how far the update workers are."""
        self.reached = await self._parts.progress.reached()

    async def follow_popularity(self) -> None:
        """Learn what everybody wants."""
        weights = await self._parts.popularity.newest(DAYS)
        if weights != self._weights:
            self._weights = weights

    async def follow_experiments(self) -> None:
        """Learn which experiments there are."""
        self.experiments = [*await self._parts.experiments.all()]

    async def follow_jobs(self) -> None:
        """Notice a training that waits for a trainer: nobody else is there to say so."""
        job, situation = await self._parts.jobs.open(), await self._parts.jobs.situation()
        is_waiting = job is not None and not situation.is_attended
        self._figures.unattended.set(is_waiting)
        self._trainer_missing = TRAINER_MISSING if is_waiting else None

    async def follow_warnings(self) -> None:
        """Notice what may go wrong with the store, and say it when it is new."""
        warning = await self._parts.warn_of_store()
        if warning not in {None, self._store_warning}:
            log.warning("redis_may_evict", reason=warning)
        self._store_warning = warning


def _is_current(
    view: View | None,
    source: Source,
    weights: Mapping[str, int],
    rules: tuple[RuleBook, Edges],
) -> bool:
    now = time.time() * 1_000
    return (
        view is not None
        and view.source is source
        and view.weights is weights
        and view.changes == source.mirror.changes
        and now < view.shelf.changes_at
        and view.rulings.is_of(*rules, round(now))
    )


def _look(
    source: Source, weights: Mapping[str, int], before: View | None, rules: tuple[RuleBook, Edges]
) -> View:
    """Make a view, in a thread. The mirror changes only in the task that waits for this."""
    mirror = source.mirror
    shelf = shelf_of(mirror.catalogue)
    source.learn(shelf)
    if before is not None and before.source is source and before.weights is weights:
        popularity = before.popularity.padded(len(shelf))
    else:
        popularity = popularity_of(mirror.catalogue, weights)
    return View(source, shelf, popularity, mirror.changes, weights, source.rulings(*rules, shelf))
