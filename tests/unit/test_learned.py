"""Learned: what a blend makes of its parts, and how it is kept."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.columns import ACTION_CODE, FIRST_ACTIONS
from portrait.events.event import Action
from portrait.model.habits import LATER_HABITS
from portrait.model.heads import HEADS
from portrait.model.kinds import (
    DISLIKED_REVIEW,
    KINDS,
    LIKED_REVIEW,
    REVIEW,
    gates_of_kinds,
    vectors_of_kinds,
)
from portrait.model.learned import Blend, Learned
from tests.support.models import learned

weights = st.floats(0, 4, width=32)


@given(weights, weights, weights, weights, st.integers(0, 1_000))
def test_a_cold_item_is_scored_by_its_text_and_all_others_as_if_none_were_cold(
    behaviour: float, neighbours: float, text: float, cold: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    first, second, texts = draw.normal(size=(3, 5, 4)).astype(np.float32)
    is_cold = draw.random(4) < 0.5

    scores = Blend(behaviour, neighbours, text, cold=cold).score(first, second, texts, is_cold)

    plain = Blend(behaviour, neighbours, text).score(first, second, texts, is_cold)
    np.testing.assert_array_equal(scores[:, ~is_cold], plain[:, ~is_cold])
    np.testing.assert_allclose(scores[:, is_cold], cold * texts[:, is_cold], rtol=1e-6)


@pytest.mark.parametrize(
    ("blend", "parts"),
    [
        (Blend(1, 2, 0.25), 3),  # as before: the arrays, and so the model's name, stay the same
        (Blend(1, 2, 0.25, kin=0.2, price=0.3), 5),
        (Blend(1, 2, 0.25, cold=1.5), 6),
        (Blend(1, 2, 0.25, kin=0.2, cold=0.0, cold_behaviour=2), 7),
    ],
)
def test_arrays_bring_a_blend_back_and_hold_no_more_than_counts(blend: Blend, parts: int) -> None:
    model = replace(learned(), blend=blend)

    assert Learned.from_arrays(model.to_arrays()).blend == blend
    assert len(model.to_arrays()["blend"]) == parts


def test_a_model_that_learned_of_seven_actions_keeps_its_arrays_and_so_the_name_of_its_space() -> (
    None
):
    before = learned()
    assert len(before.behaviour.action_gates) == FIRST_ACTIONS

    read = Learned.from_arrays(before.to_arrays())

    assert len(read.behaviour.action_gates) == FIRST_ACTIONS
    assert read.digest == before.digest


@pytest.mark.parametrize("known", [FIRST_ACTIONS, FIRST_ACTIONS + 2])
def test_what_a_model_learned_of_the_kinds_that_it_knows_stays_what_it_was(known: int) -> None:
    gates = np.arange(1, known + 1, dtype=np.float32)

    whole, vectors = gates_of_kinds(gates), vectors_of_kinds(gates[:, None])

    assert whole.dtype == vectors.dtype == np.float32
    assert len(whole) == len(vectors) == KINDS
    assert whole[:FIRST_ACTIONS].tolist() == vectors[:FIRST_ACTIONS, 0].tolist() == [*range(1, 8)]
    stars = [8, 9] if known > FIRST_ACTIONS else [3 * gates[REVIEW], -3 * gates[REVIEW]]
    assert whole[[LIKED_REVIEW, DISLIKED_REVIEW]].tolist() == stars
    stars = [8, 9] if known > FIRST_ACTIONS else [gates[REVIEW]] * 2
    assert vectors[[LIKED_REVIEW, DISLIKED_REVIEW], 0].tolist() == stars


def test_heads_that_learned_of_seven_actions_are_told_of_all() -> None:
    arrays = learned().to_arrays()
    known = np.concatenate([np.ones(learned().behaviour.dim, np.bool_), ~LATER_HABITS])
    for name in ("standard.mean", "standard.spread", *(f"{head}.weights" for head in HEADS)):
        arrays[f"heads.{name}"] = arrays[f"heads.{name}"][known]
    for name in ("weights", "bias"):
        arrays[f"heads.next_action.{name}"] = arrays[f"heads.next_action.{name}"][..., :7]

    heads = Learned.from_arrays(arrays).heads

    assert heads is not None
    assert {len(head.weights) for head in heads.heads.values()} == {len(known)}
    assert heads.heads["next_action"].bias.tolist() == [0, 0, 0, 0, 3, 0, 0, -np.inf, -np.inf]


def test_to_it_a_wish_is_a_weaker_cart_and_a_removal_nothing() -> None:
    behaviour, neighbours = learned().behaviour, learned().neighbours
    cart, wish, remove = (ACTION_CODE[each] for each in (Action.CART, Action.WISH, Action.REMOVE))

    for gates in (behaviour.recency.gates, neighbours.recency.gates):
        assert gates[wish] == pytest.approx(0.75 * gates[cart])
        assert gates[remove] == 0
