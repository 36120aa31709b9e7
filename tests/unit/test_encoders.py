"""Encoders: loaded once, and whatever is wrong with one is an error of ours."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portrait.errors import EncoderInvalidError, ModelInvalidError
from portrait.lifecycle.artifact import ENCODER, write_artifact
from portrait.lifecycle.manifest import ArtifactInvalidError, Manifest
from portrait.lifecycle.registry import card_of
from portrait.model.encoder import CANNOT_LOAD, TextEncoder
from portrait.model.model import Model
from portrait.model.space import Space
from tests.support.cards import card_of_model
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder
from tests.support.memory_registry import MemoryRegistry
from tests.support.streams import MODEL
from workers.encoders import MOST_LOADED, Encoders, Sources

OTHER = Model("other", Space("an encoder of its own", SPACE.mean, SPACE.axes))


Load = Callable[[str], TextEncoder]


def never(folder: str) -> TextEncoder:
    pytest.fail(f"nothing was to be loaded from {folder}")


def the_hash_encoder(source: str) -> HashEncoder:
    """Load what the setting names."""
    assert source == "setting"
    return HashEncoder()


def name_of(source: str) -> str:
    """Name what lies at a source: at the setting the hash encoder, elsewhere the other's."""
    known = {"setting": "hash", "nowhere": "another", "bundled": "MiniLM"}
    return known.get(source, OTHER.space.encoder)


def sources(load: Load = the_hash_encoder) -> Sources:
    return Sources("setting", load, name_of)


async def encoders_of(
    folder: Path, load: Load, *, has_encoder: bool = True, source: str | None = None
) -> Encoders:
    """Publish the other model, with or without its encoder."""
    (folder / "bert").mkdir(parents=True)
    (folder / "bert" / "config.json").write_text("{}")
    manifest = Manifest(
        version="other",
        created_at=card_of_model(OTHER).created_at,
        encoder=OTHER.space.encoder,
        space_id=OTHER.space.id,
    )
    encoder = folder / "bert" if has_encoder else None
    write_artifact(folder / "other", manifest, space=OTHER.space, learned={}, encoder=encoder)
    registry = MemoryRegistry()
    card = card_of(manifest, artifact=str(folder / "other"))
    await registry.add(card.model_copy(update={"encoder_source": source}))
    return Encoders(sources(load), registry, folder / "cache")


async def test_the_encoder_of_the_settings_is_loaded_once(tmp_path: Path) -> None:
    encoders = Encoders(sources(), MemoryRegistry(), tmp_path)
    base = await encoders.base()

    assert await encoders.of(MODEL) is base


async def test_a_model_upon_another_encoder_is_read_with_that_one_from_where_its_card_says(
    tmp_path: Path,
) -> None:
    loaded = []

    def load(source: str) -> TextEncoder:
        loaded.append(source)
        return HashEncoder()

    encoders = await encoders_of(tmp_path, load, has_encoder=False, source="/encoders/other")

    await encoders.of(OTHER)
    await encoders.of(MODEL)

    assert loaded == ["/encoders/other", "setting"]


async def test_a_source_that_holds_another_encoder_by_now_is_not_taken(tmp_path: Path) -> None:
    encoders = await encoders_of(tmp_path, never, has_encoder=False, source="nowhere")

    with pytest.raises(ModelInvalidError, match="not at nowhere any more: bring it back"):
        await encoders.of(OTHER)


async def test_an_encoder_that_an_ancestor_was_trained_with_is_found_in_its_artifact(
    tmp_path: Path,
) -> None:
    encoders = await encoders_of(tmp_path, lambda _: HashEncoder())
    heir = replace(OTHER, version="heir")
    card = card_of_model(heir).model_copy(update={"parent": "other"})
    await encoders._registry.add(card)  # noqa: SLF001 - where it looks

    await encoders.of(heir)


@pytest.mark.parametrize("kind", CANNOT_LOAD)
async def test_a_setting_that_cannot_be_loaded_says_what_to_give_instead(
    kind: type[Exception], tmp_path: Path
) -> None:
    def load(_source: str) -> TextEncoder:
        raise kind

    encoders = Encoders(sources(load), MemoryRegistry(), tmp_path)

    with pytest.raises(EncoderInvalidError, match=f"names setting, .*{kind.__name__}.*: give"):
        await encoders.base()


async def test_the_encoder_of_a_model_is_loaded_from_its_artifact_once(tmp_path: Path) -> None:
    loaded = []

    def load(folder: str) -> TextEncoder:
        loaded.append(Path(folder).name)
        encoder = HashEncoder()
        encoder.name = OTHER.space.encoder
        return encoder

    encoders = await encoders_of(tmp_path, load)

    assert await encoders.of(OTHER) is await encoders.of(OTHER)
    assert loaded == [ENCODER]


async def test_a_model_without_its_encoder_is_refused(tmp_path: Path) -> None:
    encoders = await encoders_of(tmp_path, never, has_encoder=False)

    with pytest.raises(ModelInvalidError, match="lacks"):
        await encoders.of(OTHER)


@pytest.mark.parametrize("kind", CANNOT_LOAD)
async def test_files_that_cannot_be_used_are_a_model_that_is_refused(
    kind: type[Exception], tmp_path: Path
) -> None:
    def load(_folder: str) -> TextEncoder:
        raise kind

    with pytest.raises(ModelInvalidError, match=f"cannot be loaded: {kind.__name__}"):
        await (await encoders_of(tmp_path, load)).of(OTHER)


async def test_an_artifact_that_is_away_is_said(tmp_path: Path) -> None:
    registry = MemoryRegistry()
    gone = card_of_model(OTHER).model_copy(update={"artifact": str(tmp_path / "nowhere")})
    await registry.add(gone)

    with pytest.raises(ArtifactInvalidError, match="no artifact"):
        await Encoders(sources(never), registry, tmp_path / "cache").of(OTHER)


class CountingEncoders(Encoders):
    """Makes encoders instead of fetching them."""

    fetched = 0

    async def _found(self, model: Model) -> HashEncoder:
        self.fetched += 1
        encoder = HashEncoder()
        encoder.name = model.space.encoder
        return encoder


async def test_no_more_encoders_are_held_than_models_may_serve() -> None:
    encoders = CountingEncoders(sources(), MemoryRegistry(), Path())
    base = await encoders.base()
    models = [Model(f"v{n}", replace(SPACE, encoder=f"e{n}")) for n in range(9)]

    for model in models:
        assert (await encoders.of(model)).name == model.space.encoder
        await encoders.of(model)

    assert encoders.fetched == len(models)
    assert len(encoders._loaded) == MOST_LOADED  # noqa: SLF001 - what is bounded
    assert await encoders.of(models[-1]) is await encoders.of(models[-1])
    assert encoders.fetched == len(models)
    assert await encoders.of(Model("v", SPACE)) is base
