"""Behaviour: states of users, and every event's share of a score."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING
from portrait.model.behaviour import Behaviour
from portrait.model.recency import Events
from tests.support.learned import ITEMS, TEXT_DIM, behaviour, histories, text_vectors

REFS = np.arange(1, ITEMS + 1, dtype=np.uint64)
seeds = st.integers(0, 1_000)
shapes = st.sampled_from([(8, 2), (8, 8), (36, 18)])


@given(seeds, shapes)
def test_the_shares_of_an_item_add_up_to_its_score(seed: int, shape: tuple[int, int]) -> None:
    dim, heads = shape
    model = behaviour(dim=dim, heads=heads, seed=seed)
    matrix = model.items(REFS, text_vectors(seed=seed))
    rows, events = histories(1, 16, seed=seed)

    shares = model.shares(matrix[rows[0]], events, matrix)

    np.testing.assert_allclose(
        shares.sum(axis=1), matrix @ model.states(matrix, rows, events)[0], atol=1e-5
    )


def test_without_its_strongest_event_a_score_is_lower() -> None:
    model = behaviour()
    matrix = model.items(REFS, text_vectors())
    rows, events = histories(100, 8)
    scores = model.states(matrix, rows, events) @ matrix.T
    best = scores.argmax(axis=1)
    lower = 0

    for user in range(100):
        one = events[user : user + 1]
        shares = model.shares(matrix[rows[user]], one, matrix[best[[user]]])
        present = one.present.copy()
        present[0, shares[0].argmax()] = False
        without = model.states(
            matrix, rows[[user]], Events(kind=one.kind, at=one.at, present=present)
        )
        lower += int(without[0] @ matrix[best[user]] < scores[user, best[user]])

    assert lower >= 90


@given(seeds, shapes)
def test_gathering_in_chunks_gives_what_all_vectors_at_once_give(
    seed: int, shape: tuple[int, int]
) -> None:
    dim, heads = shape
    model = behaviour(dim=dim, heads=heads, seed=seed)
    matrix = model.items(REFS, text_vectors(seed=seed))
    rows, events = histories(37, 8, seed=seed)

    together = model.states(matrix, rows, events)

    np.testing.assert_array_equal(together, model.state(matrix[rows], events))
    np.testing.assert_array_equal(together[20:21], model.states(matrix, rows[20:21], events[20:21]))


def test_heads_are_weighed_each_at_its_own_speed() -> None:
    model = behaviour(dim=8, heads=2)
    rows, events = histories(5, 6)
    vectors = model.items(REFS, text_vectors())[rows]

    state = model.state(vectors, events)

    weights = model.event_weights(events).repeat(4, axis=2)  # (U, S, D)
    spoken = (vectors + model.action_vectors[events.kind]) * weights
    turned = spoken.sum(axis=1) @ model.turn
    expected = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    np.testing.assert_allclose(state, expected, atol=1e-5)


def test_an_item_that_training_never_saw_stands_by_its_text_alone() -> None:
    model = behaviour(known=20)
    texts = text_vectors()

    placed = model.items(REFS, texts)

    alone = texts @ model.projection
    alone /= np.linalg.norm(alone, axis=1, keepdims=True)
    np.testing.assert_allclose(placed[20:], alone[20:], atol=1e-6)
    assert np.abs(placed[:20] - alone[:20]).max() > 0.1
    np.testing.assert_array_equal(model.items(np.zeros(ITEMS, np.uint64), texts)[20:], placed[20:])


@pytest.mark.parametrize("count", [1, 7, 64, 201])
def test_an_item_is_placed_alike_whoever_is_placed_with_it(count: int) -> None:
    """On every processor: some add up differently in the last rows of a large product."""
    generator = np.random.default_rng(count)
    wide = replace(
        behaviour(dim=64, heads=8),
        projection=generator.standard_normal((256, 64)).astype(np.float32),
    )
    texts = generator.standard_normal((count, 256)).astype(np.float32)
    nameless = np.zeros(count, np.uint64)

    together = wide.items(nameless, texts)

    apart = [wide.items(nameless[:1], texts[place : place + 1]) for place in range(count)]
    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_items_and_states_have_length_1_and_nothing_known_is_zero() -> None:
    model = behaviour(dim=12, heads=2, known=0)
    rows, events = histories(3, 4)
    events.present[1] = False
    rows[1] = MISSING
    texts = text_vectors()
    texts[0] = 0

    placed = model.items(REFS, texts)
    states = model.states(placed, rows, events)

    assert np.linalg.norm(placed, axis=1) == pytest.approx([0] + [1] * (ITEMS - 1), abs=1e-6)
    assert np.linalg.norm(states, axis=1) == pytest.approx([1, 0, 1], abs=1e-6)


def test_arrays_bring_it_back() -> None:
    model = behaviour()

    again = Behaviour.from_arrays({**model.to_arrays(), "another": np.zeros(1)})

    for name, array in model.to_arrays().items():
        np.testing.assert_array_equal(array, again.to_arrays()[name])


def test_an_average_is_between_and_keeps_what_only_one_learned() -> None:
    old, new = behaviour(known=5, seed=1), behaviour(known=9, seed=2)

    mixed = old.average(new, share=0.7)

    np.testing.assert_allclose(mixed.projection, 0.3 * old.projection + 0.7 * new.projection)
    assert mixed.item_refs.tolist() == list(range(1, 10))
    np.testing.assert_allclose(
        mixed.item_vectors[:5], 0.3 * old.item_vectors + 0.7 * new.item_vectors[:5], atol=1e-6
    )
    np.testing.assert_allclose(mixed.item_vectors[5:], new.item_vectors[5:], atol=1e-6)
    assert mixed.projection.shape == (TEXT_DIM, old.dim)
