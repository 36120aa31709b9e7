"""A shop on fakes: the real app, a small catalogue, and shoppers whose events were folded."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import httpx
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portrait.catalogue.catalogue import Catalogue, texts_of
from portrait.errors import StoreUnavailableError
from portrait.events.consent import GRANTED, Consent
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.events.tone import Tone
from portrait.events.topics import event_topic
from portrait.inference.paint import paint
from portrait.model.heard import hear
from portrait.model.model import Model
from portrait.model.space import Space
from portrait.profiles.facts import Facts, fold
from portrait.profiles.profile import encode_profiles
from portrait.profiles.searched import encode_searched
from portrait.reading.decode import EventBatch, decode
from portrait.reading.records import Clock
from portrait.ref import search_ref, text_ref
from service.access.guard import Guard
from service.app import create_app
from service.http.border import Border
from service.http.middleware import BodyLimits
from service.live import Live
from service.parts import Impressions, Parts
from service.seats import Seats
from tests.support.catalogues import ITEMS, SPACE
from tests.support.fake_training import MemoryJobs, MemoryLease
from tests.support.fakes import (
    HashEncoder,
    ListPublisher,
    MemoryCatalogue,
    MemoryDesk,
    MemoryOffsets,
    MemoryPopularity,
    MemoryProfiles,
    MemoryProgress,
)
from tests.support.memory_audiences import MemoryAudiences
from tests.support.memory_behaviour import MemoryBehaviour
from tests.support.memory_cohorts import MemoryCohorts
from tests.support.memory_edges import MemoryEdges
from tests.support.memory_given import MemoryGiven
from tests.support.memory_identities import MemoryIdentities
from tests.support.memory_keys import MemoryAudit, MemoryKeys
from tests.support.memory_lists import MemoryLists
from tests.support.memory_log import LogRecord
from tests.support.memory_opinions import MemoryOpinions
from tests.support.memory_paths import MemoryPaths
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_rights import MemoryErasures, MemoryExports
from tests.support.memory_rules import MemoryRules
from tests.support.memory_segments import MemorySegments
from tests.support.memory_words import MemoryWords
from tests.support.promotions import put_in_service
from workers.update.reviews import said_of

NOTHING_READ: Mapping[str, Tone | None] = {}
NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
PARTITION = 2  # of every user
MOST_BYTES = 100_000  # of a request


@dataclass
class Shop:
    """Everything the service stands on."""

    profiles: MemoryProfiles = field(default_factory=MemoryProfiles)
    items: MemoryCatalogue = field(default_factory=MemoryCatalogue)
    popularity: MemoryPopularity = field(default_factory=MemoryPopularity)
    progress: MemoryProgress = field(default_factory=MemoryProgress)
    offsets: MemoryOffsets = field(default_factory=MemoryOffsets)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    rules: MemoryRules = field(default_factory=MemoryRules)
    edges: MemoryEdges = field(default_factory=MemoryEdges)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    lease: MemoryLease = field(default_factory=MemoryLease)
    jobs: MemoryJobs = field(init=False)
    identities: MemoryIdentities = field(init=False)
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    words: MemoryWords = field(default_factory=MemoryWords)
    opinions: MemoryOpinions = field(default_factory=MemoryOpinions)
    lists: MemoryLists = field(default_factory=MemoryLists)
    given: MemoryGiven = field(default_factory=MemoryGiven)
    audiences: MemoryAudiences = field(default_factory=MemoryAudiences)
    segments: MemorySegments = field(default_factory=MemorySegments)
    behaviour: MemoryBehaviour = field(default_factory=MemoryBehaviour)
    cohorts: MemoryCohorts = field(default_factory=MemoryCohorts)
    paths: MemoryPaths = field(default_factory=MemoryPaths)
    impressions: Impressions = "off"
    publisher: ListPublisher = field(default_factory=ListPublisher)
    erasures: MemoryErasures = field(default_factory=MemoryErasures)
    exports: MemoryExports = field(default_factory=MemoryExports)
    redis_is_down: bool = False
    redis_warning: str | None = None
    unsaid: Consent = GRANTED

    def __post_init__(self) -> None:
        self.jobs = MemoryJobs(self.lease)
        self.identities = MemoryIdentities(self.profiles)

    @property
    def parts(self) -> Parts:
        """The same, as the app takes it."""
        return Parts(
            profiles=self.profiles,
            identities=self.identities,
            catalogue=self.items,
            popularity=self.popularity,
            progress=self.progress,
            offsets=self.offsets,
            registry=self.registry,
            rules=self.rules,
            edges=self.edges,
            keys=self.keys,
            audit=self.audit,
            jobs=self.jobs,
            desk=self.desk,
            words=self.words,
            opinions=self.opinions,
            experiments=self.lists,
            shown=self.lists,
            given=self.given,
            audiences=self.audiences,
            segments=self.segments,
            behaviour=self.behaviour,
            cohorts=self.cohorts,
            paths=self.paths,
            impressions=self.impressions,
            publisher=self.publisher,
            erasures=self.erasures,
            exports=self.exports,
            ping_store=self._ping,
            warn_of_store=self._warn,
            declared=("region", "membership"),
            unsaid=self.unsaid,
        )

    async def stock(
        self,
        *items: Item,
        searches: tuple[str, ...] = (),
        space: Space = SPACE,
        model: Model | None = None,
    ) -> None:
        """Put items, of all ITEMS if none are named, with their vectors, and a model."""
        chosen = items or ITEMS
        texts = [text for item in chosen for text in texts_of(item)]
        vectors = space.place(HashEncoder().encode(texts))
        await self.items.put_vectors(space.id, [text_ref(text) for text in texts], vectors)
        if searches:
            vectors = space.place_searches(HashEncoder().encode(searches))
            await self.items.put_vectors(space.id, [*map(search_ref, searches)], vectors)
        await self.items.put_items(chosen)
        await put_in_service(self.registry, model or Model(f"model-{space.id[:4]}", space))

    def remember(
        self,
        user: str,
        *events: Mapping[str, object],
        painted: Catalogue,
        tones: Mapping[str, Tone | None] = NOTHING_READ,
    ) -> None:
        """Fold a user's events, oldest first, an hour apart, and store the record.

        `tones` is what a BERT reads, by the text of a review.
        """
        facts, batch = folded(user, *events)
        read = {id: each.text for id, each in batch.reviews.items() if each.text in tones}
        batch.tones |= {id: tones[text] for id, text in read.items()}
        said = said_of(batch)
        stored = encode_searched(facts.ring, said.searches, [None], said.readings)
        hear(facts, stored, said.heard)
        (self.profiles.records[user],) = encode_profiles(facts, paint(facts.ring, painted))
        (self.profiles.searched[user],) = stored

    async def _warn(self) -> str | None:
        return self.redis_warning

    async def _ping(self) -> None:
        if self.redis_is_down:
            raise StoreUnavailableError


def record_of(user: str, *events: Mapping[str, object], painted: Catalogue) -> bytes:
    """Fold a user's events, oldest first, an hour apart, and paint them."""
    facts, _ = folded(user, *events)
    (record,) = encode_profiles(facts, paint(facts.ring, painted))
    return record


def folded(user: str, *events: Mapping[str, object]) -> tuple[Facts, EventBatch]:
    """Fold a user's events, oldest first, an hour apart; also return what was read."""
    (batch,) = decode(
        [_record(user, place, fields) for place, fields in enumerate(events)],
        clock=Clock.of_system(HOUR_MS * 100),
        most_tokens=1_000_000,
    )
    facts = Facts.empty(1)
    fold(facts, batch.columns)
    return facts, batch


def _record(user: str, place: int, fields: Mapping[str, object]) -> LogRecord:
    at = NOW_MS + place * HOUR_MS
    topic = event_topic(Action(str(fields["type"])))
    event = {
        "event_id": f"{user}-{place}",
        "user_id": user,
        "occurred_at": at / 1_000,
        **fields,
    }
    return LogRecord(topic, PARTITION, place, at, user.encode(), to_json(event))


@asynccontextmanager
async def open_shop(
    shop: Shop,
    *,
    border: Border | None = None,
    guard: Guard | None = None,
    seats: Seats | None = None,
    most_bytes: int = MOST_BYTES,
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the app with its background tasks; it has looked at everything once."""
    limits = BodyLimits(most_bytes=most_bytes)
    app = create_app(shop.parts, body_limits=limits, border=border, guard=guard, seats=seats)
    async with app.router.lifespan_context(app) as state:
        yielded = dict(state or {})
        await look(yielded["live"])
        transport = httpx.ASGITransport(with_state_of(app, yielded), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            yield client


async def look(live: Live) -> None:
    """Do at once what the background tasks do now and then."""
    await live.follow_progress()
    await live.folded.follow()
    await live.follow_popularity()
    await live.follow_groups()
    await live.follow_rules()
    await live.follow_edges()
    await live.follow_model()
    await live.follow_catalogue()
    await live.follow_jobs()


def with_state_of(app: ASGIApp, state: Mapping[str, object]) -> ASGIApp:
    """Give each request the lifespan's state, and what has come of it, as a server does."""

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        state_of_one = dict(state)
        if scope["type"] == "http" and scope["path"] == "/recommend":
            whole, receive = await _whole(receive)
            state_of_one["cycle"] = SimpleNamespace(body=whole, more_body=False, disconnected=False)
        await app({**scope, "state": state_of_one}, receive, send)

    return with_state


async def _whole(receive: Receive) -> tuple[bytes, Receive]:
    """Wait for a whole body. Returns it, and what it is received with, in one piece."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_whole() -> Message:
        return messages.pop() if messages else await receive()

    return body, receive_whole
