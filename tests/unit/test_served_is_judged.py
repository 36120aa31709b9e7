"""Served is judged: the service and the judge score alike, whatever somebody did."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.arrays import Floats, Ring
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.traits import traits_of
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.dataset.past import newest
from portrait.evaluation.situations import session
from portrait.events.columns import ACTION_CODE, EVENT, FIRST_ACTIONS, RING
from portrait.events.event import Action
from portrait.events.item import IntroducedItem
from portrait.inference.explain import Evidence, evidence_of, merged
from portrait.inference.paint import paint
from portrait.inference.ranker import Ranker
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.session import session_evidence, session_ring
from portrait.inference.shelf import Shelf, shelf_of
from portrait.inference.taste import FirstTaste, taste_of
from portrait.model.kinds import KIND_WEIGHTS
from portrait.model.learned import Blend
from portrait.model.model import Model
from portrait.profiles.layout import LONG
from portrait.ref import item_ref, search_ref, text_ref
from tests.support.catalogues import ITEMS, MODEL, catalogue
from tests.support.models import learned, learned_model

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
SHOWN = RankingRequest(diversity=0)
CLOSE = 1e-5
TELLING = 0.02  # of the sum of lengths: below it a sum's direction is rounding

# Training knew neither beef's own vector (`learned`) nor this, which events alone know.
NAMELESS = IntroducedItem(id="an item without a text", available=False, withdrawn=True)
NAMES = (*(item.id for item in ITEMS), NAMELESS.id)
READ = ("tuna cat food", "cheap paper", "whole milk")  # searches whose vectors are known
TEXTS = (*READ, "a search that nobody has read")


def of_kinds() -> Model:
    """Return a model that has learned what liked and disliked reviews are worth."""
    old = learned(seed=5)
    draw = np.random.default_rng(5)
    vectors = 0.1 * draw.standard_normal((len(KIND_WEIGHTS), old.behaviour.dim))
    behaviour = replace(
        old.behaviour,
        action_gates=KIND_WEIGHTS / np.float32(4),
        action_vectors=vectors.astype(np.float32),
    )
    neighbours = replace(old.neighbours, action_gates=np.maximum(KIND_WEIGHTS, np.float32(0)))
    counted = replace(old.blend, kin=0.4, price=0.7)
    whole = replace(old, behaviour=behaviour, neighbours=neighbours, blend=counted)
    return Model("of-kinds", MODEL.space, whole)


def of_seven_actions() -> Model:
    """Return one that learned of stars, and before anybody told of removals and wishes."""
    whole = of_kinds()
    assert whole.learned is not None
    behaviour, neighbours = whole.learned.behaviour, whole.learned.neighbours
    known = np.r_[:FIRST_ACTIONS, len(Action) : len(KIND_WEIGHTS)]
    before = replace(
        whole.learned,
        behaviour=replace(
            behaviour,
            action_gates=behaviour.action_gates[known],
            action_vectors=behaviour.action_vectors[known],
        ),
        neighbours=replace(neighbours, action_gates=neighbours.action_gates[known]),
    )
    return Model("of-seven-actions", MODEL.space, before)


def of_cold_items() -> Model:
    """Return one that lets texts alone speak for all but milk and beef, which it has seen taken."""
    model = replace(learned(seed=7), blend=Blend(1.0, 2.0, 0.3, kin=0.2, price=0.3, cold=1.5))
    return Model("of-cold-items", MODEL.space, model)


MODELS = {
    "pretrained": MODEL,
    "of actions": learned_model(),
    "of kinds": of_kinds(),
    "of seven actions": of_seven_actions(),
    "of cold items": of_cold_items(),
}

events = st.tuples(
    st.sampled_from([*Action]),
    st.integers(0, 1_000),  # which item or search
    st.integers(0, 9_000),  # hours ago
    st.sampled_from([0, 10, 20, 21, 30, 39, 40, 50]),  # tenths of a star
)
histories = st.lists(events, min_size=1, max_size=RING)
looks = st.tuples(
    st.sampled_from([Action.CLICK, Action.CART, Action.SEARCH]),
    st.integers(0, 1_000),
    st.integers(0, 9),
    st.just(0),
)
SEARCH = ACTION_CODE[Action.SEARCH]
NAMES_OF = {item_ref(name): name for name in NAMES}
TEXTS_OF = {search_ref(text): text for text in TEXTS}


def ring_of(happened: list[tuple[Action, int, int, int]]) -> Ring:
    """Write a ring, newest first."""
    ring = np.zeros(len(happened), EVENT)
    for place, (action, which, age, stars) in enumerate(sorted(happened, key=lambda one: one[2])):
        is_search = action is Action.SEARCH
        names = TEXTS if is_search else NAMES
        name = names[which % len(names)]
        ref = search_ref(name) if is_search else item_ref(name)
        rating = stars if action is Action.REVIEW else 0
        ring[place] = (NOW - age * HOUR_MS, place + 1, ref, 0, 1, ACTION_CODE[action], rating)
    return ring


def interactions_of(ring: Ring, items: NDArray[np.uint64]) -> Interactions:
    """Tell a ring as the archive would: oldest first, by rows of items and of queries."""
    ring = ring[::-1]
    queries = np.sort(np.array([search_ref(text) for text in TEXTS], np.uint64))
    row_of = {ref: row for row, ref in enumerate(items.tolist())}
    query_of = {ref: row for row, ref in enumerate(queries.tolist())}
    return from_columns(
        user=np.zeros(len(ring), np.int64),
        item=np.array([row_of.get(ref, NO_ITEM) for ref in ring["ref"].tolist()]),
        query=np.array([query_of.get(ref, NO_QUERY) for ref in ring["ref"].tolist()]),
        action=ring["action"].copy(),
        at=ring["at"].copy(),
        rating=ring["rating"].copy(),
        items=items,
        queries=queries,
        users=1,
    )


def served(evidence: Evidence, model: Model, shelf: Shelf) -> tuple[Floats, Floats, Ranking]:
    """Return scores (n,) and shares (n, S) of what may be shown, and the ranking."""
    shown = np.flatnonzero(shelf.told)
    texts = shelf.matrix[shelf.text[shown]]
    taste = FirstTaste(evidence) if model.learned is None else taste_of(evidence, model.learned)
    ranking = taste.rank(shelf, SHOWN, np.zeros(len(shelf), np.float32))
    return taste.scores(shelf, shown, texts @ taste.asked), taste.shares(shelf, shown), ranking


def judge_of(model: Model, built: Catalogue, happened: Interactions) -> Ranker:
    """Let a model rank the catalogue as the exam does, with the vectors that the store has."""
    refs = np.array([text_ref(item.text) if item.text else 0 for item in built.items], np.uint64)
    rows = built.vectors.find(np.concatenate([refs, happened.queries]))
    vectors = np.where(rows[:, None] >= 0, built.vectors.matrix[rows], np.float32(0))
    return Ranker.over(
        model.learned, happened.items, vectors, traits_of(built.items, happened.items)
    )


def is_telling(evidence: Evidence) -> bool:
    """Say whether likes and dislikes do not cancel each other out to rounding errors."""
    lengths = np.linalg.norm(evidence.weight @ evidence.vectors, axis=1)
    whole = np.abs(evidence.weight).sum(axis=1)
    return bool((lengths > TELLING * whole).all())


@pytest.mark.parametrize("name", MODELS)
@given(histories)
@example([(Action.SEARCH, 0, 0, 0), (Action.CLICK, 1, 5, 0)])
@example([(Action.SEARCH, len(READ), 0, 0), (Action.CLICK, 1, 5, 0), (Action.CART, 0, 9, 0)])
@example([(Action.REVIEW, 0, 0, 50), (Action.CLICK, 1, 5, 0)])
@example([(Action.REVIEW, 0, 0, 10), (Action.CLICK, 1, 5, 0)])
@example([(Action.RETURN, 2, 0, 0), (Action.CLICK, 3, 5, 0), (Action.CLICK, 5, 7, 0)])
@example([(Action.REMOVE, 1, 0, 0), (Action.CLICK, 0, 5, 0), (Action.CART, 1, 9, 0)])
@example([(Action.CART, 1, 0, 0), (Action.REMOVE, 1, 5, 0), (Action.CART, 1, 9, 0)])
@example([(Action.WISH, 1, 0, 0), (Action.CLICK, 3, 5, 0), (Action.REMOVE, 0, 5, 0)])
def test_served_and_judged_agree_in_scores_order_and_shares(
    name: str, happened: list[tuple[Action, int, int, int]]
) -> None:
    model, ring = MODELS[name], ring_of(happened)
    built = catalogue(*ITEMS, NAMELESS, searches=READ, model=model)
    paint(np.pad(ring, (0, RING - len(ring)))[None], built)  # as the stream does, before all else
    evidence, shelf = evidence_of(ring, built), shelf_of(built)
    assume(is_telling(evidence))
    told = interactions_of(ring, built.rows["ref"].copy())
    judge, shown = judge_of(model, built, told), np.flatnonzero(shelf.told)

    scores, shares, ranking = served(evidence, model, shelf)
    rows, before = newest(told, np.zeros(1, np.int64))
    (judged,) = judge.scores(rows, before)

    assert len(judged) == len(shelf)  # no search is ever ranked
    np.testing.assert_allclose(scores, judged[shown], atol=CLOSE)
    np.testing.assert_allclose(shares.sum(axis=1), judged[shown], atol=CLOSE)
    assert len(ranking.rows)
    assert (np.diff(judged[ranking.rows]) <= CLOSE).all()


@pytest.mark.parametrize("name", MODELS)
@given(histories | st.just([]), st.lists(looks, min_size=1, max_size=2))
@example([], [(Action.SEARCH, 0, 0, 0), (Action.CLICK, 1, 5, 0)])
@example([(Action.RETURN, 2, 0, 0)], [(Action.CLICK, 1, 5, 0)])
@example([(Action.CLICK, 2, 0, 0)], [(Action.CLICK, len(NAMES) - 1, 5, 0)])
@example([(Action.CLICK, 2, 0, 0)], [(Action.CLICK, 1, 7, 0), (Action.SEARCH, 0, 5, 0)])
def test_served_and_judged_agree_in_the_middle_of_a_visit(
    name: str,
    happened: list[tuple[Action, int, int, int]],
    looked: list[tuple[Action, int, int, int]],
) -> None:
    model, past, visit = MODELS[name], ring_of(happened), ring_of(looked)
    visit["at"] += (HOUR_MS // 100) + NOW - visit["at"].min()  # it comes after all else
    built = catalogue(*ITEMS, NAMELESS, searches=READ, model=model)
    for ring in (past, visit):
        paint(np.pad(ring, (0, RING - len(ring)))[None], built)
    evidence = basis_of(past, visit, built)
    assume(is_telling(evidence))
    told = interactions_of(np.concatenate([visit, past]), built.rows["ref"].copy())
    judge, shown = judge_of(model, built, told), np.flatnonzero(shelf_of(built).told)

    scores, _, _ = served(evidence, model, shelf_of(built))
    first = np.array([len(past)])
    before = newest(told, np.zeros(1, np.int64), first)
    (judged,) = judge.visit_scores(before, session(told, first, len(visit)))

    np.testing.assert_allclose(scores, judged[shown], atol=CLOSE)


def basis_of(past: Ring, visit: Ring, built: Catalogue) -> Evidence:
    """Return what the service stands on, of a profile and a session."""
    items = [NAMES_OF[ref] for ref in looked_at(visit, is_search=False)[::-1]]
    texts = [TEXTS_OF[ref] for ref in looked_at(visit, is_search=True)[::-1]]
    before, now = evidence_of(past, built), session_evidence(session_ring(items, texts), built)
    if not now.portrait().any():
        return before
    return merged(before, now) if before.portrait()[LONG].any() else now


def looked_at(visit: Ring, *, is_search: bool) -> list[int]:
    """Return what was searched for, or looked at, newest first."""
    refs: list[int] = visit["ref"][(visit["action"] == SEARCH) == is_search].tolist()
    return refs


def test_a_search_moves_the_judge_towards_what_it_means() -> None:
    built = catalogue(*ITEMS, NAMELESS, searches=READ)
    click, search = (Action.CLICK, 0, 9, 0), (Action.SEARCH, 0, 1, 0)

    def judged(*happened: tuple[Action, int, int, int]) -> Floats:
        told = interactions_of(ring_of([*happened]), built.rows["ref"].copy())
        judge = judge_of(MODEL, built, told)
        scores: Floats = judge.scores(*newest(told, np.zeros(1, np.int64)))[0]
        return scores

    tuna = NAMES.index("tuna")
    assert judged(click, search)[tuna] > judged(click)[tuna] + 0.1
