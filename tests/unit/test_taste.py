"""Taste: what a learned model says of a user's events, and why."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import Ring
from portrait.catalogue.catalogue import Catalogue
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.inference.explain import Evidence, evidence_of, merged
from portrait.inference.paint import paint
from portrait.inference.rank import USUAL, rank_by
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.session import session_evidence, session_ring
from portrait.inference.shelf import Shelf, shelf_of
from portrait.inference.taste import Taste, taste_of
from portrait.model.learned import Blend
from portrait.ref import item_ref, search_ref, text_ref
from portrait.times import DAY_MS
from tests.support.catalogues import ITEMS, catalogue
from tests.support.models import learned_model

NOW = 1_790_000_000_000
SEARCHES = ("cat toys",)
NAMES = (*(item.id for item in ITEMS), "unknown item")
MODEL = learned_model()


def ring_of(*events: tuple[Action, str, int]) -> Ring:
    """Write a ring (S,) of (action, item id or search text, age in days), newest first."""
    ring = np.zeros(len(events), EVENT)
    for place, (action, name, age) in enumerate(sorted(events, key=lambda event: event[2])):
        ref = search_ref(name) if action is Action.SEARCH else item_ref(name)
        ring[place] = (NOW - age * DAY_MS, place + 1, ref, 0, 1, ACTION_CODE[action], 0)
    return ring


happened = st.one_of(
    st.tuples(
        st.sampled_from([action for action in Action if action is not Action.SEARCH]),
        st.sampled_from(NAMES),
        st.integers(0, 400),
    ),
    st.tuples(st.just(Action.SEARCH), st.sampled_from(SEARCHES), st.integers(0, 400)),
)
rings = st.lists(happened, max_size=RING).map(lambda events: ring_of(*events))


def shop(*items: Item) -> Catalogue:
    return catalogue(*items, searches=SEARCHES, model=MODEL)


def taste(ring: Ring, built: Catalogue) -> Taste:
    assert MODEL.learned is not None
    return taste_of(evidence_of(ring, built), MODEL.learned)


def ranked(ring: Ring, built: Catalogue) -> tuple[Shelf, Taste, Ranking]:
    shelf, tasted = shelf_of(built), taste(ring, built)
    ranking = rank_by(
        shelf,
        tasted.asked,
        RankingRequest(diversity=0),
        lambda rows, texts: tasted.scores(shelf, rows, texts),
    )
    return shelf, tasted, ranking


@given(rings)
def test_the_shares_of_all_events_add_up_to_the_score(ring: Ring) -> None:
    shelf, tasted, ranking = ranked(ring, shop())

    shares = tasted.shares(shelf, ranking.rows)

    np.testing.assert_allclose(shares.sum(axis=1), ranking.scores, atol=1e-4)


@given(rings)
def test_the_state_is_the_one_that_paint_stores(ring: Ring) -> None:
    whole = np.zeros((1, RING), EVENT)
    whole[0, : len(ring)] = ring
    built = shop()

    (painted,) = paint(whole, built)

    np.testing.assert_allclose(painted["state"], taste(ring, built).state, atol=1e-3)


def test_without_the_event_that_speaks_most_for_an_item_its_score_is_lower() -> None:
    ring = ring_of(
        (Action.PURCHASE, "milk", 3), (Action.CLICK, "tuna", 1), (Action.CART, "towels", 2)
    )
    built = shop()
    shelf, tasted, ranking = ranked(ring, built)
    beef = built.row(item_ref("beef"))
    place = ranking.rows.tolist().index(beef)
    strongest = int(tasted.shares(shelf, ranking.rows)[place].argmax())

    _, _, without = ranked(np.delete(ring, strongest), built)

    assert ring["ref"][strongest] == np.uint64(item_ref("milk"))
    assert without.scores[without.rows.tolist().index(beef)] < ranking.scores[place]


def test_what_is_bought_together_is_recommended() -> None:
    built = shop()
    _, _, alone = ranked(ring_of((Action.PURCHASE, "milk", 0)), built)

    best = [built.items[row].id for row in alone.rows.tolist()]

    assert best.index("beef") < best.index("tuna")


def test_an_item_never_seen_in_training_is_placed_by_its_text_alone() -> None:
    built = shop(*ITEMS, Item(id="newcomer", title="tuna cat food"))
    (place,) = built.placed.find(np.array([item_ref("newcomer")], np.uint64))
    assert MODEL.learned is not None

    text = built.vectors.matrix[built.vectors.row(text_ref("tuna cat food"))]
    nameless = MODEL.learned.behaviour.items(np.zeros(1, np.uint64), text[None])

    np.testing.assert_array_equal(built.placed.matrix[place], nameless[0])


def test_how_items_are_placed_together_changes_no_bit() -> None:
    built = shop()
    assert MODEL.learned is not None
    refs = built.rows["ref"].copy()
    texts = built.vectors.matrix[built.rows["text"]]

    alone = [
        MODEL.learned.behaviour.items(refs[n : n + 1], texts[n : n + 1]) for n in range(len(refs))
    ]

    np.testing.assert_array_equal(MODEL.learned.behaviour.items(refs, texts), np.concatenate(alone))


def test_an_item_whose_text_changes_moves() -> None:
    built = shop()
    before = built.placed.matrix[built.placed.row(item_ref("milk"))].copy()
    built.put(Item(id="milk", title="tuna cat food", category="Pets > Cat", brand="Purr"))
    built.place()

    after = built.placed.matrix[built.placed.row(item_ref("milk"))]

    assert not np.allclose(before, after)


def test_forgetting_searches_keeps_the_items_placed() -> None:
    built = shop()
    ring = np.zeros((1, RING), EVENT)
    ring[0, :2] = ring_of((Action.SEARCH, SEARCHES[0], 0), (Action.CLICK, "milk", 1))
    (before,) = paint(ring, built)
    built.forget_searches()
    built.place()

    assert built.placed.row(search_ref(SEARCHES[0])) < 0
    assert (built.placed.find(built.rows["ref"].copy()) >= 0).all()
    assert not np.array_equal(paint(ring, built)["state"][0], before["state"])  # search unknown


@pytest.mark.parametrize("purchases", [1, 20])
def test_a_session_weighs_as_much_beside_a_long_past_as_beside_a_short_one(purchases: int) -> None:
    built = shop()
    bought = [(Action.PURCHASE, "milk", day) for day in range(purchases)]
    past = evidence_of(ring_of(*bought), built)
    now = session_evidence(session_ring(["tuna"], ()), built)
    assert MODEL.learned is not None

    joined, usual, alone = (
        taste_of(evidence, MODEL.learned).state for evidence in (merged(past, now), past, now)
    )

    assert joined == pytest.approx(USUAL[0] * usual + USUAL[1] * alone, abs=1e-5)


def test_in_a_session_what_was_bought_together_with_the_past_does_not_outweigh_it() -> None:
    assert MODEL.learned is not None
    together_alone = replace(MODEL.learned, blend=Blend(behaviour=0, neighbours=1, text=0))
    built, rows = shop(), np.arange(len(ITEMS))
    past = evidence_of(ring_of((Action.PURCHASE, "milk", 0)), built)
    searched = session_evidence(session_ring((), SEARCHES), built)
    looked = session_evidence(session_ring(["milk"], ()), built)

    def scores(evidence: Evidence) -> list[float]:
        found: list[float] = (
            taste_of(evidence, together_alone)
            .scores(shelf_of(built), rows, np.zeros(len(rows), np.float32))
            .tolist()
        )
        return found

    assert any(scores(past))
    assert not any(scores(merged(past, searched)))
    assert scores(merged(past, looked)) == pytest.approx(scores(looked))


@given(rings)
def test_a_model_that_learned_nothing_paints_no_state(ring: Ring) -> None:
    whole = np.zeros((1, RING), EVENT)
    whole[0, : len(ring)] = ring

    assert paint(whole, catalogue())["state"].shape == (1, 0)
