"""Small learned models with random weights, and the events of a few users."""

import numpy as np

from portrait.arrays import MISSING, Floats, Rows
from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.behaviour import Behaviour
from portrait.model.kinds import KINDS
from portrait.model.neighbours import Neighbours
from portrait.model.recency import Events
from portrait.model.space import unit
from portrait.times import DAY_MS

ITEMS, TEXT_DIM = 30, 12
NOW = 1_790_000_000_000


def behaviour(*, dim: int = 8, heads: int = 2, known: int = 20, seed: int = 0) -> Behaviour:
    draw = np.random.default_rng(seed)
    return Behaviour(
        projection=normal(draw, TEXT_DIM, dim),
        item_refs=np.arange(1, known + 1, dtype=np.uint64),
        item_vectors=normal(draw, known, dim),
        action_gates=draw.uniform(0.2, 2, KINDS).astype(np.float32),
        action_vectors=np.float32(0.1) * normal(draw, KINDS, dim),
        decay=draw.uniform(0, 1, heads).astype(np.float32),
        gap_decay=draw.uniform(0, 1, heads).astype(np.float32),
        turn=normal(draw, dim, dim),
    )


def neighbours(*, kinds: int = 2, seed: int = 0) -> Neighbours:
    draw = np.random.default_rng(seed)
    each = draw.integers(0, 6, ITEMS)
    others = [draw.choice(ITEMS, count, replace=False) for count in each]
    return Neighbours(
        refs=np.arange(1, ITEMS + 1, dtype=np.uint64),
        starts=np.concatenate([[0], np.cumsum(each)]),
        others=np.concatenate(others).astype(np.int32),
        strengths=draw.uniform(0, 1, (int(each.sum()), kinds)).astype(np.float32),
        action_gates=np.ones(KINDS, np.float32),
        decay=draw.uniform(0, 1, kinds).astype(np.float32),
        gap_decay=np.zeros(kinds, np.float32),
        kinds=draw.uniform(0.5, 1, kinds).astype(np.float32),
    )


def text_vectors(*, seed: int = 0) -> Floats:
    return unit(normal(np.random.default_rng(seed), ITEMS, TEXT_DIM))


def histories(users: int, places: int, *, seed: int = 0) -> tuple[Rows, Events]:
    """Draw the newest events of users, newest first, one in eight absent: rows of items, events."""
    draw = np.random.default_rng(seed)
    rows = draw.integers(0, ITEMS, (users, places))
    present = draw.random((users, places)) < 7 / 8
    events = Events(
        kind=draw.integers(0, KINDS, (users, places)).astype(np.uint8),
        at=NOW - np.cumsum(draw.integers(0, 3 * DAY_MS, (users, places)), axis=1),
        present=present,
    )
    return np.where(present, rows, MISSING), events


def normal(draw: np.random.Generator, *shape: int) -> Floats:
    return draw.normal(size=shape).astype(np.float32)


def planted(users: int = 60, *, items: int = ITEMS, seed: int = 0) -> Interactions:
    """Draw users who buy an item, then the one after it in the catalogue, and so on."""
    draw = np.random.default_rng(seed)
    length = draw.integers(4, 9, users)
    user = np.repeat(np.arange(users), length)
    place = np.concatenate([np.arange(count) for count in length])
    return from_columns(
        user=user,
        item=(draw.integers(0, items, users)[user] + place) % items,
        action=np.full(len(user), ACTION_CODE[Action.PURCHASE], np.uint8),
        at=NOW + place * DAY_MS,
        items=np.arange(1, items + 1, dtype=np.uint64),
        users=users,
    )


def last_held_out(events: Interactions) -> tuple[Interactions, Rows]:
    """Split each user's last event off: what is left, and the items that were last."""
    last = events.starts[1:] - 1
    kept = np.ones(len(events), np.bool_)
    kept[last] = False
    return events.where(kept), events.item[last]
