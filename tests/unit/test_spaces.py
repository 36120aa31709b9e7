"""Spaces: the wanted model serves once its space is complete, and not before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from portrait.errors import ModelInvalidError
from portrait.events.item import Item
from portrait.lifecycle.manifest import ArtifactInvalidError
from portrait.lifecycle.registry import Roles
from portrait.model.model import Model
from portrait.model.space import Space, Vectors
from portrait.ref import text_ref
from tests.support.catalogues import ITEMS, SPACE
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.models import learned_model
from tests.support.streams import MODEL, memory_spaces
from workers.index import spaces as spaces_module

OTHER = Space("hash", SPACE.mean, np.ascontiguousarray(-SPACE.axes))
CHALLENGER = Model("challenger", OTHER)


async def has_vector(store: MemoryCatalogue, space: Space, item: Item) -> bool:
    (vector,) = await store.get_vectors(space.id, [text_ref(item.text)], space.dim)
    return vector is not None


async def stocked() -> MemoryCatalogue:
    store = MemoryCatalogue()
    await store.put_items(ITEMS)
    return store


async def test_a_wanted_model_serves_once_its_space_is_filled() -> None:
    store = await stocked()
    spaces, registry = await memory_spaces(store, CHALLENGER)
    await registry.want("challenger")

    await spaces.look()

    assert registry.now.champion == "challenger"
    assert registry.now.former == MODEL.version
    assert all([await has_vector(store, OTHER, item) for item in ITEMS])


async def test_an_item_that_changes_meanwhile_is_read_into_both_spaces() -> None:
    store = await stocked()
    spaces, registry = await memory_spaces(store, CHALLENGER)
    await registry.want("challenger")
    await spaces.look()
    newcomer = Item(id="new", title="sea salt")

    async with spaces.reading([newcomer]) as new:
        await store.put_items([newcomer])

    assert new == 2
    assert await has_vector(store, SPACE, newcomer)
    assert await has_vector(store, OTHER, newcomer)


async def test_an_item_that_another_worker_introduced_is_completed_and_announced_again() -> None:
    store = await stocked()
    spaces, _ = await memory_spaces(store)
    await spaces.look()
    await store.put_items([Item(id="new", title="sea salt")])
    cursor = await store.cursor()

    await spaces.look()

    assert await has_vector(store, SPACE, Item(id="new", title="sea salt"))
    changes = await store.changed_since(cursor)
    assert changes is not None
    assert changes[1] == ["new"]


async def test_an_item_that_only_events_know_is_completed_and_stays_one() -> None:
    """Were it put into the catalogue, whoever sends events could fill that without a bound."""
    store = await stocked()
    spaces, _ = await memory_spaces(store)
    await spaces.look()
    await store.introduce_items([Item(id="new", title="sea salt")])

    await spaces.look()

    assert await has_vector(store, SPACE, Item(id="new", title="sea salt"))
    assert "new" not in store.items
    assert "new" in store.introduced


async def test_a_model_that_shares_the_space_needs_no_reading() -> None:
    store, encoder = await stocked(), HashEncoder()
    spaces, registry = await memory_spaces(store, learned_model("learned"), encoder=encoder)
    async with spaces.reading(ITEMS):
        pass
    before = encoder.texts_read
    await registry.want("learned")

    await spaces.look()

    assert registry.now.champion == "learned"
    assert encoder.texts_read == before


async def test_the_space_of_a_model_is_removed_after_its_grace() -> None:
    store = await stocked()
    spaces, registry = await memory_spaces(store, CHALLENGER)
    async with spaces.reading(ITEMS):
        pass
    await registry.want("challenger")
    await spaces.look()
    registry.now = registry.now._replace(former=None)
    await spaces.look()

    await spaces.forget_expired(datetime.now(UTC) + timedelta(hours=23))
    kept = await has_vector(store, SPACE, ITEMS[0])
    await spaces.forget_expired(datetime.now(UTC) + timedelta(days=2))

    assert kept
    assert not await has_vector(store, SPACE, ITEMS[0])
    assert await has_vector(store, OTHER, ITEMS[0])


async def test_a_rollback_needs_no_reading() -> None:
    store, encoder = await stocked(), HashEncoder()
    spaces, registry = await memory_spaces(store, CHALLENGER, encoder=encoder)
    async with spaces.reading(ITEMS):
        pass
    await registry.want("challenger")
    await spaces.look()
    read = encoder.texts_read
    await registry.roll_back("a test")

    await spaces.look()

    assert registry.now.champion == MODEL.version
    assert encoder.texts_read == read


async def refusing(model: Model) -> HashEncoder:
    """Load encoders, but for the challenger's."""
    if model.version == CHALLENGER.version:
        msg = "its encoder cannot be loaded: OSError"
        raise ModelInvalidError(msg)
    return HashEncoder()


async def test_a_wanted_model_that_cannot_be_loaded_is_refused_and_the_champion_goes_on() -> None:
    store = await stocked()
    spaces, registry = await memory_spaces(store, CHALLENGER, encoder_of=refusing)
    await registry.want("challenger")

    await spaces.look()

    assert registry.now == Roles(MODEL.version)
    listed = await registry.entry("challenger")
    assert (listed.role, listed.card.refused) == (
        "refused",
        "its encoder cannot be loaded: OSError",
    )
    newcomer = Item(id="new", title="sea salt")
    async with spaces.reading([newcomer]) as new:
        assert new == 1
    await spaces.check()


async def test_a_wanted_model_whose_arrays_are_damaged_is_refused() -> None:
    spaces, registry = await memory_spaces(await stocked(), CHALLENGER)
    await registry.want("challenger")
    registry.damaged.add("challenger")

    await spaces.look()

    assert registry.now == Roles(MODEL.version)
    assert "damaged" in ((await registry.entry("challenger")).card.refused or "")


class Broken(HashEncoder):
    """An encoder that loads, and fails at its first text."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        msg = f"out of memory at {len(texts)} texts"
        raise RuntimeError(msg)


async def test_a_wanted_model_whose_encoder_cannot_read_is_refused() -> None:
    async def broken(model: Model) -> HashEncoder:
        return Broken() if model.version == CHALLENGER.version else HashEncoder()

    spaces, registry = await memory_spaces(await stocked(), CHALLENGER, encoder_of=broken)
    await registry.want("challenger")

    await spaces.look()

    assert registry.now == Roles(MODEL.version)
    assert "cannot read: RuntimeError" in ((await registry.entry("challenger")).card.refused or "")


async def test_a_damaged_model_is_forgotten_like_any_other() -> None:
    spaces, registry = await memory_spaces(await stocked(), CHALLENGER)
    await registry.want("challenger")
    await spaces.look()
    registry.damaged.add(MODEL.version)

    await spaces.forget_expired(datetime.now(UTC) + timedelta(days=2))

    assert registry.now == Roles("challenger")


async def test_a_space_that_is_not_of_its_encoder_is_refused() -> None:
    strange = Space("hash", SPACE.mean[:-1], np.ascontiguousarray(SPACE.axes[:-1]))
    spaces, registry = await memory_spaces(await stocked(), Model("challenger", strange))
    await registry.want("challenger")

    await spaces.look()

    assert registry.now == Roles(MODEL.version)


async def test_a_champion_that_cannot_be_loaded_is_tried_again_and_then_filled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spaces_module, "AGAIN_SECONDS", 0)
    store, is_away = await stocked(), True

    async def sometimes(_model: Model) -> HashEncoder:
        if is_away:
            msg = "there is no artifact"
            raise ArtifactInvalidError(msg)
        return HashEncoder()

    spaces, registry = await memory_spaces(store, encoder_of=sometimes)
    with pytest.raises(ModelInvalidError, match="no artifact"):
        await spaces.check()
    assert registry.now == Roles(MODEL.version)

    is_away = False
    await spaces.look()

    await spaces.check()
    assert all([await has_vector(store, SPACE, item) for item in ITEMS])
