"""The clip: what accounts that mean no good can do to co-occurrence, and that it is no more."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.training.ranker.clip import MOST_ITEMS, SPAN_MS, first_said, heard, voices
from portrait.training.ranker.co_occurrence import (
    Window,
    co_occurrences,
    evidence,
    followed,
    regressed,
    touches,
)

ITEMS, TARGET, LURE = 5, 0, 1  # the attackers want who touched the lure to be shown the target
MOVES = [list(move) for steps in (1, 2) for move in product(range(ITEMS), repeat=steps)]
LONGEST = 4  # moves of an account: by then none gains anything
ATTACKS = [(seed, accounts) for seed in range(3) for accounts in (1, 3)]
RIDGE = 5.0
WINDOW = Window(3, 0.5, 2)
OWN, OTHER, SHRINKAGE = 0.7, 0.3, 20.0
TEXTS = np.eye(ITEMS, dtype=np.float32)

History = Sequence[tuple[int, int]]  # item, and moment in ms
histories = st.lists(
    st.lists(st.tuples(st.integers(0, ITEMS - 1), st.integers(0, 3 * SPAN_MS)), max_size=10),
    min_size=1,
    max_size=12,
)


def shop(all_of: Sequence[History]) -> Interactions:
    user = np.array([u for u, events in enumerate(all_of) for _ in events], np.int64)
    return from_columns(
        user=user,
        item=np.array([item for events in all_of for item, _ in events], np.int64),
        action=np.full(len(user), ACTION_CODE[Action.CLICK], np.uint8),
        at=np.array([at for events in all_of for _, at in events], np.int64),
        items=np.arange(1, MOST_ITEMS * 3, dtype=np.uint64)[: max(ITEMS, _widest(all_of))],
        users=len(all_of),
    )


def _widest(all_of: Sequence[History]) -> int:
    return 1 + max((item for events in all_of for item, _ in events), default=0)


def honest_shop(seed: int) -> list[list[tuple[int, int]]]:
    draw = np.random.default_rng(seed)
    return [
        [(int(item), at) for at, item in enumerate(draw.integers(ITEMS, size=draw.integers(5)))]
        for _ in range(15)
    ]


def attacked(
    honest: Sequence[History], accounts: int, gain: Callable[[Interactions], float]
) -> Interactions:
    """Let one account after the other make whatever move gains most, until none does."""
    made: list[History] = []
    best = gain(shop(honest))
    for _ in range(accounts):
        own: list[tuple[int, int]] = []
        for _ in range(LONGEST):
            tried = [
                [*own, *((item, len(own) + step) for step, item in enumerate(move))]
                for move in MOVES
            ]
            reached, longer = max((gain(shop([*honest, *made, each])), each) for each in tried)
            if reached <= best:
                break
            best, own = reached, longer
        made.append(own)
    return shop([*honest, *made])


@given(histories)
def test_of_each_user_and_span_the_newest_things_are_heard(
    all_of: list[list[tuple[int, int]]],
) -> None:
    events = shop(all_of)

    kept = heard(events)

    assert len(kept) == len(events)  # there are fewer things than are heard
    assert kept.at.tolist() == events.at.tolist()


def test_beyond_so_many_things_the_older_are_not_heard() -> None:
    many = [(item, item) for item in range(MOST_ITEMS + 5)]
    again = [(0, MOST_ITEMS + 10)]  # the oldest is the newest, too
    next_span = [(item, SPAN_MS + item) for item in range(3)]

    kept = heard(shop([many + again + next_span, many[:3]]))

    first, second = kept.where(kept.user == 0), kept.where(kept.user == 1)
    in_span = first.at < SPAN_MS
    assert set(first.item[in_span].tolist()) == {0, *range(6, MOST_ITEMS + 5)}
    assert first.item[in_span].tolist().count(0) == 2  # heard, it is heard whole
    assert first.item[~in_span].tolist() == [0, 1, 2]
    assert second.item.tolist() == [0, 1, 2]


def test_a_voice_is_of_one_user_and_span() -> None:
    events = shop([[(0, 0), (1, 5), (1, SPAN_MS)], [(0, SPAN_MS)]])

    assert voices(events).tolist() == [0, 0, 1, 2]


def test_a_voice_says_a_pair_once() -> None:
    voice, before, after = np.array([[0, 0, 0, 1], [1, 1, 2, 1], [2, 2, 1, 2]])

    assert first_said(voice, before, after, 3).tolist() == [True, False, True, True]


def test_who_repeats_two_things_for_weeks_says_so_once_a_span() -> None:
    patient = [(LURE if step % 2 else TARGET, step) for step in range(1_000)]
    later = [(item, SPAN_MS + at) for item, at in patient]

    once, twice = (
        np.expm1(followed(shop([history]), Window(3, 0, 1)).toarray()[LURE, TARGET])
        for history in (patient, patient + later)
    )

    assert (once, twice) == (pytest.approx(1), pytest.approx(2))


@pytest.mark.parametrize(("seed", "accounts"), ATTACKS)
def test_no_attack_says_more_of_what_comes_after_what_than_is_stated(
    seed: int, accounts: int
) -> None:
    honest = honest_shop(seed)

    def gain(events: Interactions) -> float:
        return float(followed(events, WINDOW).toarray()[LURE, TARGET])

    before = np.expm1(gain(shop(honest))) * WINDOW.smoothing
    after = np.expm1(gain(attacked(honest, accounts, gain))) * WINDOW.smoothing

    assert after - before <= accounts * (1 + WINDOW.backward) * (1 + 1e-5) + 1e-5
    assert after - before >= accounts * 0.9  # the attack is one


@pytest.mark.parametrize(("seed", "accounts"), ATTACKS)
def test_no_attack_makes_a_pair_stronger_than_is_stated(seed: int, accounts: int) -> None:
    honest = honest_shop(seed)

    def gain(events: Interactions) -> float:
        made = co_occurrences(touches(events), own=OWN, other=OTHER, shrinkage=SHRINKAGE)
        return float(made.toarray()[LURE, TARGET])

    touched = touches(shop(honest)).toarray()
    both = (touched[:, LURE] * touched[:, TARGET]).sum() + accounts
    lured, wanted = touched[:, LURE].sum() + accounts, touched[:, TARGET].sum() + accounts

    after = gain(attacked(honest, accounts, gain))

    assert after <= both / (lured**OWN * wanted**OTHER + SHRINKAGE) + 1e-5


@pytest.mark.parametrize(("seed", "accounts"), ATTACKS)
def test_no_attack_moves_the_regression_further_than_is_stated(seed: int, accounts: int) -> None:
    honest = honest_shop(seed)

    def gain(events: Interactions) -> float:
        made = regressed(touches(events), TEXTS, ridge=RIDGE, text=1)
        return float(made.toarray()[LURE, TARGET])

    known = touches(shop(honest)).toarray().astype(np.float64)
    gram = known.T @ known + TEXTS @ TEXTS.T + RIDGE * np.eye(ITEMS)
    inverse = np.linalg.inv(gram)
    column = -inverse[:, TARGET] / inverse[TARGET, TARGET]  # of the target itself: -1
    events = attacked(honest, accounts, gain)
    added = touches(events).toarray()[len(honest) :]
    missed = added @ column  # r, but for its sign

    moved = regressed(touches(events), TEXTS, ridge=RIDGE, text=1).toarray()[:, TARGET]
    moved = moved - np.maximum(column * (np.arange(ITEMS) != TARGET), 0)

    assert np.linalg.norm(moved) <= np.sqrt((missed**2).sum() / RIDGE) + 1e-4


@given(histories)
def test_what_is_counted_in_parts_is_what_is_counted_at_once(
    all_of: list[list[tuple[int, int]]],
) -> None:
    events = shop(all_of)
    columns = events.user, events.item, events.moments, len(events.items), WINDOW

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("portrait.training.ranker.co_occurrence.AT_ONCE", 3)
        in_parts = evidence(*columns, voices(events)).toarray()

    np.testing.assert_allclose(in_parts, evidence(*columns, voices(events)).toarray(), rtol=1e-5)
