"""Encoders: each is loaded once, and few are held."""

from dataclasses import replace
from pathlib import Path

from portrait.store import Model
from tests.catalogues import SPACE
from tests.fake_training import MemoryModels
from tests.fakes import HashEncoder
from workers.encoders import MOST_LOADED, Encoders


class CountingEncoders(Encoders):
    """Makes encoders instead of fetching them."""

    fetched = 0

    async def _fetched(self, model: Model) -> HashEncoder:
        self.fetched += 1
        encoder = HashEncoder()
        encoder.name = model.space.encoder
        return encoder


async def test_no_more_encoders_are_held_than_models_may_serve() -> None:
    encoders = CountingEncoders(HashEncoder(), MemoryModels(), Path(), lambda _: HashEncoder())
    models = [Model(f"v{n}", replace(SPACE, encoder=f"e{n}")) for n in range(9)]

    for model in models:
        assert (await encoders.of(model)).name == model.space.encoder
        await encoders.of(model)

    assert encoders.fetched == len(models)
    assert len(encoders._loaded) == MOST_LOADED  # noqa: SLF001 - what is bounded
    assert await encoders.of(models[-1]) is await encoders.of(models[-1])
    assert encoders.fetched == len(models)
    assert await encoders.of(Model("v", SPACE)) is encoders.base
