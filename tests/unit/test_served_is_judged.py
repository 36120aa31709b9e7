"""Served is judged: the service and the judge score alike, whatever somebody did."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.event import Action
from portrait.explain import evidence_of
from portrait.facts import ACTION_CODE, EVENT, RING
from portrait.interactions import NO_ITEM, Interactions, from_columns
from portrait.past import newest
from portrait.ranker import Ranker
from portrait.recommend import Wish, rank_by, stock
from portrait.ref import item_ref, text_ref
from portrait.taste import taste_of
from tests.catalogues import ITEMS, catalogue
from tests.models import learned_model

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
MODEL = learned_model()
NAMES = (*(item.id for item in ITEMS), "an item that is not in the catalogue")

Ring = NDArray[np.void]

events = st.tuples(
    st.sampled_from([*Action]),
    st.sampled_from(NAMES),
    st.integers(0, 9_000),  # hours ago
    st.sampled_from([0, 10, 20, 21, 30, 39, 40, 50]),  # tenths of a star
)
histories = st.lists(events, min_size=1, max_size=RING).map(
    lambda happened: ring_of(happened)  # noqa: PLW0108 - it is defined below
)


def ring_of(happened: list[tuple[Action, str, int, int]]) -> Ring:
    """Write a ring, newest first. What was searched for was not read yet."""
    ring = np.zeros(len(happened), EVENT)
    for place, (action, name, age, rating) in enumerate(sorted(happened, key=lambda one: one[2])):
        ref = text_ref("never read") if action is Action.SEARCH else item_ref(name)
        stars = rating if action is Action.REVIEW else 0
        ring[place] = (NOW - age * HOUR_MS, place + 1, ref, 0, 1, ACTION_CODE[action], stars)
    return ring


def interactions_of(ring: Ring, refs: NDArray[np.uint64]) -> Interactions:
    """Tell a ring as the archive would: oldest first, by rows of the catalogue."""
    ring = ring[::-1]
    row_of = {int(ref): row for row, ref in enumerate(refs)}
    return from_columns(
        user=np.zeros(len(ring), np.int64),
        item=np.array([row_of.get(int(ref), NO_ITEM) for ref in ring["ref"]], np.int64),
        action=ring["action"].copy(),
        at=ring["at"].copy(),
        rating=ring["rating"].copy(),
        items=refs,
        users=1,
    )


@given(histories)
def test_served_and_judged_agree_in_scores_order_and_shares(ring: Ring) -> None:
    assert MODEL.learned is not None
    built = catalogue(model=MODEL)
    shelf = stock(built)
    taste = taste_of(evidence_of(ring, built), MODEL.learned)
    refs = built.rows["ref"].copy()
    judge = Ranker.over(MODEL.learned, refs, shelf.matrix[shelf.text])
    rows, happened = newest(interactions_of(ring, refs), np.zeros(1, np.int64))

    every = np.arange(len(shelf))
    served = taste.scores(shelf, every, shelf.matrix[shelf.text] @ taste.short)
    (judged,) = judge.scores(rows, happened)
    shares = judge.shares(rows[0], happened, every)

    np.testing.assert_allclose(served, judged, atol=1e-5)
    np.testing.assert_allclose(taste.shares(shelf, every), shares, atol=1e-5)
    ranking = rank_by(
        shelf,
        taste.short,
        Wish(diversity=0),
        lambda rows, texts: taste.scores(shelf, rows, texts),
    )
    assert (np.diff(judged[ranking.rows]) <= 1e-5).all()
