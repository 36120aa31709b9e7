"""Shoppers for tests: purchases by day, a repeat part with any weights, a shop with habits."""

from collections.abc import Iterable, Sequence

import numpy as np

from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import EVENT, PURCHASE
from portrait.model.bought import Purchases
from portrait.model.repeats import NEGATIVE, SIGNS, Rates, Repeats
from portrait.times import DAY_MS

START = 20_000 * DAY_MS
THINGS = np.array([3, 5, 8, 13], np.uint64)  # the last has no rates of its own

Line = tuple[float, int]  # day from START, place in THINGS


def purchases_of(*users: list[Line]) -> Purchases:
    """Return what users bought, each a question."""
    lines = [(user, day, thing) for user, said in enumerate(users) for day, thing in said]
    question, day, thing = (
        (np.array([line[place] for line in lines]) for place in range(3))
        if lines
        else (np.zeros(0),) * 3
    )
    at = np.round(START + day * DAY_MS).astype(np.int64)
    return Purchases(question.astype(np.int64), THINGS[thing.astype(np.int64)], at)


def ring_of(lines: list[Line], action: int = PURCHASE) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return one user's events, newest first."""
    ring = np.zeros(len(lines), EVENT)
    ring["at"] = [round(START + day * DAY_MS) for day, _ in lines]
    ring["ref"] = [THINGS[thing] for _, thing in lines]
    ring["action"] = action
    return ring[np.argsort(-ring["at"], kind="stable")]


def repeats(*, seed: int = 0, weight: float = 1.0) -> Repeats:
    """Return a repeat part whose weights have their signs, and are otherwise anything."""
    draw = np.random.default_rng(seed)
    sign = np.array([-1 if each == NEGATIVE else 1 for each in SIGNS.values()])
    width, rows = len(SIGNS), len(THINGS)
    return Repeats(
        Rates(
            refs=THINGS[:-1],
            rate=-draw.random(rows).astype(np.float32),
            interval=(1 + 30 * draw.random(rows)).astype(np.float32),
            buyers=draw.random(rows).astype(np.float32),
            usual=draw.random(rows).astype(np.float32),
            whole=np.full(1, 3, np.float32),
        ),
        mean=draw.normal(size=width).astype(np.float32),
        spread=(0.5 + draw.random(width)).astype(np.float32),
        weights=(weight * sign * draw.random(width)).astype(np.float32),
        bias=np.zeros(1, np.float32),
    )


def purchases(*users: Sequence[Iterable[int]], items: int) -> Interactions:
    """Return what users bought, each of their baskets a day after the one before."""
    lines = [
        (user, day, item)
        for user, said in enumerate(users)
        for day, basket in enumerate(said)
        for item in basket
    ]
    user, day, item = np.array(lines).T
    return from_columns(
        user=user,
        item=item,
        action=np.full(len(user), PURCHASE, np.uint8),
        at=(1 + day) * DAY_MS,
        items=np.arange(1, items + 1, dtype=np.uint64),
        users=len(users),
    )


def shop_of_habits(*, users: int = 60, days: int = 200, seed: int = 0) -> Interactions:
    """Return a shop where everybody buys milk weekly, soap monthly, and much else just once."""
    draw = np.random.default_rng(seed)
    milk, soap, others = 0, 1, 300
    rows = []
    for user in range(users):
        for day in range(int(draw.integers(0, 7)), days, 7):
            rows.append((user, milk, day))
            rows += [(user, soap, day)] * (day % 28 < 7)
            # A whim is bought on some days in a row, and then never again.
            rows += [(user, 2 + (user * 7 + day // 21 * 11) % others, day)] * (day % 21 < 14)
    user, item, day = np.array(rows).T
    return from_columns(
        user=user,
        item=item,
        action=np.full(len(rows), PURCHASE, np.uint8),
        at=START + day * DAY_MS + 1,
        items=np.arange(1, others + 3, dtype=np.uint64),
        users=users,
    )
