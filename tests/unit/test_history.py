"""History: the facts at a moment are what the stream would have folded by then."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.profiles.facts import Facts, fold
from portrait.times import DAY_MS
from tests.support.strategies import START, Happening, happenings, log_of

USERS = 3
ITEMS = np.arange(1, 13, dtype=np.uint64) * 7

anchors_of = st.lists(
    st.tuples(st.integers(0, USERS - 1), st.integers(-1, 202).map(lambda d: START + d * DAY_MS)),
    min_size=1,
    max_size=8,
).map(lambda pairs: Anchors(*np.array(pairs, np.int64).T))


def interactions_of(events: list[Happening]) -> Interactions:
    return from_columns(
        user=np.array([e.user for e in events], np.int64),
        item=np.array([e.ref - 1 for e in events], np.int64),
        action=np.array([ACTION_CODE[e.action] for e in events], np.uint8),
        at=np.array([e.at for e in events], np.int64),
        price=np.array([e.price for e in events], np.float32),
        quantity=np.array([e.quantity for e in events], np.int32),
        rating=np.array([e.rating for e in events], np.uint8),
        items=ITEMS,
        users=USERS,
    )


def folded(history: Interactions, user: int, at: int) -> Facts:
    """Fold one user's events before a moment, the way the stream does."""
    chosen = np.flatnonzero((history.user == user) & (history.at < at))
    events = [
        Happening(
            user=0,
            at=int(history.at[place]),
            id=int(place) + 1,
            ref=int(ITEMS[history.item[place]]),
            price=float(history.price[place]),
            quantity=int(history.quantity[place]),
            action=list(ACTION_CODE)[history.action[place]],
            rating=int(history.rating[place]),
        )
        for place in chosen
    ]
    facts = Facts.empty(1)
    fold(facts, log_of(events))
    for kafka in ("partition", "offset", "last_id", "received_at"):
        facts.head[kafka] = 0
    return facts


@given(happenings(USERS), anchors_of)
def test_facts_at_a_moment_are_what_fold_gives(events: list[Happening], asked: Anchors) -> None:
    history = interactions_of(events)

    facts = History(history).facts(asked)

    facts.head["received_at"] = 0
    for row, (user, at) in enumerate(zip(asked.user.tolist(), asked.at.tolist(), strict=True)):
        expected = folded(history, user, at)
        assert facts.head[row : row + 1].tobytes() == expected.head.tobytes()
        assert facts.ring[row : row + 1].tobytes() == expected.ring.tobytes()


@given(happenings(1, most=150), st.integers(0, 202))
def test_it_holds_beyond_a_full_ring(events: list[Happening], day: int) -> None:
    history = interactions_of(events)
    at = START + day * DAY_MS

    facts = History(history).facts(Anchors(np.array([0]), np.array([at])))

    expected = folded(history, 0, at)
    facts.head["received_at"] = 0
    assert facts.head.tobytes() == expected.head.tobytes()
    assert facts.ring.tobytes() == expected.ring.tobytes()


def test_it_holds_of_sums_beyond_any_number_of_the_machine() -> None:
    action = [Action.PURCHASE, Action.RETURN, *[Action.PURCHASE] * 200]
    events = [
        Happening(0, START + n, n + 1, 1, 1e9, 2**16 - 1, each, 0) for n, each in enumerate(action)
    ]
    history = interactions_of(events)

    for at in (1, 2, 40, 100, 202):
        facts = History(history).facts(Anchors(np.array([0]), np.array([START + at])))

        facts.head["received_at"] = 0
        assert facts.head.tobytes() == folded(history, 0, START + at).head.tobytes()


def test_what_happens_at_the_moment_is_not_known_yet() -> None:
    history = from_columns(
        user=np.zeros(2, np.int64),
        item=np.array([0, NO_ITEM]),
        action=np.array([1, 2], np.uint8),
        at=np.array([START, START + 1]),
        items=ITEMS,
        users=1,
    )

    asked = Anchors(np.zeros(2, np.int64), START + np.arange(2))

    before, between = History(history).facts(asked).head

    assert before["count"] == 0
    assert between["count"] == 1


def test_a_search_has_no_item() -> None:
    history = from_columns(
        user=np.zeros(1, np.int64),
        item=np.array([NO_ITEM]),
        action=np.array([2], np.uint8),
        at=np.array([START]),
        items=ITEMS,
        users=1,
    )

    facts = History(history).facts(Anchors(np.zeros(1, np.int64), np.array([START + 1])))

    assert facts.ring["ref"][0, 0] == 0
    assert facts.ring["at"][0, 0] == START


def test_a_search_is_named_by_its_text() -> None:
    history = from_columns(
        user=np.zeros(2, np.int64),
        item=np.array([2, NO_ITEM]),
        query=np.array([NO_QUERY, 1]),
        action=np.array([ACTION_CODE[Action.CLICK], ACTION_CODE[Action.SEARCH]], np.uint8),
        at=np.array([START, START + 1]),
        items=ITEMS,
        queries=np.array([400, 500], np.uint64),
        users=1,
    )

    facts = History(history).facts(Anchors(np.array([0]), np.array([START + 2])))

    assert facts.ring["ref"][0, :3].tolist() == [500, ITEMS[2], 0]
