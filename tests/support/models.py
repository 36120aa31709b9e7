"""A small learned model, with weights that say what the tests want to hear."""

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import FIRST_ACTIONS, PURCHASE
from portrait.events.event import Action
from portrait.model.behaviour import Behaviour
from portrait.model.calibration import AS_IT_IS
from portrait.model.habits import HABITS, RECENCY
from portrait.model.heads import (
    CHURN_RISK,
    INTERESTS,
    NEXT_ACTION,
    PURCHASE_INTENT,
    TOUCH_WINDOWS_MS,
    Head,
    Heads,
    Standard,
)
from portrait.model.learned import Blend, Learned
from portrait.model.model import Model
from portrait.model.neighbours import Neighbours
from portrait.ref import item_ref, name_ref
from tests.support.catalogues import ITEMS, SPACE

DIM, HEADS = 16, 4


def learned(*, bond: float = 1.0, seed: int = 3) -> Learned:
    """Return a model that knows every item but the last, and that milk goes with beef."""
    generator = np.random.default_rng(seed)
    known = np.sort(np.array([item_ref(item.id) for item in ITEMS[:-1]], np.uint64))
    behaviour = Behaviour(
        projection=generator.standard_normal((SPACE.dim, DIM)).astype(np.float32),
        item_refs=known,
        item_vectors=0.2 * generator.standard_normal((len(known), DIM)).astype(np.float32),
        action_gates=np.array([0.2, 0.5, 0.7, 0.8, 1, 0.6, -0.5], np.float32),
        action_vectors=0.1 * generator.standard_normal((FIRST_ACTIONS, DIM)).astype(np.float32),
        decay=np.linspace(0.1, 0.6, HEADS).astype(np.float32),
        gap_decay=np.full(HEADS, 0.05, np.float32),
        turn=np.eye(DIM, dtype=np.float32),
    )
    return Learned(behaviour, _milk_goes_with_beef(bond), Blend(1.0, 2.0, 0.3), heads())


def heads() -> Heads:
    """Return heads by which silence alone decides, and dairy is touched by whoever touches it."""
    silent = Head(_weight_of_silence(1), np.zeros(1, np.float32), AS_IT_IS)
    present = Head(-_weight_of_silence(1), np.zeros(1, np.float32), AS_IT_IS)
    actions = Head(_weight_of_silence(len(Action)), _purchases(), AS_IT_IS)
    kinds = np.sort(np.array([name_ref("Grocery > Dairy"), name_ref("Pets > Cat")], np.uint64))
    touch = Head(_weight_of_silence(2), np.full(2, -2, np.float32), AS_IT_IS)
    by_name = {PURCHASE_INTENT: present, CHURN_RISK: silent, NEXT_ACTION: actions, INTERESTS: touch}
    return Heads(_standard(), by_name, kinds, np.ones((len(TOUCH_WINDOWS_MS), 2), np.float32))


def _standard() -> Standard:
    width = DIM + len(HABITS)
    return Standard(np.zeros(width, np.float32), np.ones(width, np.float32))


def _weight_of_silence(outputs: int) -> NDArray[np.float32]:
    weights = np.zeros((DIM + len(HABITS), outputs), np.float32)
    weights[DIM + RECENCY] = 1
    return weights


def _purchases() -> NDArray[np.float32]:
    return np.where(np.arange(len(Action)) == PURCHASE, 3, 0).astype(np.float32)


def learned_model(version: str = "learned-model", *, bond: float = 1.0, seed: int = 3) -> Model:
    """Return it in the space of the small catalogue."""
    return Model(version, SPACE, learned(bond=bond, seed=seed))


def _milk_goes_with_beef(bond: float) -> Neighbours:
    refs = np.sort(np.array([item_ref("milk"), item_ref("beef")], np.uint64))
    return Neighbours(
        refs=refs,
        starts=np.array([0, 1, 2]),
        others=np.array([1, 0], np.int32),
        strengths=np.full((2, 1), bond, np.float32),
        action_gates=np.ones(FIRST_ACTIONS, np.float32),
        decay=np.array([0.3], np.float32),
        gap_decay=np.zeros(1, np.float32),
        kinds=np.ones(1, np.float32),
    )
