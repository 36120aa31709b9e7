"""Origin: an emptied Redis gets its champion back, a new shop its first model, and no other."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from portrait import metrics
from portrait.errors import ModelInvalidError, ModelMissingError
from portrait.events.resume import Resume
from portrait.events.stream import Batch
from portrait.lifecycle.ledger import LEDGER, read_ledger
from portrait.lifecycle.registry import Roles
from portrait.model.model import Model
from tests.support.catalogues import ITEMS
from tests.support.fakes import HashEncoder, MemoryCatalogue, MemoryOffsets
from tests.support.memory_registry import MemoryRegistry
from tests.support.models import learned_model
from tests.support.promotions import put_in_service
from tests.support.streams import MODEL, hash_encoder, memory_upkeep, no_shelves
from workers.index import spaces as spaces_module
from workers.index.another_encoder import AnotherEncoder
from workers.index.origin import Completeness, Origin, Shop, Stores
from workers.index.spaces import Spaces

WHOLE = Batch([], {}, {0: 1})  # an empty batch that says that partition 0 is read to its end


@dataclass
class World:
    """A folder of models, and a Redis that can be emptied."""

    folder: Path
    enough: int = 3
    patience: timedelta = timedelta(seconds=60)
    offsets: MemoryOffsets = field(default_factory=MemoryOffsets)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)

    async def origin(self) -> tuple[Origin, Completeness]:
        """Start what an index worker goes by."""
        resume = Resume(self.offsets, "index")
        await resume.points()
        complete = Completeness(resume, lambda: {0})
        models, cache = str(self.folder / "models"), self.folder / "cache"
        shop = Shop(models, cache, self.enough, self.patience, "hash")
        stores = Stores(self.registry, self.catalogue)
        return Origin(shop, stores, HashEncoder(), complete), complete

    async def index_worker(self) -> tuple[Spaces, Completeness]:
        """Start one."""
        origin, complete = await self.origin()
        stores = Stores(self.registry, self.catalogue)
        another = AnotherEncoder(stores, HashEncoder(), origin)
        return Spaces(
            stores,
            hash_encoder,
            origin,
            [another.look],
            upkeep=memory_upkeep(self.catalogue),
            shelves=no_shelves(self.catalogue),
            grace=timedelta(days=1),
        ), complete

    async def serve(self, *models: Model) -> None:
        """Put models in service one after the other."""
        await put_in_service(self.registry, *models)

    def emptied(self) -> "World":
        """Return the same shop after its Redis was emptied."""
        return World(self.folder, self.enough, self.patience, MemoryOffsets(life="another"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces_module, "AWAY_SECONDS", 0)


async def served(folder: Path, *models: Model) -> World:
    world = World(folder)
    await world.serve(*models)
    spaces, _ = await world.index_worker()
    await spaces.look()
    return world.emptied()


async def test_who_serves_is_written_down_and_published(tmp_path: Path) -> None:
    await served(tmp_path, MODEL, learned_model())

    ledger = read_ledger(str(tmp_path / "models"))
    assert ledger is not None
    assert ledger.former is not None
    assert (ledger.champion.version, ledger.former.version) == ("learned-model", MODEL.version)
    assert (tmp_path / "models" / MODEL.version / "manifest.json").exists()


async def test_that_who_serves_cannot_be_written_down_is_counted_and_goes_on(
    tmp_path: Path,
) -> None:
    before = metrics.ledger_failures._value.get()  # noqa: SLF001 - its only reader
    (tmp_path / "models").write_text("a file where a folder should be")
    world = World(tmp_path)
    await world.serve(MODEL)
    spaces, _ = await world.index_worker()

    await spaces.look()

    assert metrics.ledger_failures._value.get() == before + 1  # noqa: SLF001


async def test_a_rollback_is_written_down(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.serve(MODEL, learned_model())
    spaces, _ = await world.index_worker()
    await spaces.look()

    await world.registry.roll_back("it fell")
    await spaces.look()

    ledger = read_ledger(str(tmp_path / "models"))
    assert ledger is not None
    assert (ledger.champion.version, ledger.former) == (MODEL.version, None)


async def test_an_emptied_redis_gets_both_back_once_the_catalogue_is_whole(tmp_path: Path) -> None:
    world = await served(tmp_path, MODEL, learned_model())
    spaces, complete = await world.index_worker()

    await world.catalogue.put_items(ITEMS[:1])
    await spaces.look()
    early = await world.registry.champion()
    with pytest.raises(ModelMissingError):
        await spaces.check()
    await world.catalogue.put_items(ITEMS)
    complete.note(WHOLE)
    await spaces.look()
    await spaces.look()

    assert early is None
    assert world.registry.now == Roles("learned-model", MODEL.version)
    found = await world.registry.model("learned-model")
    assert found is not None
    assert found.space_id == learned_model().space_id
    assert len(world.catalogue.vectors) > 0
    await spaces.check()


async def test_a_redis_emptied_again_meanwhile_is_not_taken_for_whole(tmp_path: Path) -> None:
    world = await served(tmp_path, MODEL)
    spaces, complete = await world.index_worker()
    complete.note(WHOLE)
    world.offsets.life = "yet another"

    await spaces.look()

    assert world.registry.now.champion is None


async def test_where_the_ledger_names_somebody_no_space_is_ever_fitted(tmp_path: Path) -> None:
    world = replace((await served(tmp_path, MODEL)).emptied(), enough=1)
    (tmp_path / "models" / MODEL.version / "manifest.json").unlink()
    spaces, complete = await world.index_worker()
    await world.catalogue.put_items(ITEMS)
    complete.note(WHOLE)

    await spaces.look()

    assert world.registry.now.champion is None
    assert await world.registry.entries() == []
    with pytest.raises(ModelInvalidError, match=f"Bring .* back .* or delete its {LEDGER}"):
        await spaces.check()


async def test_a_former_that_cannot_be_read_does_not_hold_up_the_champion(tmp_path: Path) -> None:
    world = await served(tmp_path, MODEL, learned_model())
    (tmp_path / "models" / MODEL.version / "space.safetensors").write_bytes(b"")
    spaces, complete = await world.index_worker()
    complete.note(WHOLE)

    await spaces.look()

    assert world.registry.now == Roles("learned-model", None)


async def test_a_champion_whose_arrays_alone_are_gone_gets_them_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.serve(MODEL)
    spaces, complete = await world.index_worker()
    await spaces.look()
    world.registry.models.clear()
    complete.note(WHOLE)

    await spaces.look()

    assert await world.registry.model(MODEL.version) is not None
    assert world.registry.now.champion == MODEL.version


async def test_a_new_shop_fits_its_first_model_on_the_whole_catalogue(tmp_path: Path) -> None:
    world = World(tmp_path)
    spaces, complete = await world.index_worker()
    await world.catalogue.put_items(ITEMS)
    await spaces.look()
    assert world.registry.now.champion is None  # there may be more in the topic

    complete.note(WHOLE)
    await spaces.look()

    assert (world.registry.now.champion or "").startswith("pretrained-")
    ledger = read_ledger(str(tmp_path / "models"))
    assert ledger is not None
    assert ledger.champion.version == world.registry.now.champion


async def test_a_first_model_is_known_to_nobody_before_it_serves(tmp_path: Path) -> None:
    world = World(tmp_path)
    origin, complete = await world.origin()
    await world.catalogue.put_items(ITEMS)
    complete.note(WHOLE)

    (model,) = await origin.find()
    before = await world.registry.entries()
    began = await origin.put_in_service([model], None)
    again = await origin.put_in_service([model], None)

    assert (before, began, again) == ([], True, False)
    assert (await world.registry.entry(model.version)).role == "champion"
    assert await world.registry.champion() is model


async def test_a_champion_that_is_gone_for_good_gives_way_to_a_first_model(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.registry.now = Roles("gone")
    spaces, complete = await world.index_worker()
    await world.catalogue.put_items(ITEMS)
    complete.note(WHOLE)

    await spaces.look()

    assert (world.registry.now.champion or "").startswith("pretrained-")


async def test_few_texts_are_enough_when_it_has_been_quiet(tmp_path: Path) -> None:
    world = World(tmp_path, enough=1_000, patience=timedelta(0))
    spaces, complete = await world.index_worker()
    complete.note(WHOLE)

    await spaces.look()
    await spaces.look()
    empty = world.registry.now.champion
    await world.catalogue.put_items(ITEMS)
    await spaces.look()
    restless = world.registry.now.champion
    await spaces.look()

    assert (empty, restless) == (None, None)
    assert world.registry.now.champion is not None


async def test_a_ledger_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    world = World(tmp_path)
    await world.serve(MODEL)
    spaces, _ = await world.index_worker()

    await spaces.look()

    await spaces.check()


@pytest.mark.parametrize(
    "batch", [Batch([], {}, {}), Batch([], {}, {1: 5})], ids=["nothing", "another partition"]
)
async def test_an_empty_batch_alone_is_not_the_end(batch: Batch, tmp_path: Path) -> None:
    _, complete = await World(tmp_path).index_worker()

    complete.note(batch)

    assert not await complete.holds()
