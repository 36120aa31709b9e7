"""Complaints: what is bought and sent back, or rated badly, is as if it had not been wanted."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portrait.arrays import Floats, Ring
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.inference.paint import paint
from portrait.model.kinds import KIND_WEIGHTS, as_seen
from portrait.ref import item_ref
from tests.support.catalogues import ITEMS, MODEL, catalogue
from tests.support.models import learned_model

NOW, HOUR_MS = 1_790_000_000_000, 3_600_000
MODELS = {"pretrained": MODEL, "learned": learned_model()}
NAMES = [item.id for item in ITEMS]
BUY, LOOK, BACK = (Action.PURCHASE, 0), (Action.CLICK, 0), (Action.RETURN, 0)
BAD, GOOD = 10, 50  # tenths of a star

Done = tuple[Action, int]  # what, and with which of ITEMS

histories = st.lists(
    st.tuples(
        st.sampled_from([each for each in Action if each is not Action.SEARCH]), st.integers(0, 2)
    ),
    max_size=24,
)


def ring_of(*done: Done, stars: int = BAD) -> Ring:
    """Write what was done, oldest first and an hour apart, as a ring."""
    ring = np.zeros(RING, EVENT)
    for place, (action, item) in enumerate(reversed(done)):
        rating = stars if action is Action.REVIEW else 0
        code, ref = ACTION_CODE[action], item_ref(NAMES[item])
        ring[place] = (NOW - place * HOUR_MS, place + 1, ref, 0, 1, code, rating)
    return ring


def seen(*done: Done, stars: int = BAD) -> list[bool]:
    """Say which of what was done is seen, oldest first."""
    ring = ring_of(*done, stars=stars)[None, : len(done)]
    _, is_seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])
    told: list[bool] = is_seen[0, ::-1].tolist()
    return told


def walked(done: list[Done], stars: int) -> list[bool]:
    """Say the same event after event, as somebody would tell it."""
    ring = ring_of(*done, stars=stars)[: len(done)][::-1]
    told = [action is not Action.REMOVE for action, _ in done]
    kinds, _ = as_seen(*(ring[each][None, ::-1] for each in ("action", "rating", "ref", "at")))
    weight = KIND_WEIGHTS[kinds[0, ::-1]]
    bought: dict[int, tuple[int, list[int]]] = {}  # by item: its newest purchase, what led to it
    since: dict[int, list[int]] = {}  # by item, what came after that, or after a complaint
    led: list[int] = []
    for place, (action, item) in enumerate(done):
        lately = since.setdefault(item, [])
        if action is Action.PURCHASE:
            bought[item], since[item] = (place, lately), []
        elif weight[place] < 0:
            purchase, before = bought.pop(item, (None, []))
            if purchase is not None:
                told[purchase] = told[place] = False
            led += [*before, *lately]
            since[item] = []
        else:
            lately.append(place)
    liked = {place for place in range(len(done)) if told[place] and weight[place] > 0}
    if liked <= {*led}:
        for each in led:
            told[each] = False
    return told


@given(histories, st.sampled_from([BAD, GOOD, 0]))
@example([BUY, BACK], 0)
@example([BUY, BUY, BACK, LOOK, BACK], 0)
@example([LOOK, BUY, LOOK, BACK, BACK, LOOK], 0)
@example([LOOK, (Action.CART, 0), BUY, BACK, (Action.REMOVE, 0)], 0)
def test_a_complaint_takes_back_its_newest_purchase(done: list[Done], stars: int) -> None:
    assert seen(*done, stars=stars) == walked(done, stars)


def test_what_was_bought_before_stays() -> None:
    assert seen(BUY, LOOK, BUY, BACK) == [True, True, False, False]


def test_what_led_to_it_goes_where_nothing_else_is_known_that_they_like() -> None:
    assert seen(LOOK, BUY, LOOK, BACK) == [False, False, False, False]
    assert seen(LOOK, BUY, LOOK, BACK, LOOK) == [True, False, True, False, True]
    assert seen((Action.BROWSE, 1), LOOK, BUY, BACK) == [True, True, False, False]


def test_a_complaint_of_what_was_not_bought_is_seen() -> None:
    assert seen(LOOK, BACK) == [False, True]
    assert seen((Action.CLICK, 1), LOOK, BACK) == [True, True, True]


def test_a_second_complaint_about_one_purchase_speaks_against_it() -> None:
    assert seen(BUY, (Action.REVIEW, 0), BACK) == [False, False, True]


def test_at_one_moment_the_complaint_comes_last() -> None:
    ring = ring_of(BACK, BUY)[None, :2]
    ring["at"] = NOW

    _, is_seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])

    assert not is_seen.any()


def test_nobody_takes_back_what_another_bought() -> None:
    rings = np.stack([ring_of(BUY), ring_of(BACK)])[:, :1]

    _, is_seen = as_seen(rings["action"], rings["rating"], rings["ref"], rings["at"])

    assert is_seen.all()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("complaint", [Action.RETURN, Action.REVIEW])
@pytest.mark.parametrize("before", [[BUY], [LOOK], [LOOK, (Action.CART, 0), BUY]])
def test_of_somebody_new_a_complaint_leaves_no_taste(
    name: str, complaint: Action, before: list[Done]
) -> None:
    told = painted(name, *before, (complaint, 0))

    assert not told["vectors"].any()
    assert not told["interests"]["category"].any()


@pytest.mark.parametrize("name", MODELS)
def test_who_sends_a_thing_back_is_where_they_were(name: str) -> None:
    before = [(Action.CLICK, 1), (Action.PURCHASE, 3)]

    vectors: list[Floats] = [
        painted(name, *before, *more)["vectors"].astype(np.float32)
        for more in ([], [BUY, BACK], [BUY, (Action.REVIEW, 0)])
    ]

    np.testing.assert_array_equal(vectors[1], vectors[0])
    np.testing.assert_array_equal(vectors[2], vectors[0])


def painted(name: str, *done: Done) -> Any:  # noqa: ANN401 - a record
    (portrait,) = paint(ring_of(*done)[None], catalogue(model=MODELS[name]))
    return portrait
