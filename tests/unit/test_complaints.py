"""Complaints: whoever turned out to dislike a thing is not taken to like it for having had it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import Ring
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.inference.explain import evidence_of, reasons_of
from portrait.inference.paint import paint
from portrait.model.kinds import as_seen
from portrait.profiles.layout import SHORT
from portrait.ref import item_ref
from tests.support.catalogues import ITEMS, MODEL, catalogue
from tests.support.models import learned_model

NOW, HOUR_MS = 1_790_000_000_000, 3_600_000
MODELS = {"pretrained": MODEL, "learned": learned_model()}
ONE_STAR, FIVE_STARS = 10, 50

Done = tuple[Action, int, int]  # what, to which of ITEMS, with how many tenths of a star

FORMER = [
    [(Action.PURCHASE, 0, 0)],
    [(Action.CLICK, 0, 0)],
    [(Action.CLICK, 0, 0), (Action.CART, 0, 0), (Action.PURCHASE, 0, 0)],
    [(Action.PURCHASE, 0, 0), (Action.REVIEW, 0, FIVE_STARS)],
]
COMPLAINTS = [(Action.REVIEW, 0, ONE_STAR), (Action.RETURN, 0, 0)]


def ring_of(*done: Done) -> Ring:
    """Write what was done, oldest first and an hour apart, as a ring."""
    ring = np.zeros(RING, EVENT)
    for place, (action, item, rating) in enumerate(reversed(done)):
        ring[place]["at"], ring[place]["id"] = NOW - place * HOUR_MS, place + 1
        ring[place]["ref"], ring[place]["quantity"] = item_ref(ITEMS[item].id), 1
        ring[place]["action"], ring[place]["rating"] = ACTION_CODE[action], rating
    return ring


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("former", FORMER)
@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_who_dislikes_the_only_thing_they_had_likes_nothing(
    model: str, former: list[Done], complaint: Done
) -> None:
    portrait = paint(ring_of(*former, complaint)[None], catalogue(model=MODELS[model]))

    assert not portrait["vectors"].any()
    assert not portrait["interests"]["score"].any()
    assert not portrait["brands"]["share"].any()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("former", FORMER)
@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_a_complaint_lowers_its_thing_to_where_it_was_before_anything_was_done_with_it(
    model: str, former: list[Done], complaint: Done
) -> None:
    built = catalogue(model=MODELS[model])
    elsewhere: list[Done] = [(Action.PURCHASE, 3, 0), (Action.CLICK, 3, 0)]

    def standing(*done: Done) -> float:
        """How near the portrait is to the thing, short term."""
        evidence = evidence_of(ring_of(*done)[: len(done)], built)
        _, (text,) = built.locate(ring_of((Action.CLICK, 0, 0))[:1])
        return float(evidence.portrait()[SHORT] @ built.vectors.matrix[text])

    before, had = standing(*elsewhere), standing(*elsewhere, *former)
    after = standing(*elsewhere, *former, complaint)

    assert after <= before + 1e-6 < had


def test_what_was_done_before_a_complaint_is_no_reason_in_favour() -> None:
    done: list[Done] = [(Action.CLICK, 3, 0), (Action.CART, 0, 0), (Action.REVIEW, 0, ONE_STAR)]
    evidence = evidence_of(ring_of(*done)[:3], catalogue())

    (reasons,) = reasons_of(evidence.shares(evidence.vectors[:1]), evidence, 3)

    assert 1 not in [event for event, _ in reasons.favour]
    assert [event for event, _ in reasons.against] == [0]


@pytest.mark.parametrize(
    ("before", "speaks"),
    [(Action.CLICK, True), (Action.CART, True), (Action.PURCHASE, False)],
)
def test_a_complaint_speaks_by_what_it_weighs_more_than_it_takes_back(
    before: Action, *, speaks: bool
) -> None:
    ring = ring_of((before, 0, 0), (Action.RETURN, 0, 0))[None, :2]

    _, is_seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])

    assert is_seen.tolist() == [[speaks, False]]


def test_what_is_done_after_a_complaint_counts_again() -> None:
    ring = ring_of((Action.CLICK, 0, 0), (Action.RETURN, 0, 0), (Action.PURCHASE, 0, 0))[None, :3]

    _, is_seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])

    assert is_seen.tolist() == [[True, True, False]]


histories = st.lists(
    st.tuples(st.sampled_from(Action), st.integers(0, 4), st.sampled_from([0, ONE_STAR, 30, 50])),
    max_size=20,
)


@given(histories)
def test_what_is_complained_of_later_is_not_seen_and_all_else_but_removals_is(
    done: list[Done],
) -> None:
    ring = ring_of(*done)[None]
    _, is_seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])
    for place, (action, item, rating) in enumerate(reversed(done)):
        later = [one for one in done[len(done) - place :] if one[1] == item]
        if complains(action, rating):
            continue
        is_blamed = any(complains(what, stars) for what, _, stars in later)
        assert is_seen[0, place] == (action is not Action.REMOVE and not is_blamed)


def complains(action: Action, rating: int) -> bool:
    return action is Action.RETURN or (action is Action.REVIEW and 0 < rating <= 2 * ONE_STAR)
