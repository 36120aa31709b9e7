"""A log of given batches, and an updater on memory alone."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from portrait.catalogue.mirror import Mirror
from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.texts import TextReader
from portrait.events.item import Item
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Notes, Record
from portrait.identity.store import IdentityStore
from portrait.model.model import Model
from portrait.profiles.store import ProfileStore
from tests.support.cards import card_of_model
from tests.support.catalogues import ITEMS, SPACE
from tests.support.fake_training import MemoryLiveCounts
from tests.support.fakes import (
    HashEncoder,
    ListPublisher,
    MemoryCatalogue,
    MemoryOffsets,
    MemoryPopularity,
    MemoryProfiles,
    MemoryProgress,
)
from tests.support.memory_behaviour import MemoryBehaviour
from tests.support.memory_cohorts import MemoryCohorts
from tests.support.memory_identities import MemoryIdentities
from tests.support.memory_log import MemoryLog
from tests.support.memory_paths import MemoryPaths
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_stream import MemoryGroup, MemoryStream
from tests.support.promotions import put_in_service
from workers.index.another_encoder import AnotherEncoder
from workers.index.origin import Completeness, Origin, Shop, Stores
from workers.index.shelves import Shelves
from workers.index.spaces import Spaces
from workers.index.upkeep import Upkeep
from workers.painter import EncoderOf, Painter
from workers.update.updater import Limits, Ports, Updater, assemble

MODEL = Model("test-model", SPACE)
LIMITS = Limits(timedelta(minutes=1), 10_000, timedelta(seconds=5))


class ListStream(MemoryStream):
    """An `EventStream` over batches that are given: each comes after the one before, then it ends.

    They may be no log that could be: the same records once more, say.
    """

    def __init__(self, *batches: Sequence[Record], resume: Resume | None = None) -> None:
        self._log = MemoryLog()
        self._coming = deque(batches)
        super().__init__(MemoryGroup(self._log), resume=resume)

    def _is_over(self) -> bool:
        is_read = not (self._coming or self._unplaced or self._unread())
        return super()._is_over() or is_read

    async def _gather(self) -> Batch:
        for record in self._coming.popleft() if self._coming else ():
            self._log.take(record)
        return await super()._gather()

    def _since(self) -> int:
        return 0  # they were published when they say so, not now


async def index_items(store: CatalogueStore, items: Sequence[Item] = ITEMS) -> TextReader:
    """Store items with their vectors. Returns the reader that did it."""
    reader = TextReader(HashEncoder(), SPACE, store)
    await reader.read(text for item in items for text in (item.text, *_categories(item)))
    await store.put_items(items)
    return reader


async def hash_encoder(model: Model) -> HashEncoder:  # noqa: ARG001 - there is one for all
    return HashEncoder()


async def memory_spaces(
    store: MemoryCatalogue,
    *others: Model,
    encoder: HashEncoder | None = None,
    encoder_of: EncoderOf | None = None,
    shelves: Shelves | None = None,
) -> tuple[Spaces, MemoryRegistry]:
    """Keep the spaces of MODEL, which serves, and of others that may be wanted."""
    registry = MemoryRegistry()
    await put_in_service(registry, MODEL)
    for model in others:
        await registry.store(model)
        await registry.add(card_of_model(model))

    async def the_one(model: Model) -> HashEncoder:  # noqa: ARG001 - there is one for all
        return encoder or HashEncoder()

    stores = Stores(registry, store)
    origin = Origin(memory_shop(), stores, HashEncoder(), await never_complete())
    another = AnotherEncoder(stores, HashEncoder(), origin)
    spaces = Spaces(
        stores,
        encoder_of or the_one,
        origin,
        [another.look],
        upkeep=memory_upkeep(store),
        shelves=shelves or no_shelves(store),
        grace=timedelta(days=1),
    )
    await spaces.look()
    return spaces, registry


def no_shelves(store: CatalogueStore) -> Shelves:
    """Read nowhere that items lie."""

    async def nobody(version: str) -> None:
        """Have no reader, whoever serves."""

    return Shelves(store, nobody)


def memory_upkeep(store: CatalogueStore) -> Upkeep:
    """Look after a catalogue at every look, with nobody who listens."""

    async def forget() -> None:
        """Keep the offsets."""

    return Upkeep(store, Notes(), forget, every=0)


def memory_shop(cache: Path = Path("unused")) -> Shop:
    """Return a new shop whose models lie in memory."""
    url, patience = f"memory://{uuid4().hex}", timedelta(seconds=60)
    return Shop(url, cache, enough=3, patience=patience, encoder_source="hash")


async def never_complete() -> Completeness:
    resume = Resume(MemoryOffsets(), "index")
    await resume.points()
    return Completeness(resume, frozenset[int])


async def memory_updater(
    profiles: ProfileStore | None = None,
    offsets: MemoryOffsets | None = None,
    identities: IdentityStore | None = None,
    declared: Sequence[str] = (),
) -> Updater:
    """Build an updater on fakes, with the catalogue of ITEMS."""
    store = MemoryCatalogue()
    reader = await index_items(store)
    mirror = Mirror(store, MODEL)
    await mirror.load()
    registry = MemoryRegistry()
    await put_in_service(registry, MODEL)
    profiles = profiles or MemoryProfiles()
    if identities is None:
        assert isinstance(profiles, MemoryProfiles)
        identities = MemoryIdentities(profiles)
    ports = Ports(
        profiles=profiles,
        identities=identities,
        popularity=MemoryPopularity(),
        behaviour=MemoryBehaviour(),
        cohorts=MemoryCohorts(),
        paths=MemoryPaths(),
        progress=MemoryProgress(),
        offsets=offsets or MemoryOffsets(),
        live=MemoryLiveCounts(),
        publisher=ListPublisher(),
        registry=registry,
        catalogue=store,
    )
    limits = replace(LIMITS, declared=declared)
    updater = assemble(ports, Painter(MODEL, mirror, reader), hash_encoder, limits, "update")
    await updater.resume.points()
    return updater


def _categories(item: Item) -> tuple[str, ...]:
    return (item.category,) if item.category else ()
