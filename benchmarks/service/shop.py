"""A shop of any size: items, users and models whose numbers are random, but shaped like real ones.

What the numbers are changes no cost, so nothing is read by BERT and nothing is trained.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import numpy as np
from redis.asyncio import Redis

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_progress import RedisPopularity
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles
from portrait.behaviour import Behaviour
from portrait.calibration import AS_IT_IS
from portrait.catalogue import Catalogue, texts_of
from portrait.event import Action
from portrait.facts import EVENT, PERIOD_MS, RING, Facts
from portrait.habits import HABITS
from portrait.heads import (
    CHURN_RISK,
    INTERESTS,
    NEXT_ACTION,
    PURCHASE_INTENT,
    TOUCH_WINDOWS_MS,
    Head,
    Heads,
    Standard,
)
from portrait.item import Item, interest_category
from portrait.learned import Blend, Learned
from portrait.neighbours import Neighbours
from portrait.paint import paint
from portrait.profile import encode_profiles
from portrait.ref import item_ref, name_ref, text_ref
from portrait.space import Space, Vectors, unit
from portrait.store import Model, Write

DIM, STATE_DIM, SPEEDS, KINDS = 256, 128, 8, 2
NEIGHBOURS = 100  # of each item
AT_ONCE = 2_000  # users painted, and vectors stored
NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000
WORDS = [
    f"{first}{last}"
    for first in ("bra", "cre", "dro", "fla", "gri", "kel", "mon", "pli", "sta", "tur")
    for last in ("bel", "cot", "der", "fin", "gan", "lum", "mer", "nok", "pas", "rin")
]
IDEOGRAPHS = [chr(0x4E00 + 7 * place) for place in range(400)]  # as titles in Chinese have them

Floats = Vectors


@dataclass(frozen=True, slots=True)
class Shop:
    """What a service is to stand on."""

    items: Sequence[Item]
    users: int
    model: Model


def open_shop(items: int, users: int, *, is_learned: bool) -> Shop:
    """Draw a shop."""
    random = Random(7)  # noqa: S311 - a benchmark
    stock = [_item(place, random) for place in range(items)]
    axes = np.eye(DIM, dtype=np.float32)
    space = Space("none", np.zeros(DIM, np.float32), axes)
    name = "learned" if is_learned else "pretrained"
    return Shop(stock, users, Model(name, space, _learned(stock) if is_learned else None))


async def fill(redis: Redis, shop: Shop) -> None:
    """Store a shop in an empty Redis."""
    await redis.flushall()
    catalogue, store = Catalogue(shop.model), RedisCatalogue(redis)
    texts = list(dict.fromkeys(text for item in shop.items for text in texts_of(item)))
    for refs, vectors in _vectors(texts):
        await store.put_vectors(shop.model.space.id, refs, vectors)
        catalogue.vectors.put(refs, vectors)
    for item in shop.items:
        catalogue.put(item)
    await store.put_items(shop.items)
    await RedisRegistry(redis).promote(shop.model)
    wanted = {item.id: 1_000 + place % 5_000 for place, item in enumerate(shop.items[::4])}
    await RedisPopularity(redis).add(NOW_MS // DAY_MS, wanted)
    await _fill_profiles(RedisProfiles(redis, timedelta(days=1)), catalogue, shop)


def _item(place: int, random: Random) -> Item:
    words = random.sample(WORDS, 3) + random.sample(IDEOGRAPHS, 2)
    return Item(
        id=f"item-{place}",
        title=f"{' '.join(words)} {place}",
        category=f"D{place % 30} > C{place % 300} > T{place % 2_000}",
        brand=f"brand {place % 500}",
        price=1 + place % 50,
    )


def _vectors(texts: Sequence[str]) -> Iterator[tuple[list[int], Floats]]:
    """Draw unit vectors of texts, some at a time, as coarse as they are stored."""
    draw = np.random.default_rng(7)
    for start in range(0, len(texts), AT_ONCE):
        some = [text_ref(text) for text in texts[start : start + AT_ONCE]]
        drawn = unit(_normal(draw, len(some), DIM)).astype(np.float16)
        yield some, drawn.astype(np.float32)


async def _fill_profiles(profiles: RedisProfiles, catalogue: Catalogue, shop: Shop) -> None:
    """Store a record of every user."""
    draw = np.random.default_rng(11)
    refs = catalogue.rows["ref"].copy()
    for start in range(0, shop.users, AT_ONCE):
        count = min(AT_ONCE, shop.users - start)
        facts = _facts(draw, refs, count)
        records = encode_profiles(facts, paint(facts.ring, catalogue))
        users = [f"user-{place}" for place in range(start, start + count)]
        writes = [Write(user, b"", record) for user, record in zip(users, records, strict=True)]
        await profiles.save(writes)


def _facts(draw: np.random.Generator, refs: np.ndarray, users: int) -> Facts:  # type: ignore[type-arg] # (N,) of refs
    """Draw facts of users with 5 to RING events over a year."""
    facts = Facts.empty(users)
    count = draw.integers(5, RING + 1, users)
    held = np.arange(RING) < count[:, None]
    pause = draw.integers(1, 10 * DAY_MS, (users, RING))
    ring = np.zeros((users, RING), EVENT)
    ring["at"] = NOW_MS - np.cumsum(pause, axis=1)
    ring["id"] = draw.integers(1, 1 << 62, (users, RING))
    ring["ref"] = draw.choice(refs, (users, RING))
    ring["price"] = draw.uniform(1, 50, (users, RING))
    ring["quantity"] = 1
    ring["action"] = draw.choice([0, 1, 3, 4], (users, RING))
    ring[~held] = np.zeros(1, EVENT)
    facts.ring[:] = ring
    head = facts.head
    head["revision"] = head["count"] = count
    head["last_at"] = head["received_at"] = ring["at"][:, 0]
    head["first_at"] = ring["at"][np.arange(users), count - 1]
    head["period"] = head["last_at"] // PERIOD_MS
    head["totals"][:, 1] = count
    head["by_period"][:, 0] = count
    head["partition"][:, 1] = 1
    return facts


def _learned(items: Sequence[Item]) -> Learned:
    """Draw what training would have made of a shop."""
    draw = np.random.default_rng(13)
    refs = np.sort(np.array([item_ref(item.id) for item in items], np.uint64))
    return Learned(
        _behaviour(draw, refs), _neighbours(draw, refs), Blend(1.0, 0.5, 0.3), _heads(draw, items)
    )


def _behaviour(draw: np.random.Generator, refs: np.ndarray) -> Behaviour:  # type: ignore[type-arg] # (N,) of refs
    actions = len(Action)
    return Behaviour(
        projection=_normal(draw, DIM, STATE_DIM) / np.float32(DIM**0.5),
        item_refs=refs,
        item_vectors=np.float32(0.05) * _normal(draw, len(refs), STATE_DIM),
        action_gates=draw.uniform(0.2, 2, actions).astype(np.float32),
        action_vectors=np.float32(0.05) * _normal(draw, actions, STATE_DIM),
        decay=np.linspace(0.08, 1, SPEEDS).astype(np.float32),
        gap_decay=np.full(SPEEDS, 0.05, np.float32),
        turn=np.eye(STATE_DIM, dtype=np.float32)[None],
    )


def _neighbours(draw: np.random.Generator, refs: np.ndarray) -> Neighbours:  # type: ignore[type-arg] # (N,) of refs
    each = min(NEIGHBOURS, len(refs))
    entries = each * len(refs)
    return Neighbours(
        refs=refs,
        starts=np.arange(0, entries + 1, each),
        others=draw.integers(0, len(refs), entries).astype(np.int32),
        strengths=draw.uniform(0, 0.1, (entries, KINDS)).astype(np.float32),
        action_gates=np.ones(len(Action), np.float32),
        decay=np.array([0.1, 0.5], np.float32),
        gap_decay=np.zeros(KINDS, np.float32),
        kinds=np.array([1.0, 0.5], np.float32),
    )


def _heads(draw: np.random.Generator, items: Sequence[Item]) -> Heads:
    """Draw a head for every question, and for every interest of the shop."""
    names = {interest_category(item.category) for item in items}
    kinds = np.sort(np.array([name_ref(name) for name in names], np.uint64))
    width = STATE_DIM + len(HABITS)
    asked = {PURCHASE_INTENT: 1, CHURN_RISK: 1, NEXT_ACTION: len(Action), INTERESTS: len(kinds)}
    heads = {
        name: Head(
            np.float32(0.05) * _normal(draw, width, outputs),
            np.zeros(outputs, np.float32),
            AS_IT_IS,
        )
        for name, outputs in asked.items()
    }
    touch = np.ones((len(TOUCH_WINDOWS_MS), len(kinds)), np.float32)
    return Heads(Standard.neutral(width), heads, kinds, touch)


def _normal(draw: np.random.Generator, *shape: int) -> Floats:
    return draw.standard_normal(shape, np.float32)
