"""The whole way of a place: catalogue, training, verdict, promotion, and who indexes reads it."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from portrait.events.item import Item
from portrait.lifecycle.registry import has_places
from portrait.text.text_encoder import load_encoder, name_of
from portrait.training.tasks.fit_place import PlaceTraining
from tests.integration.test_training_turn import Trainer
from tests.support.planted_reviews import HOW, written
from tests.support.tiny_bert import write_tiny_bert
from tests.support.training_shop import keep, season
from tests.unit.test_learner import PRETRAINED
from workers.encoders import Encoders, Sources
from workers.index.shelves import Shelves

pytestmark = pytest.mark.asyncio

COUNT, LACKING = 1_400, 100
PATHS = {1.0: "Goods > Bad", 5.0: "Goods > Good"}


def items(count: int) -> list[Item]:
    texts, stars = written(count, 0)
    return [
        Item(id=f"more-{n}", title=text, category=PATHS[star])
        for n, (text, star) in enumerate(zip(texts, stars, strict=True))
    ]


async def test_what_reads_places_serves_with_its_model_until_that_is_rolled_back(
    tmp_path: Path,
) -> None:
    trainer = Trainer(tmp_path)
    base = write_tiny_bert(tmp_path / "tiny")
    trainer.plan = replace(trainer.plan, place=PlaceTraining(base, how=HOW), with_heads=False)
    await trainer.open()
    keep(trainer.archive, season(0))
    known, lost = items(COUNT)[LACKING:], items(COUNT)[:LACKING]
    bare = [item.model_copy(update={"category": ""}) for item in lost]
    await trainer.catalogue.put_items([*known, *bare])
    job = await trainer.turn()
    assert job is not None
    assert job.state == "promoted", job.outcome
    champion = await trainer.registry.champion()
    assert champion is not None
    entry = await trainer.registry.entry(champion.version)
    assert has_places(entry.card)
    assert entry.card.verdict is not None
    line = next(check for check in entry.card.verdict.checks if check.name == "categories")
    assert line.reason.startswith("Categories of the 100 items without one are read by a BERT")

    sources = Sources("nowhere", partial(load_encoder, backend="torch"), name_of)
    encoders = Encoders(sources, trainer.registry, tmp_path / "cache")
    shelves = Shelves(trainer.catalogue, encoders.places_of)
    assert await shelves.serve(champion.version)
    await shelves.fill(bare)
    found = await trainer.catalogue.get_items([item.id for item in bare])
    right = [
        item.category_read == truth.category
        for item, truth in zip(found, lost, strict=True)
        if item is not None and item.category_read not in {"", "Goods"}
    ]
    assert sum(right) > 0.9 * len(right) > 20

    assert await shelves.serve(PRETRAINED.version)
    await shelves.fill([item for item in found if item is not None])
    again = await trainer.catalogue.get_items([item.id for item in bare])
    assert all(item is not None and not item.category_read for item in again)
