"""Fine-tuning the text encoder in a training: kept if it is better, and then it is the model's."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from portrait.events.item import Item
from portrait.lifecycle.artifact import fetch
from portrait.lifecycle.learner import Trained
from portrait.text.text_encoder import load_encoder
from portrait.training.learner import ArchiveLearner
from portrait.training.loop.train import Course
from portrait.training.text.retext import Retext, kept_folder, told_of
from portrait.training.text.text_finetune import FineTuning
from tests.support.archives import memory_archive
from tests.support.tiny_bert import write_tiny_bert
from tests.support.training_shop import ITEMS, NEW_ITEMS, ListStock, keep, season
from tests.unit.test_learner import PLAN, Noted

# Of the first season's items, each reads like nothing that follows it.
WORDED = [
    Item(id=f"item-{n}", title=f"w{(7 * n) % 60} w{(11 * n + 3) % 60} w{n % 60}")
    for n in range(ITEMS + NEW_ITEMS)
]
HOW = FineTuning(
    course=Course(epochs=2, learning_rate=3e-3, mixed_precision=False), batch=16, steps=12
)


def learner(folder: Path, how: FineTuning, base: Path | None = None) -> ArchiveLearner:
    """Return one that begins from an encoder: from one of random weights, if none is told."""
    archive = memory_archive()
    keep(archive, season(0))
    base = base or write_tiny_bert(folder / "base")
    plan = replace(
        PLAN,
        folder=folder / "work",
        models_url=str(folder / "models"),
        with_heads=False,
        text=Retext(base, how),
    )
    encoder = load_encoder(str(base), backend="torch")
    return ArchiveLearner(archive, ListStock(WORDED), encoder, plan)


@dataclass(frozen=True)
class Learned:
    """A learner, what it learned, and where it did."""

    learner: ArchiveLearner
    trained: Trained
    folder: Path

    @property
    def kept(self) -> Path | None:
        """The fine-tuned encoder, if it was kept."""
        return kept_folder(self.folder / "work" / "v1")


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Return what was learned with an encoder that became better."""
    folder = tmp_path_factory.mktemp("better")
    learning = learner(folder, HOW)
    return Learned(learning, learning.learn("v1", None, Noted()), folder)


def test_a_better_encoder_is_the_models_own_and_published_with_it(
    better: Learned, tmp_path: Path
) -> None:
    trained = better.trained
    told = told_of(better.folder / "work" / "v1")

    trial = better.learner.examine(trained, None, Noted())

    assert told is not None
    assert told["kept"]
    assert trained.manifest.metrics["text"] == told
    assert trained.artifact is not None
    folder = fetch(trained.artifact, tmp_path / "cache", trained.digest)
    own = load_encoder(str(folder / "encoder"), backend="torch")
    assert own.name == trained.model.space.encoder
    assert own.name != load_encoder(str(better.folder / "base"), backend="torch").name
    assert trial.challenger.newest.ndcg.mean() > 0.8


def test_a_worse_encoder_is_not_kept(better: Learned, tmp_path: Path) -> None:
    good = better.kept
    spoiling = replace(HOW, course=replace(HOW.course, epochs=1, learning_rate=1.0))
    learning = learner(tmp_path, replace(spoiling, steps=1), good)

    trained = learning.learn("v1", None, Noted())

    told = told_of(tmp_path / "work" / "v1")
    assert told is not None
    assert not told["kept"]
    assert kept_folder(tmp_path / "work" / "v1") is None
    assert trained.model.space.encoder == load_encoder(str(good), backend="torch").name
    assert not any(name.startswith("encoder") for name in trained.manifest.files)


def test_too_few_pairs_leave_the_encoder_as_it_is(tmp_path: Path) -> None:
    learning = learner(tmp_path, replace(HOW, batch=1_000))

    learning.learn("v1", None, Noted())

    told = told_of(tmp_path / "work" / "v1")
    assert told is not None
    assert not told["kept"]
    assert "pairs do not make one batch" in str(told["reason"])


class KilledError(Exception):
    """What a kill looks like from inside."""


def test_a_fine_tuning_is_not_done_twice(better: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    first = better.trained
    assert first.model.learned is not None

    def never(*_: object, **__: object) -> None:
        raise KilledError

    monkeypatch.setattr("portrait.training.text.retext.fine_tune", never)
    again = better.learner.learn("v1", None, Noted())

    assert again.digest == first.digest
    assert again.model.learned is not None
    np.testing.assert_array_equal(
        again.model.learned.behaviour.projection, first.model.learned.behaviour.projection
    )
