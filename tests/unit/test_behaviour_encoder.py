"""The behaviour encoder: torch and numpy say the same."""

import numpy as np
import torch

from portrait.arrays import MISSING
from portrait.dataset.sequences import ABSENT
from portrait.events.columns import PURCHASE, RETURN
from portrait.model.kinds import DISLIKED_REVIEW, LIKED_REVIEW
from portrait.model.recency import Events
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from tests.support.learned import ITEMS, histories, text_vectors

REFS = np.random.default_rng(3).permutation(np.arange(1, ITEMS + 1, dtype=np.uint64))
COUNTS = np.arange(ITEMS).astype(np.float32)  # the first five are rare
SHAPE = EncoderShape(dim=8, heads=4)


def behaviour_encoder(seed: int = 0) -> BehaviourEncoder:
    torch.manual_seed(seed)
    made = BehaviourEncoder(text_vectors(), COUNTS, SHAPE).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


@torch.no_grad()
def test_torch_equals_numpy() -> None:
    learned = behaviour_encoder()
    rows, events = histories(20, 9)
    rows[:, 1:][:, ::3] = MISSING  # absent events in the middle too
    events = Events(events.kind, events.at, rows != MISSING)

    exported = learned.exported(REFS)
    matrix = exported.items(REFS, text_vectors())
    states = exported.states(matrix, rows, events)

    table = learned.items()
    for user in range(20):
        kept = np.flatnonzero(events.present[user])[::-1].copy()  # oldest first
        item = torch.from_numpy(rows[user, kept])[None]
        action = torch.from_numpy(events.kind[user, kept].astype(np.int64))[None]
        at = torch.from_numpy(events.at[user, kept])[None]
        state = learned.states(table[item], action, at)[0, -1]
        np.testing.assert_allclose(state.numpy(), states[user], atol=1e-5)
    np.testing.assert_allclose(table.numpy(), matrix, atol=1e-5)


@torch.no_grad()
def test_a_search_is_placed_by_its_text_alone() -> None:
    texts, searched = text_vectors(), text_vectors(seed=9)[:3]
    torch.manual_seed(0)
    learned = BehaviourEncoder(np.concatenate([texts, searched]), COUNTS, SHAPE).eval()

    table = learned.items().numpy()
    exported = learned.exported(REFS)

    assert learned.ranked == ITEMS
    nameless = exported.items(np.zeros(3, np.uint64), searched)
    np.testing.assert_allclose(table[ITEMS:], nameless, atol=1e-5)


def test_a_rare_item_has_no_vector_of_its_own() -> None:
    exported = behaviour_encoder().exported(REFS)

    assert set(exported.item_refs.tolist()) == set(REFS[5:].tolist())
    assert (np.diff(exported.item_refs.astype(np.int64)) > 0).all()


def test_a_warm_start_brings_back_what_was_learned() -> None:
    learned, fresh = behaviour_encoder(seed=1), behaviour_encoder(seed=2)

    fresh.warm_start(learned.exported(REFS), REFS)

    again = fresh.exported(REFS).to_arrays()
    for name, value in learned.exported(REFS).to_arrays().items():
        np.testing.assert_allclose(again[name], value, rtol=1e-5, atol=1e-6)


def test_what_speaks_against_an_item_is_the_contrary_whatever_is_learned() -> None:
    """The scale of all gates together says nothing, so they drift, and one may pass zero."""
    learned = behaviour_encoder(seed=1)
    gates = learned.exported(REFS).action_gates
    with torch.no_grad():
        learned.gates.fill_(-1)
    spoiled = learned.exported(REFS).action_gates

    assert gates[PURCHASE] > 0 < gates[LIKED_REVIEW]
    assert gates[RETURN] == -gates[PURCHASE]
    assert gates[DISLIKED_REVIEW] == -gates[LIKED_REVIEW]
    assert (spoiled[[PURCHASE, LIKED_REVIEW]] > 0).all()
    assert (spoiled[[RETURN, DISLIKED_REVIEW]] < 0).all()  # never praise


def test_items_that_a_warm_start_does_not_know_start_anew() -> None:
    learned, fresh = behaviour_encoder(seed=1), behaviour_encoder(seed=2)
    before = fresh.ids.detach().clone()

    fresh.warm_start(learned.exported(REFS + np.uint64(1_000)), REFS)

    assert torch.equal(fresh.ids, before)


@torch.no_grad()
def test_what_comes_later_changes_no_state() -> None:
    learned = behaviour_encoder()
    item = torch.tensor([[1, 2, 3, 4], [5, 6, ABSENT, ABSENT]])
    other = torch.tensor([[1, 2, 9, ABSENT], [5, 6, 7, 8]])
    action, at = torch.ones_like(item), torch.arange(4).expand(2, 4) * 10**8
    table = learned.items()

    states, others = (
        learned.states(table[given.clamp(min=0)], action, at) for given in (item, other)
    )

    np.testing.assert_allclose(states[:, :2], others[:, :2], atol=1e-6)
    assert not np.allclose(states[0, 2], others[0, 2], atol=1e-3)


@torch.no_grad()
def test_id_vectors_are_dropped_in_training_only() -> None:
    learned = behaviour_encoder()
    whole = learned.items()

    learned.train()
    torch.manual_seed(0)
    dropped = (learned.items() != whole).any(dim=1)

    assert 0 < dropped.sum() < ITEMS
    assert not dropped[:5].any()  # these had none
