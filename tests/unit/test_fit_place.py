"""A reader of places: learned from the catalogue, judged on what nobody saw, kept if better."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from portrait.evaluation.places_told import places_check
from portrait.events.item import Item
from portrait.lifecycle.artifact import PLACES, fetch
from portrait.text.place_reader import PlaceReader
from portrait.text.task_reader import load_reader
from portrait.training.tasks.fit_place import PLACE_OUTCOME, PlaceTraining, fit_place
from tests.support.planted_reviews import HOW, written
from tests.support.tiny_bert import write_tiny_bert
from tests.support.training_shop import ListStock
from tests.unit.test_learner import Noted, Shop

COUNT = 1_400
PATHS = {1.0: "Goods > Bad", 5.0: "Goods > Good"}  # by a word and the one that turns it round
LACKING = Item(id="lacking", title="anything")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny")


def catalogue(count: int = COUNT, seed: int = 0) -> list[Item]:
    texts, stars = written(count, seed)
    return [
        Item(id=f"item-{n}", title=text, category=PATHS[star])
        for n, (text, star) in enumerate(zip(texts, stars, strict=True))
    ]


def fitted(folder: Path, items: list[Item], asked: PlaceTraining) -> dict[str, object]:
    noted = Noted()
    noted.stage("place")
    fit_place(folder, items, asked, 0, noted)
    told = PLACE_OUTCOME.told(folder)
    assert told is not None
    return told


def test_what_reads_better_than_all_others_is_kept_and_says_where_new_items_lie(
    base: Path, tmp_path: Path
) -> None:
    told = fitted(tmp_path, [*catalogue(), LACKING], PlaceTraining(base, how=HOW))

    figures = json.loads(json.dumps(told))["figures"]
    assert set(figures) == {"n-grams", "frozen + linear", "fine-tuned"}
    assert figures["fine-tuned"]["deciding"] > figures["n-grams"]["deciding"]
    kept = PLACE_OUTCOME.kept(tmp_path)
    assert kept == tmp_path / PLACES
    read = PlaceReader(load_reader(kept, backend="torch"))
    new = catalogue(200, seed=7)
    said = read([item.title for item in new])
    right = [place == item.category for place, item in zip(said, new, strict=True) if place]
    assert len(right) > 50
    assert sum(right) / len(right) > 0.9
    line = places_check(told)
    assert line is not None
    assert line.reason.startswith("Categories of the 1 items without one are read by a BERT")


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (catalogue(40), "Every item has a category."),
        ([*catalogue(40), LACKING], "There are 40 items with a category of 500 needed."),
        (
            [*(item.model_copy(update={"category": "Goods"}) for item in catalogue()), LACKING],
            "There are no two categories with enough items each.",
        ),
    ],
)
def test_where_there_is_nothing_to_read_or_to_learn_nothing_is_learned(
    base: Path, tmp_path: Path, items: list[Item], reason: str
) -> None:
    told = fitted(tmp_path, items, PlaceTraining(base, how=HOW))

    assert not told["kept"]
    assert told["reason"] == reason
    assert (places_check(told) is None) == (reason == "Every item has a category.")


def test_a_model_brings_its_reader_along_and_tells_how_it_came_out(
    base: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    more = [*catalogue(), LACKING]
    shop.stock = ListStock([*shop.stock.items(), *more])
    quick = replace(HOW, course=replace(HOW.course, epochs=1))
    shop.plan = replace(shop.plan, place=PlaceTraining(base, how=quick), with_heads=False)

    trained = shop.learn("v1", None)

    assert "fine-tuning what reads categories" in shop.noted.stages
    told = json.loads(json.dumps(PLACE_OUTCOME.told(shop.plan.folder / "v1")))
    assert trained.manifest.metrics["place"] == told
    assert trained.artifact is not None
    folder = fetch(trained.artifact, tmp_path / "cache", trained.digest)
    assert (folder / PLACES).is_dir() == told["kept"]
