"""Fit the ranker: a planted pattern is found, and its scores are explained."""

from dataclasses import replace
from functools import cache, partial
from typing import Literal

import numpy as np
import pytest
import torch

from portrait.arrays import MISSING, Codes, Doubles
from portrait.catalogue.traits import Traits
from portrait.dataset.examination import PLACES
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.dataset.past import newest
from portrait.dataset.sequences import sequences_of
from portrait.evaluation.validation import validation_of
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.ranker import Ranker
from portrait.model.learned import FIRST, Blend, Learned
from portrait.training.loop.train import Course
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.training.ranker.choose_blend import choose_blend
from portrait.training.ranker.co_occurrence import Window
from portrait.training.ranker.fit_ranker import (
    WINDOWS,
    FittedRanker,
    RankerCourse,
    choose_window,
    fit_ranker,
    refit_ranker,
)
from portrait.training.ranker.next_item import NextItem
from tests.support.learned import ITEMS, last_held_out, planted, text_vectors

COURSE = RankerCourse(
    shape=EncoderShape(dim=8, heads=2),
    course=Course(epochs=12, learning_rate=0.02, patience=12, mixed_precision=False),
    examples=50,
)
USERS = np.arange(60)
STEPS, SHELF = 6, 5

Walk = Literal["round", "shelves", "anyhow"]
SEARCH = ACTION_CODE[Action.SEARCH]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # two that share a busy core wait for each other


@cache
def fitted() -> FittedRanker:
    events, items = last_held_out(planted())
    return fit_ranker(events, validation_of(events, USERS, items), text_vectors(), COURSE)


def ranker() -> Ranker:
    return Ranker.over(fitted().learned, planted().items, text_vectors())


def test_it_ranks_what_comes_next_high() -> None:
    events, items = last_held_out(planted(seed=1))
    unseen = validation_of(events, USERS, items)

    figures = unseen.figures(
        lambda users: ranker().scores(unseen.rows[users], unseen.events[users])
    )

    assert figures["hr@10"] > 0.9  # chance: .4


def test_the_blend_is_at_least_as_good_as_each_part() -> None:
    figures = dict(fitted().figures)
    best = figures.pop("ndcg@10")

    assert best >= max(figures.values())
    kinds = ("neighbours 0", "neighbours 1", "neighbours 2")
    assert set(figures) == {"behaviour", "text", *kinds}


@pytest.mark.parametrize(("walk", "chosen"), [("round", WINDOWS[0]), ("shelves", WINDOWS[1])])
def test_order_is_followed_where_it_says_what_comes_next(walk: Walk, chosen: Window) -> None:
    events, items = last_held_out(walks(walk))
    asked = validation_of(events, USERS, items)

    assert choose_window(events, asked, text_vectors(), COURSE) == chosen


@pytest.mark.parametrize(("walk", "window"), [("round", WINDOWS[0]), ("anyhow", None)])
def test_what_comes_after_what_counts_only_if_it_is_surely_better(
    walk: Walk, window: Window | None
) -> None:
    events, items = last_held_out(walks(walk))
    short = replace(COURSE, course=replace(COURSE.course, epochs=1))

    found = fit_ranker(events, validation_of(events, USERS, items), text_vectors(), short)

    assert found.kinds.window == window
    assert len(found.learned.neighbours.kinds) == (2 if window is None else 3)


def walks(walk: Walk) -> Interactions:
    """Let everybody walk through the shop."""
    lot = np.random.default_rng(0)
    return from_columns(
        user=np.repeat(USERS, STEPS),
        item=np.concatenate([taken(lot, walk) for _ in USERS]),
        action=np.full(len(USERS) * STEPS, ACTION_CODE[Action.PURCHASE], np.uint8),
        at=np.tile(np.arange(STEPS), len(USERS)),
        items=planted().items,
        users=len(USERS),
    )


def taken(lot: np.random.Generator, walk: Walk) -> Codes:
    """Take things round one half of the shop, or from it anyhow, or of one shelf after another."""
    if walk == "shelves":
        shelves = lot.permutation(ITEMS // SHELF)[:2]
        return np.concatenate([shelf * SHELF + lot.permutation(SHELF)[:3] for shelf in shelves])
    half = ITEMS // 2
    places = (lot.integers(half) + np.arange(STEPS)) % half
    return lot.integers(2) * half + (places if walk == "round" else lot.permutation(half)[:STEPS])


def test_an_average_with_no_share_for_the_new_is_the_champion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portrait.training.ranker.fit_ranker.NEWER", 0.0)
    events, items = last_held_out(planted(seed=2))
    champion = fitted().learned
    gentle = replace(COURSE, course=replace(COURSE.course, epochs=1))

    again = fit_ranker(
        events, validation_of(events, USERS, items), text_vectors(), gentle, champion=champion
    )

    np.testing.assert_array_equal(again.learned.behaviour.projection, champion.behaviour.projection)


def test_a_catalogue_in_another_order_has_the_same_scores() -> None:
    events = planted()
    order = np.random.default_rng(0).permutation(ITEMS)
    place = np.argsort(order)
    other = Ranker.over(fitted().learned, events.items[order], text_vectors()[order])
    rows, happened = newest(events, USERS)
    moved = np.where(rows == MISSING, MISSING, place[rows])

    scores = other.scores(moved, happened)

    np.testing.assert_allclose(scores[:, place], ranker().scores(rows, happened), atol=1e-5)


@pytest.mark.parametrize("solvable_again", [1, 15_000])  # a shop may have grown beyond, meanwhile
def test_a_refit_learns_from_what_was_held_out_and_keeps_the_choices(
    solvable_again: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheard = [25, 27, 29]  # items that only the held out events know
    events, items = last_held_out(planted())
    hidden = events.where(~np.isin(events.item, unheard))
    few = replace(COURSE, course=replace(COURSE.course, epochs=2))
    chosen = fit_ranker(hidden, validation_of(hidden, USERS, items), text_vectors(), few)

    monkeypatch.setattr("portrait.training.ranker.fit_ranker.SOLVABLE", solvable_again)
    learned = refit_ranker(chosen, planted(), text_vectors(), few)

    assert learned.blend == chosen.learned.blend
    assert not np.isin(unheard, chosen.learned.behaviour.item_refs - np.uint64(1)).any()
    assert np.isin(unheard, learned.behaviour.item_refs - np.uint64(1)).all()
    np.testing.assert_array_equal(learned.neighbours.kinds, chosen.learned.neighbours.kinds)
    np.testing.assert_array_equal(learned.neighbours.decay, chosen.learned.neighbours.decay)
    assert learned.neighbours.strengths.shape[1] == len(learned.neighbours.kinds)


def test_an_item_without_events_is_reached_by_its_text() -> None:
    events, items = last_held_out(planted())
    quiet = 7
    texts = text_vectors()
    texts[quiet] = texts[8]  # it reads like the one after it
    kept = events.item != quiet
    heard = events.where(kept)
    validation = validation_of(heard, USERS[items != quiet], items[items != quiet])
    learned = fit_ranker(heard, validation, texts, COURSE).learned
    asked = Ranker.over(learned, events.items, texts)
    rows, happened = newest(
        events.where(events.item == 8), np.unique(events.user[events.item == 8])
    )

    scores = asked.scores(rows, happened)

    place = (scores > scores[:, [quiet]]).sum(axis=1)
    assert place.mean() < ITEMS / 3


def known(blend: Blend) -> Blend:
    """Return what counts for items that are not cold."""
    return replace(blend, cold=None, cold_behaviour=0.0)


def test_a_cold_item_stands_by_its_text_alone() -> None:
    events, items = last_held_out(planted())
    heard = events.where(events.item != 7)
    validation = validation_of(heard, USERS[items != 7], items[items != 7])
    texts = text_vectors()

    learned = fit_ranker(heard, validation, texts, COURSE).learned

    asked, blend = Ranker.over(learned, events.items, texts), learned.blend
    rows, happened = newest(events, USERS)
    place = learned.behaviour.items(np.zeros(1, np.uint64), texts[7:8])[0]
    near, read = asked.states(rows, happened) @ place, asked.text_states(rows, happened) @ texts[7]
    scores = asked.scores(rows, happened)
    assert blend.cold is not None
    assert blend.cold + blend.cold_behaviour > 0
    assert np.flatnonzero(asked.cold).tolist() == [7]
    expected = blend.cold_behaviour * near + blend.cold * read
    np.testing.assert_allclose(scores[:, 7], expected, atol=1e-5)


def test_a_warm_start_moves_little_and_loses_nothing() -> None:
    events, items = last_held_out(planted(seed=2))
    learned = fitted().learned
    champion = learned.behaviour
    gentle = replace(COURSE, course=replace(COURSE.course, epochs=1))

    again = fit_ranker(
        events, validation_of(events, USERS, items), text_vectors(), gentle, champion=learned
    ).learned.behaviour
    anew = fit_ranker(
        events, validation_of(events, USERS, items), text_vectors(), gentle
    ).learned.behaviour

    moved, made = (np.abs(each.projection - champion.projection).mean() for each in (again, anew))
    assert 0 < moved < made / 3


def test_the_blend_of_a_champion_is_left_only_for_more_than_chance() -> None:
    events, items = last_held_out(planted(seed=2))
    validation = validation_of(events, USERS, items)
    learned = fitted().learned
    spoiled = replace(learned, blend=Blend(behaviour=0, neighbours=0, text=1))

    def blend_from(champion: Learned, users: slice) -> Blend:
        few = validation_of(events, USERS[users], items[users])
        chosen, _ = choose_blend(learned, few, events.items, text_vectors(), champion)
        return known(chosen.blend)

    def reached(blend: Blend) -> float:
        ranked = Ranker.over(replace(learned, blend=blend), events.items, text_vectors())
        return validation.figures(
            lambda users: ranked.scores(validation.rows[users], validation.events[users])
        )["ndcg@10"]

    one_user = slice(0, 2)
    assert blend_from(learned, one_user) == known(learned.blend)
    assert reached(blend_from(spoiled, slice(None))) > reached(spoiled.blend) + 0.2


def test_a_champion_whose_kinds_of_neighbours_are_others_lends_no_blend() -> None:
    events, items = last_held_out(planted(seed=2))
    asked = validation_of(events, USERS, items)
    learned = fitted().learned
    spoiled = replace(learned, blend=Blend(behaviour=0, neighbours=0, text=1))
    other = replace(spoiled, neighbours=spoiled.neighbours.kind(2))

    from_other, from_none = (
        choose_blend(learned, asked, events.items, text_vectors(), champion)[0].blend
        for champion in (other, None)
    )

    assert from_other == from_none


def test_a_blend_keeps_kin_and_price_where_they_do_no_harm() -> None:
    events, items = last_held_out(planted(seed=2))
    validation = validation_of(events, USERS, items)
    one_kind = Traits(np.zeros(ITEMS, np.int64), np.full(ITEMS, 9, np.uint8), np.zeros(1, np.int64))

    chosen, figures = choose_blend(
        fitted().learned, validation, events.items, text_vectors(), traits=one_kind
    )

    blend = chosen.blend
    content = blend.behaviour + blend.text
    assert blend.kin >= FIRST.kin * content - 1e-6
    assert blend.price >= FIRST.price * content - 1e-6
    assert set(figures) >= {"ndcg@10", "kin", "price"}


def test_the_same_seed_gives_the_same_model() -> None:
    events, items = last_held_out(planted())
    course = replace(COURSE, course=replace(COURSE.course, epochs=1, seed=3))

    one, two = (
        fit_ranker(events, validation_of(events, USERS, items), text_vectors(), course)
        for _ in range(2)
    )

    for name, array in one.learned.behaviour.to_arrays().items():
        np.testing.assert_array_equal(two.learned.behaviour.to_arrays()[name], array)
    assert one.learned.blend == two.learned.blend


@pytest.mark.parametrize("full_up_to", [0, ITEMS])  # sampled, full
def test_places_count_where_something_came_of_lists_and_else_change_no_bit(
    full_up_to: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = partial(NextItem, full_up_to=full_up_to)
    monkeypatch.setattr("portrait.training.ranker.fit_ranker.NextItem", made)
    events = planted()
    place = (1 + np.arange(len(events)) % 3).astype(np.uint8)
    falling, even = np.r_[1, 0.5, np.full(PLACES - 2, 0.2)], np.ones(PLACES)
    short = replace(COURSE, course=replace(COURSE.course, epochs=1))

    def learned(events: Interactions, examined: Doubles | None) -> dict[str, bytes]:
        asked = validation_of(events, USERS, events.item[events.starts[USERS]])
        found = fit_ranker(events, asked, text_vectors(), short, examined=examined).learned
        return {name: each.tobytes() for name, each in found.behaviour.to_arrays().items()}

    plain, listed = learned(events, None), replace(events, place=place)
    assert learned(events, falling) == plain
    assert learned(listed, even) == plain
    assert learned(listed, falling) != plain


def test_it_learns_from_searches_and_never_ranks_them() -> None:
    events, items = last_held_out(searched_before(planted()))
    texts = np.concatenate([text_vectors(), text_vectors()])
    few = replace(COURSE, course=replace(COURSE.course, epochs=4))

    learned = fit_ranker(events, validation_of(events, USERS, items), texts, few).learned

    rows, happened = newest(events, USERS)
    assert (rows >= ITEMS).any()
    scores = Ranker.over(learned, events.items, texts).scores(rows, happened)
    assert scores.shape == (len(USERS), ITEMS)
    assert learned.behaviour.action_vectors[SEARCH].any()


@pytest.mark.parametrize("full_up_to", [0, ITEMS])  # sampled, full
def test_a_search_counts_in_the_loss_of_what_comes_after_it(full_up_to: int) -> None:
    events = searched_before(planted())
    texts = np.concatenate([text_vectors(), text_vectors()])
    encoder = BehaviourEncoder(texts, np.ones(ITEMS, np.float32), COURSE.shape)
    learning = NextItem(encoder, full_up_to=full_up_to)
    (batch, *_) = sequences_of(events).batches(100, seed=0, epoch=0)

    loss = learning(batch)
    loss.backward()

    assert torch.isfinite(loss)
    assert encoder.actions.grad is not None
    assert encoder.actions.grad[SEARCH].abs().max() > 0


def searched_before(events: Interactions) -> Interactions:
    """Let every user search, before each event, for what comes."""
    count = len(events)
    return from_columns(
        user=np.concatenate([events.user, events.user]),
        item=np.concatenate([np.full(count, NO_ITEM), events.item]),
        query=np.concatenate([events.item, np.full(count, NO_QUERY)]),
        action=np.concatenate([np.full(count, SEARCH, np.uint8), events.action]),
        at=np.concatenate([events.at - 1, events.at]),
        items=events.items,
        queries=events.items + np.uint64(10_000),
        users=events.users,
    )
