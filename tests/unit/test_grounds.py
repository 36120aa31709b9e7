"""Grounds: a training stands on another encoder where one is to be changed to."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from portrait.errors import ModelInvalidError
from portrait.lifecycle.learner import NothingToLearnError, Trained
from portrait.lifecycle.registry import Card
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from portrait.model.space import Space, fit_space
from portrait.training.learner import ArchiveLearner
from tests.support.cards import card_of_model
from tests.support.fakes import HashEncoder
from tests.support.memory_registry import MemoryRegistry
from tests.support.training_shop import CATALOGUE
from tests.unit.test_learner import PRETRAINED, KilledError, Noted, Shop
from workers.train.grounds import StoredGrounds


class NewEncoder(HashEncoder):
    """An encoder of another name."""

    name = "new"


BASIS = Model("basis", fit_space("new", NewEncoder().encode([item.text for item in CATALOGUE]), 24))


@dataclass
class ListedGrounds:
    """`Grounds` that are given."""

    named: Model | None = BASIS
    lacks: str = ""  # the name of an encoder

    def basis(self) -> Model | None:
        """Return what the next training stands on."""
        return self.named

    def encoder_of(self, model: Model) -> TextEncoder | None:
        """Load an encoder by name."""
        name = model.space.encoder
        return None if name == self.lacks else {"hash": HashEncoder, "new": NewEncoder}[name]()

    def card_of(self, model: Model) -> Card | None:
        """Return a card as the index worker writes it."""
        told = {"base_encoder": model.space.encoder, "encoder_source": "/at/it"}
        return card_of_model(model).model_copy(update=told)


@dataclass
class Trainer:
    """A learner on such grounds."""

    shop: Shop
    grounds: ListedGrounds

    @property
    def learner(self) -> ArchiveLearner:
        """Return one that remembers nothing."""
        shop = self.shop
        return ArchiveLearner(shop.archive, shop.stock, None, shop.plan, grounds=self.grounds)

    def learn(self, dies_at: str = "") -> Trained:
        return self.learner.learn("v1", PRETRAINED, Noted(dies_at=dies_at))


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(Shop(tmp_path), ListedGrounds())


Learned = tuple[Trainer, Trained]


@pytest.fixture(scope="module")
def on_the_new(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Return what was learned on the basis."""
    trainer = Trainer(Shop(tmp_path_factory.mktemp("new")), ListedGrounds())
    return trainer, trainer.learn()


@pytest.fixture(scope="module")
def on_the_old(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Return what was learned without one."""
    trainer = Trainer(Shop(tmp_path_factory.mktemp("old")), ListedGrounds(named=None))
    return trainer, trainer.learn()


def test_a_challenger_stands_on_the_new_encoder_and_is_judged_beside_the_champion(
    on_the_new: Learned,
) -> None:
    trainer, trained = on_the_new

    trial = trainer.learner.examine(trained, PRETRAINED, Noted())

    assert trained.model.space.id == BASIS.space.id
    manifest = trained.manifest
    assert (manifest.encoder, manifest.base_encoder, manifest.encoder_source) == (
        "new",
        "new",
        "/at/it",
    )
    assert trial.challenger.newest.ndcg.mean() > trial.champion.newest.ndcg.mean() > 0


def test_without_a_basis_it_stands_on_the_champion(on_the_old: Learned) -> None:
    _, trained = on_the_old

    assert trained.model.space.id == PRETRAINED.space.id
    assert trained.manifest.base_encoder == "hash"


def test_a_champion_whose_encoder_is_lost_is_judged_by_what_it_had_read(trainer: Trainer) -> None:
    trainer.grounds.lacks = "hash"

    trial = trainer.learner.examine(trainer.learn(), PRETRAINED, Noted())

    assert trial.champion.newest.ndcg.mean() == 0  # nothing had been read here
    assert trial.challenger.newest.ndcg.mean() > 0


def test_without_the_encoder_of_its_ground_nothing_is_learned(trainer: Trainer) -> None:
    trainer.grounds.lacks = "new"

    with pytest.raises(NothingToLearnError, match="cannot be loaded"):
        trainer.learn()


def test_what_a_killed_training_left_on_another_ground_is_not_gone_on_with(
    trainer: Trainer, on_the_new: Learned
) -> None:
    _, fresh = on_the_new
    trainer.grounds.named = None
    with pytest.raises(KilledError):
        trainer.learn("training heads")
    trainer.grounds.named = BASIS

    trained = trainer.learn()

    assert learned_of(trained) == learned_of(fresh)


def learned_of(trained: Trained) -> dict[str, bytes]:
    assert trained.model.learned is not None
    return {name: each.tobytes() for name, each in trained.model.learned.to_arrays().items()}


def test_a_basis_that_is_taken_back_during_a_training_fails_it(on_the_new: Learned) -> None:
    trainer, trained = on_the_new
    later = Trainer(trainer.shop, ListedGrounds(named=None))

    with pytest.raises(NothingToLearnError, match="was changed during"):
        later.learner.examine(trained, PRETRAINED, Noted())


def test_a_basis_that_is_named_during_a_training_is_for_the_next(on_the_old: Learned) -> None:
    trainer, trained = on_the_old
    late = Model("late", Space("new", BASIS.space.mean, -BASIS.space.axes))
    later = Trainer(trainer.shop, ListedGrounds(named=late))

    trial = later.learner.examine(trained, PRETRAINED, Noted())

    assert trial.challenger.newest.ndcg.mean() > 0


async def test_a_thread_is_told_what_the_registry_names() -> None:
    async def encoder_of(model: Model) -> HashEncoder:
        if model is BASIS:
            return NewEncoder()
        raise ModelInvalidError

    registry = MemoryRegistry()
    await registry.store(BASIS)
    await registry.add(card_of_model(BASIS))
    grounds = StoredGrounds(registry, encoder_of, asyncio.get_running_loop())

    nothing = await asyncio.to_thread(grounds.basis)
    await registry.build_on(BASIS.version)

    assert nothing is None
    assert await asyncio.to_thread(grounds.basis) is BASIS
    encoder = await asyncio.to_thread(grounds.encoder_of, BASIS)
    assert encoder is not None
    assert encoder.name == "new"
    assert await asyncio.to_thread(grounds.encoder_of, PRETRAINED) is None
    assert await asyncio.to_thread(grounds.card_of, BASIS) == card_of_model(BASIS)
    assert await asyncio.to_thread(grounds.card_of, PRETRAINED) is None
    registry.damaged.add(BASIS.version)
    assert await asyncio.to_thread(grounds.basis) is None
