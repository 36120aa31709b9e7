"""Another encoder: a plain space gives way to it at once, a learned model to a better one."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from portrait.events.resume import Resume
from portrait.lifecycle.ledger import read_ledger
from portrait.lifecycle.registry import Roles
from portrait.model.model import Model
from portrait.ref import text_ref
from tests.support.cards import card_of_model
from tests.support.catalogues import ITEMS
from tests.support.fakes import HashEncoder, MemoryCatalogue, MemoryOffsets
from tests.support.memory_registry import MemoryRegistry
from tests.support.models import learned_model
from tests.support.promotions import put_in_service
from tests.support.streams import MODEL, memory_upkeep, no_shelves
from workers import first_model
from workers.index.another_encoder import AnotherEncoder
from workers.index.origin import Completeness, Origin, Shop, Stores
from workers.index.spaces import Spaces

LEARNED = learned_model("learned")


class NewEncoder(HashEncoder):
    """An encoder of another name."""

    name = "new"


async def encoder_of(model: Model) -> HashEncoder:
    """Load a model's encoder by its name."""
    return {"hash": HashEncoder, "new": NewEncoder}[model.space.encoder]()


@dataclass
class World:
    """A shop whose index worker starts now and then, with one encoder or another."""

    folder: Path
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)

    async def start(self, encoder: HashEncoder, looks: int = 4) -> None:
        """Start an index worker, and let it look a few times."""
        resume = Resume(MemoryOffsets(), "index")
        await resume.points()
        complete = Completeness(resume, lambda: {0})
        stores = Stores(self.registry, self.catalogue)
        patience = timedelta(seconds=60)
        shop = Shop(str(self.folder), self.folder / "cache", 3, patience, f"/at/{encoder.name}")
        origin = Origin(shop, stores, encoder, complete)
        another = AnotherEncoder(stores, encoder, origin)
        grace = timedelta(days=1)
        upkeep = memory_upkeep(stores.catalogue)
        shelves = no_shelves(stores.catalogue)
        spaces = Spaces(
            stores, encoder_of, origin, [another.look], upkeep=upkeep, shelves=shelves, grace=grace
        )
        for _ in range(looks):
            await spaces.look()

    async def serve(self, *models: Model) -> None:
        """Put models in service one after the other."""
        await self.catalogue.put_items(ITEMS)
        await put_in_service(self.registry, *models)

    async def encoder_serving(self) -> str:
        model = await self.registry.model(self.registry.now.champion or "")
        assert model is not None
        return model.space.encoder


@pytest.fixture
async def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    await world.serve(MODEL)
    await world.start(HashEncoder())
    assert world.registry.now == Roles(MODEL.version)
    return world


async def test_a_plain_space_gives_way_to_that_of_the_new_encoder_once_it_is_filled(
    world: World,
) -> None:
    await world.start(NewEncoder())

    assert await world.encoder_serving() == "new"
    assert world.registry.now.former == MODEL.version
    card = (await world.registry.entry(world.registry.now.champion or "")).card
    assert (card.stands_on, card.encoder_source) == ("new", "/at/new")
    ledger = read_ledger(str(world.folder))
    assert ledger is not None
    assert (ledger.champion.version, ledger.encoder) == (card.version, "new")


async def test_a_start_killed_after_any_look_changes_once(world: World) -> None:
    for looks in (1, 1, 1, 3):
        await world.start(NewEncoder(), looks)

    assert await world.encoder_serving() == "new"
    assert len(await world.registry.entries()) == 2


async def test_a_rollback_stays_until_the_setting_was_another_one(world: World) -> None:
    await world.start(NewEncoder())
    await world.registry.roll_back("a test")

    await world.start(NewEncoder())
    stayed = await world.encoder_serving()
    world.registry.cards = {MODEL.version: world.registry.cards[MODEL.version]}  # Redis forgot why
    world.registry.marks.clear()
    await world.start(NewEncoder())
    forgot = await world.encoder_serving()
    await world.start(HashEncoder())
    await world.start(NewEncoder())

    assert (stayed, forgot) == ("hash", "hash")
    assert await world.encoder_serving() == "new"


async def test_the_former_encoder_is_taken_up_again_with_the_model_that_is_kept(
    world: World,
) -> None:
    await world.start(NewEncoder())

    await world.start(HashEncoder())

    assert world.registry.now.champion == MODEL.version


async def test_a_learned_champion_serves_on_and_the_next_training_stands_on_the_new_one(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.serve(MODEL, LEARNED)

    await world.start(NewEncoder())

    assert world.registry.now == Roles(LEARNED.version, MODEL.version)
    basis = await world.registry.model(world.registry.ground or "")
    assert basis is not None
    assert (basis.space.encoder, basis.learned) == ("new", None)
    refs = {ref for space, ref in world.catalogue.vectors if space == basis.space.id}
    assert len(refs) >= len({item.text for item in ITEMS})


async def test_once_a_training_upon_it_serves_nothing_else_is_stood_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.serve(MODEL, LEARNED)
    await world.start(NewEncoder())
    basis = await world.registry.model(world.registry.ground or "")
    assert basis is not None
    challenger = Model("challenger", basis.space, LEARNED.learned)
    await world.registry.store(challenger)
    card = card_of_model(challenger).model_copy(update={"parent": LEARNED.version})
    await world.registry.add(card.model_copy(update={"base_encoder": "new"}))
    await world.registry.want("challenger")

    await world.start(NewEncoder())

    assert world.registry.now == Roles("challenger", LEARNED.version)
    assert world.registry.ground is None


async def test_a_setting_that_is_taken_back_lets_go_of_what_was_built(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.serve(MODEL, LEARNED)
    await world.start(NewEncoder())
    basis = await world.registry.model(world.registry.ground or "")
    assert basis is not None

    await world.start(HashEncoder())

    assert world.registry.ground is None
    assert basis.space.id not in {space for space, _ in world.catalogue.vectors}


async def test_a_fine_tuned_champion_stands_on_the_encoder_it_began_from(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.serve(MODEL)
    card = card_of_model(MODEL).model_copy(update={"base_encoder": "new"})
    await world.registry.add(card)

    await world.start(NewEncoder())

    assert world.registry.now == Roles(MODEL.version)
    assert len(await world.registry.entries()) == 1


async def test_the_whole_catalogue_is_read_into_the_basis_and_not_only_what_it_was_fitted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_model, "MOST_TEXTS", 3)
    world = World(tmp_path)
    await world.serve(MODEL, LEARNED)

    await world.start(NewEncoder())

    basis = await world.registry.model(world.registry.ground or "")
    assert basis is not None
    refs = {ref for space, ref in world.catalogue.vectors if space == basis.space.id}
    assert refs >= {text_ref(item.text) for item in ITEMS}
