"""Removals and wishes: what is taken out of the cart was a click, a wish is nearly a cart."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portrait.arrays import Floats, Ring
from portrait.dataset.history import Anchors
from portrait.dataset.interactions import from_columns
from portrait.dataset.labels import categories_touched, purchase_within
from portrait.dataset.past import newest, seen
from portrait.dataset.sequences import sequences_of, wanted
from portrait.evaluation.exam import set_exam
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.inference.explain import evidence_of
from portrait.inference.paint import paint
from portrait.model.kinds import ACTION_WEIGHTS, KIND_WEIGHTS, as_seen, leave_out
from portrait.profiles.facts import LAYOUT, WIDE_LAYOUT
from portrait.ref import item_ref
from tests.support.catalogues import ITEMS, MODEL, catalogue
from tests.support.models import learned_model
from tests.support.records import event_record
from tests.support.shop import Shop, open_shop
from tests.support.streams import ListStream, memory_updater
from workers.update.worker import update

NOW, HOUR_MS = 1_790_000_000_000, 3_600_000
CLICK, CART, REMOVE = (ACTION_CODE[each] for each in (Action.CLICK, Action.CART, Action.REMOVE))
NAMES = [item.id for item in ITEMS]
MODELS = {"pretrained": MODEL, "learned": learned_model()}

Done = tuple[Action, int]  # what, and to which of ITEMS

histories = st.lists(st.tuples(st.sampled_from(Action), st.integers(0, 4)), max_size=20)


def ring_of(*done: Done) -> Ring:
    """Write what was done, oldest first and an hour apart, as a ring."""
    ring = np.zeros(RING, EVENT)
    for place, (action, item) in enumerate(reversed(done)):
        code, ref = ACTION_CODE[action], item_ref(NAMES[item])
        ring[place] = (NOW - place * HOUR_MS, place + 1, ref, 0, 1, code, 0)
    return ring


def without_removals(done: list[Done]) -> Ring:
    """The same, as somebody would tell it who has never heard of removals."""
    ring, told = ring_of(*done), np.zeros(RING, EVENT)
    kept = [place for place in range(len(done)) if ring["action"][place] != REMOVE]
    for row, place in enumerate(kept):
        told[row] = ring[place]
        later = ring[:place]
        if told["action"][row] == CART:
            taken_out = (later["action"] == REMOVE) & (later["ref"] == told["ref"][row])
            told["action"][row] = CLICK if taken_out.any() else CART
    return told


@pytest.mark.parametrize("name", MODELS)
@given(histories)
@example([(Action.CART, 0), (Action.REMOVE, 0)])
@example([(Action.CART, 0), *[(Action.BROWSE, 1)] * 9, (Action.REMOVE, 0)])
@example([(Action.CART, 0), (Action.REMOVE, 0), (Action.CART, 0)])
@example([(Action.REMOVE, 0), (Action.CART, 1)])
def test_what_is_taken_out_counts_as_a_click_however_long_after(
    name: str, done: list[Done]
) -> None:
    plain = [one for one in done if one[0] is not Action.SEARCH]
    built = catalogue(model=MODELS[name])

    rings = np.stack([ring_of(*plain), without_removals(plain)])
    ours, theirs = paint(rings, built)

    np.testing.assert_allclose(ours["vectors"], theirs["vectors"], atol=2e-3)
    np.testing.assert_allclose(ours["state"], theirs["state"], atol=2e-3)
    assert interests(ours) == pytest.approx(interests(theirs), abs=1e-3)


def interests(portrait: np.void) -> dict[int, float]:
    told = portrait["interests"]
    return dict(zip(told["category"].tolist(), told["score"].tolist(), strict=True))


def test_a_removal_is_no_event_and_makes_no_other_older() -> None:
    done = [(Action.CLICK, 1), (Action.CART, 0), (Action.REMOVE, 0), (Action.REMOVE, 3)]
    ring = ring_of(*done)[None, :4]

    kinds, is_seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])

    assert is_seen.tolist() == [[False, False, True, True]]
    assert kinds[0, 2:].tolist() == [CLICK, CLICK]


def test_at_one_moment_the_removal_comes_last() -> None:
    ring = ring_of((Action.REMOVE, 0), (Action.CART, 0))[None, :2]
    ring["at"] = NOW

    kinds, _ = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])

    assert kinds[0, 0] == CLICK


def test_nobody_takes_out_what_another_put_in() -> None:
    ring = np.stack([ring_of((Action.CART, 0)), ring_of((Action.REMOVE, 0))])

    kinds, _ = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])

    assert kinds[0, 0] == CART


def test_a_wish_speaks_for_its_item_less_than_a_cart_and_more_than_a_click() -> None:
    weights = [ACTION_WEIGHTS[each] for each in (Action.CLICK, Action.WISH, Action.CART)]
    assert weights == sorted(weights)

    def alike(action: Action, model: str) -> float:
        """How near the portrait of a click and this is to its item, short term."""
        built = catalogue(model=MODELS[model])
        ring = ring_of((Action.CLICK, 3), (action, 0))
        evidence = evidence_of(ring[:2], built)
        share: Floats = evidence.shares(evidence.vectors)
        return float(share[0, 0])

    for model in MODELS:
        found = [alike(each, model) for each in (Action.CLICK, Action.WISH, Action.CART)]
        assert found == sorted(found)
        assert len({*found}) == 3


def test_a_removal_neither_praises_nor_blames() -> None:
    assert ACTION_WEIGHTS[Action.REMOVE] == 0
    assert KIND_WEIGHTS[REMOVE] == 0
    evidence = evidence_of(ring_of((Action.CART, 0), (Action.REMOVE, 0))[:2], catalogue())
    assert not evidence.complaints.any()
    assert evidence.weight[:, 0].tolist() == [0, 0]
    assert (evidence.weight[:, 1] > 0).all()


def test_who_only_takes_things_out_says_nothing() -> None:
    ring = ring_of((Action.REMOVE, 0), (Action.REMOVE, 1))[None]

    for model in MODELS.values():
        portrait = paint(ring, catalogue(model=model))

        assert not portrait["vectors"].any()
        assert not portrait["state"].any()
        assert not portrait["interests"]["category"].any()


@given(histories)
@example([(Action.CART, 0), (Action.REMOVE, 0)])
@example([(Action.PURCHASE, 0), (Action.CART, 0), (Action.REMOVE, 0)])
@example([(Action.CART, 0), (Action.REMOVE, 0), (Action.CLICK, 0)])
def test_the_judge_leaves_out_what_the_service_does(done: list[Done]) -> None:
    plain = [one for one in done if one[0] is not Action.SEARCH]
    ring = ring_of(*plain)[: len(plain)]
    events = from_columns(
        user=np.zeros(len(plain), np.int64),
        item=np.array([item for _, item in plain], np.int64),
        action=ring["action"][::-1].copy(),
        at=ring["at"][::-1].copy(),
        items=np.array([item_ref(name) for name in NAMES], np.uint64),
        users=1,
    )

    _, items = seen(events, np.array([0]))

    left_out = ring["ref"][leave_out(ring["ref"], ring["action"], ring["at"])]
    assert {*items.tolist()} == {
        row for row, name in enumerate(NAMES) if item_ref(name) in left_out.tolist()
    }


def test_it_is_left_out_again_once_it_is_touched_and_always_if_it_was_bought() -> None:
    def left_out(*done: Done) -> set[int]:
        ring = ring_of(*done)[: len(done)]
        kept = leave_out(ring["ref"], ring["action"], ring["at"])
        return {NAMES.index(name) for name in NAMES if item_ref(name) in ring["ref"][kept].tolist()}

    clicked, put, taken = (Action.CLICK, 0), (Action.CART, 0), (Action.REMOVE, 0)
    assert left_out(clicked, put, (Action.CLICK, 1)) == {0, 1}
    assert left_out(clicked, put, taken, (Action.CLICK, 1)) == {1}
    assert left_out(put, taken, clicked) == {0}
    assert left_out((Action.PURCHASE, 0), put, taken) == {0}


def test_a_removal_is_no_target_no_touch_no_purchase_and_no_question() -> None:
    done = [Action.CLICK, Action.CART, Action.REMOVE, Action.WISH, Action.REMOVE]
    items = [0, 1, 1, 2, 3]
    events = from_columns(
        user=np.zeros(5, np.int64),
        item=np.array(items),
        action=np.array([ACTION_CODE[each] for each in done], np.uint8),
        at=NOW + np.arange(5) * HOUR_MS,
        items=np.arange(1, 5, dtype=np.uint64),
        users=1,
    )
    before, until = Anchors(np.array([0]), np.array([NOW - 1])), NOW + 60 * 24 * HOUR_MS

    assert wanted(events).tolist() == [True, True, False, True, False]
    assert sequences_of(events).item.tolist() == [0, 1, 2]
    touched = categories_touched(
        events, before, until, category=np.arange(4), categories=4
    ).values.tolist()
    assert touched == [[True, True, True, False]]
    assert purchase_within(events, before, until).values.tolist() == [False]
    exam = set_exam(events, [NOW, NOW, until], each=9)
    assert exam.newest.tolist() == [1, 3]
    about, told = newest(events, np.array([0]))
    assert about.tolist() == [[-1, 2, -1, 1, 0]]
    assert told.kind[0, 3] == CLICK


async def test_what_was_taken_out_is_offered_again_and_its_reason_is_a_click() -> None:
    shop = Shop()
    await shop.stock()
    put = {"type": "cart", "item_id": "milk"}
    shop.remember("ann", {"type": "click", "item_id": "tuna"}, put, painted=catalogue())
    shop.remember(
        "eve",
        {"type": "click", "item_id": "tuna"},
        put,
        {"type": "remove", "item_id": "milk"},
        painted=catalogue(),
    )

    ann, eve = [await recommended(shop, user) for user in ("ann", "eve")]

    assert {item["item_id"] for item in eve["items"]} - {
        item["item_id"] for item in ann["items"]
    } == {"milk"}
    by_id = {item["item_id"]: item for item in eve["items"]}
    named = {(reason["action"], reason["item_id"]) for reason in by_id["milk"]["reasons"]}
    assert ("click", "milk") in named
    actions = {r["action"] for item in eve["items"] for r in item["reasons"] + item["against"]}
    assert actions.isdisjoint({"cart", "remove"})
    assert all(item["against"] == [] for item in eve["items"])


async def recommended(shop: Shop, user: str) -> dict[str, Any]:
    async with open_shop(shop) as client:
        answer = await client.post("/recommend", json={"user_id": user, "explain": True})
    found: dict[str, Any] = answer.json()
    return found


async def test_from_the_log_to_the_answer_each_counts_once() -> None:
    log = [
        event_record(0, type="click", item_id="tuna"),
        event_record(1, type="cart", item_id="milk"),
        event_record(2, type="remove", item_id="milk"),
        event_record(3, type="wish", item_id="cheese", order_id="passed over here"),
        event_record(4, type="cart", item_id="beef", user_id="bob"),
    ]
    shop = Shop()
    await shop.stock()
    await update(ListStream(log, log[2:]), await memory_updater(shop.profiles))

    async with open_shop(shop) as client:
        ann, bob = [(await client.get(f"/profile/{user}")).json() for user in ("ann", "bob")]
    offered = await recommended(shop, "ann")

    assert ann["totals"] == dict.fromkeys(Action, 0) | {
        "click": 1,
        "cart": 1,
        "remove": 1,
        "wish": 1,
    }
    assert {event["action"] for event in ann["recent"]} == {"click", "cart", "remove", "wish"}
    assert bob["totals"] == dict.fromkeys(Action, 0) | {"cart": 1}
    assert [shop.profiles.records[user][9] for user in ("ann", "bob")] == [WIDE_LAYOUT, LAYOUT]
    strongest = ann["interests"][0]
    assert strongest["category"] == "Grocery > Dairy"
    assert strongest["evidence"][0]["action"] == "wish"
    assert "remove" not in {
        each["action"] for interest in ann["interests"] for each in interest["evidence"]
    }
    assert "milk" in {item["item_id"] for item in offered["items"]}
    assert "cheese" not in {item["item_id"] for item in offered["items"]}
