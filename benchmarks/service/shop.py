"""A shop of any size: items, users and models whose numbers are random, but shaped like real ones.

What the numbers are changes no cost, so nothing is read by BERT and nothing is trained.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
from redis.asyncio import Redis

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles
from portrait.arrays import Refs
from portrait.catalogue.catalogue import Catalogue, texts_of
from portrait.catalogue.store import CatalogueStore
from portrait.events.category import interest_category
from portrait.events.columns import EVENT, RING
from portrait.events.consent import Consent
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.inference.paint import paint
from portrait.lifecycle.registry import plain_card
from portrait.model.behaviour import Behaviour
from portrait.model.calibration import AS_IT_IS
from portrait.model.habits import HABITS
from portrait.model.heads import (
    CHURN_RISK,
    INTERESTS,
    NEXT_ACTION,
    PURCHASE_INTENT,
    TOUCH_WINDOWS_MS,
    Head,
    Heads,
    Standard,
)
from portrait.model.kinds import KINDS as EVENT_KINDS
from portrait.model.learned import Blend, Learned
from portrait.model.model import Model
from portrait.model.neighbours import Neighbours
from portrait.model.space import Space, Vectors, unit
from portrait.profiles.facts import PERIOD_MS, Facts
from portrait.profiles.profile import encode_profiles
from portrait.profiles.store import Write
from portrait.ref import item_ref, name_ref, text_ref
from portrait.times import DAY_MS

DIM, STATE_DIM, SPEEDS, KINDS = 256, 128, 8, 2
NEIGHBOURS = 100  # of each item
AT_ONCE = 2_000  # users painted, and vectors stored
NOW_MS = 1_790_000_000_000
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
    """Store a shop in an empty database of Redis; everybody has said what may be done."""
    await fill_catalogue(RedisCatalogue(redis), shop)
    await RedisRegistry(redis).begin(shop.model, plain_card(shop.model, datetime.now(UTC)))
    wanted = {item.id: 1_000 + place % 5_000 for place, item in enumerate(shop.items[::4])}
    await RedisPopularity(redis).add(NOW_MS // DAY_MS, wanted)
    catalogue, profiles = catalogue_of(shop), RedisProfiles(redis, timedelta(days=1))
    for records in records_of(shop, catalogue):
        await profiles.save([Write(user, b"", record) for user, record in records.items()])
        await profiles.agree(dict.fromkeys(records, Consent(NOW_MS, frozenset())))


async def fill_catalogue(store: CatalogueStore, shop: Shop) -> None:
    """Store a shop's items and the vectors of their texts."""
    for refs, vectors in _vectors(shop):
        await store.put_vectors(shop.model.space.id, refs, vectors)
    await store.put_items(shop.items)


def catalogue_of(shop: Shop) -> Catalogue:
    """Hold a shop's items in memory."""
    catalogue = Catalogue(shop.model)
    for refs, vectors in _vectors(shop):
        catalogue.vectors.put(refs, vectors)
    for item in shop.items:
        catalogue.put(item)
    return catalogue


def records_of(shop: Shop, catalogue: Catalogue) -> Iterator[dict[str, bytes]]:
    """Write the record of every user, some at a time."""
    draw = np.random.default_rng(11)
    refs = catalogue.rows["ref"].copy()
    for start in range(0, shop.users, AT_ONCE):
        count = min(AT_ONCE, shop.users - start)
        facts = _facts(draw, refs, count)
        users = [f"user-{place}" for place in range(start, start + count)]
        records = encode_profiles(facts, paint(facts.ring, catalogue))
        yield dict(zip(users, records, strict=True))


def _item(place: int, random: Random) -> Item:
    words = random.sample(WORDS, 3) + random.sample(IDEOGRAPHS, 2)
    return Item(
        id=f"item-{place}",
        title=f"{' '.join(words)} {place}",
        category=f"D{place % 30} > C{place % 300} > T{place % 2_000}",
        brand=f"brand {place % 500}",
        price=1 + place % 50,
    )


def _vectors(shop: Shop) -> Iterator[tuple[list[int], Floats]]:
    """Draw unit vectors of a shop's texts, some at a time, as coarse as they are stored."""
    draw = np.random.default_rng(7)
    texts = list(dict.fromkeys(text for item in shop.items for text in texts_of(item)))
    for start in range(0, len(texts), AT_ONCE):
        some = [text_ref(text) for text in texts[start : start + AT_ONCE]]
        drawn = unit(_normal(draw, len(some), DIM)).astype(np.float16)
        yield some, drawn.astype(np.float32)


def _facts(draw: np.random.Generator, refs: Refs, users: int) -> Facts:
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
    blend = Blend(1.0, 0.5, 0.3)
    drawn = Learned(_behaviour(draw, refs), _neighbours(draw, refs), blend, _heads(draw, items))
    orders = replace(_neighbours(draw, refs), decay=np.zeros(KINDS, np.float32))
    return replace(drawn, orders=orders)


def _behaviour(draw: np.random.Generator, refs: Refs) -> Behaviour:
    return Behaviour(
        projection=_normal(draw, DIM, STATE_DIM) / np.float32(DIM**0.5),
        item_refs=refs,
        item_vectors=np.float32(0.05) * _normal(draw, len(refs), STATE_DIM),
        action_gates=draw.uniform(0.2, 2, EVENT_KINDS).astype(np.float32),
        action_vectors=np.float32(0.05) * _normal(draw, EVENT_KINDS, STATE_DIM),
        decay=np.linspace(0.08, 1, SPEEDS).astype(np.float32),
        gap_decay=np.full(SPEEDS, 0.05, np.float32),
        turn=np.eye(STATE_DIM, dtype=np.float32),
    )


def _neighbours(draw: np.random.Generator, refs: Refs) -> Neighbours:
    each = min(NEIGHBOURS, len(refs))
    entries = each * len(refs)
    return Neighbours(
        refs=refs,
        starts=np.arange(0, entries + 1, each),
        others=draw.integers(0, len(refs), entries).astype(np.int32),
        strengths=draw.uniform(0, 0.1, (entries, KINDS)).astype(np.float32),
        action_gates=np.ones(EVENT_KINDS, np.float32),
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
