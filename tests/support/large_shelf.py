"""A shelf of any size, drawn by arrays: categories of like items, shoppers who keep to a few."""

from dataclasses import dataclass, replace

import numpy as np

from portrait.arrays import MISSING, Floats, Refs
from portrait.catalogue.catalogue import ALWAYS, FOREVER
from portrait.catalogue.names import Names, Paths
from portrait.catalogue.traits import Traits, levels_of, tops_of
from portrait.catalogue.variants import Groups, Variants
from portrait.events.columns import EVENT
from portrait.events.item import Item
from portrait.inference.explain import Evidence, weighed
from portrait.inference.index import build
from portrait.inference.shelf import Shelf
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.model.behaviour import Behaviour
from portrait.model.kinds import KINDS
from portrait.model.learned import Blend, Learned
from portrait.model.neighbours import Neighbours
from portrait.model.space import Vectors, unit

DIM, STATE_DIM = 64, 32
CATEGORIES, BRANDS, PRICES = 200, 50, 40
EVENTS, FAVOURITES = 20, 4  # of a shopper, and how many categories they keep to
NEIGHBOURS = 10  # of each item
NOW_MS, HOUR_MS = 1_790_000_000_000, 3_600_000
SPREAD = 0.7  # of the items of a category


@dataclass(frozen=True)
class Large:
    """N items, some of them cold, and a model of them."""

    shelf: Shelf
    refs: Refs  # (N,)
    learned: Learned

    def indexed(self) -> Shelf:
        """Return the shelf with an index."""
        index = build(self.shelf)
        return replace(self.shelf, finder=index, fresh=index.fresh(self.shelf))

    def taste(self, seed: int, *, is_learned: bool = True) -> Taste | FirstTaste:
        """Draw a shopper, and see what they did as the model does."""
        draw = np.random.default_rng(seed)
        favourite = draw.choice(draw.integers(0, CATEGORIES, FAVOURITES), EVENTS)
        of_each = len(self.refs) // CATEGORIES
        rows = favourite + CATEGORIES * draw.integers(0, of_each, EVENTS)
        ring = np.zeros(EVENTS, EVENT)
        ring["at"] = NOW_MS - np.cumsum(draw.integers(1, 100, EVENTS)) * HOUR_MS
        ring["id"], ring["ref"], ring["quantity"] = np.arange(EVENTS) + 1, self.refs[rows], 1
        ring["price"] = self.shelf.price[rows]
        ring["action"] = draw.choice([0, 1, 3], EVENTS)
        known, shelf = np.ones(EVENTS, np.bool_), self.shelf
        vectors = shelf.matrix[shelf.text[rows]]
        evidence = Evidence(
            ring, weighed(ring, known), vectors, rows, known, shelf.placed[shelf.place[rows]]
        )
        return taste_of(evidence, self.learned) if is_learned else FirstTaste(evidence)


def large(items: int, blend: Blend, *, seed: int = 1, cold: float = 0.2) -> Large:
    """Draw items, a multiple of CATEGORIES.

    Args:
        items: N.
        blend: What each part of a score counts.
        seed: Of everything.
        cold: Share of items that nobody had taken.
    """
    draw = np.random.default_rng(seed)
    refs = draw.permutation(
        np.arange(1, items + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    )
    centres = draw.standard_normal((CATEGORIES, DIM), np.float32)
    noise = draw.standard_normal((items, DIM), np.float32)
    number = np.arange(items)
    matrix = unit(centres[number % CATEGORIES] + np.float32(SPREAD) * noise)
    known = np.sort(refs[draw.random(items) >= cold])
    learned = Learned(_behaviour(draw, known), _neighbours(draw, known), blend)
    placed = learned.behaviour.items(refs, matrix)
    return Large(_shelf(refs, matrix, placed, learned), refs, learned)


def _shelf(refs: Refs, matrix: Vectors, placed: Floats, learned: Learned) -> Shelf:
    items, number = len(refs), np.arange(len(refs))
    categories, brands = Paths(), Names()
    category = np.array([categories.code(f"D{n % 10} > C{n}") for n in range(CATEGORIES)])
    brand = np.array([brands.code(f"brand {n}") for n in range(BRANDS)])
    interest, price = category[number % CATEGORIES], (1 + number % PRICES).astype(np.float32)
    neighbour = learned.neighbours.find(refs)
    nearby = np.full(len(learned.neighbours), items)
    nearby[neighbour[neighbour != MISSING]] = np.flatnonzero(neighbour != MISSING)
    return Shelf(
        space_id="drawn",
        matrix=matrix,
        items=(Item(id="drawn", title="drawn"),) * items,
        text=number,
        interest=interest,
        category=interest,
        brand=brand[number % BRANDS],
        price=price,
        since=np.full(items, ALWAYS),
        offered=np.ones(items, np.bool_),
        hidden=np.zeros(items, np.bool_),
        variants=Variants(np.full(items, MISSING), Groups(), are_any=False),
        changes_at=FOREVER,
        categories=categories,
        brands=brands,
        placed=placed,
        place=number,
        neighbour=neighbour,
        nearby=nearby,
        told=np.ones(items, np.bool_),
        sold_categories=frozenset(category.tolist()),
        sold_brands=frozenset(brand.tolist()),
        unplaced=np.zeros(0, np.int64),
        traits=Traits(interest, levels_of(interest, price), tops_of(categories)),
    )


def _behaviour(draw: np.random.Generator, known: Refs) -> Behaviour:
    return Behaviour(
        projection=draw.standard_normal((DIM, STATE_DIM), np.float32) / np.float32(DIM**0.5),
        item_refs=known,
        item_vectors=np.float32(0.05) * draw.standard_normal((len(known), STATE_DIM), np.float32),
        action_gates=draw.uniform(0.2, 2, KINDS).astype(np.float32),
        action_vectors=np.float32(0.05) * draw.standard_normal((KINDS, STATE_DIM), np.float32),
        decay=np.linspace(0.1, 0.6, 4).astype(np.float32),
        gap_decay=np.full(4, 0.05, np.float32),
        turn=np.eye(STATE_DIM, dtype=np.float32),
    )


def _neighbours(draw: np.random.Generator, known: Refs) -> Neighbours:
    entries = NEIGHBOURS * len(known)
    return Neighbours(
        refs=known,
        starts=np.arange(0, entries + 1, NEIGHBOURS),
        others=draw.integers(0, len(known), entries).astype(np.int32),
        strengths=draw.uniform(0, 0.3, (entries, 1)).astype(np.float32),
        action_gates=np.ones(KINDS, np.float32),
        decay=np.array([0.2], np.float32),
        gap_decay=np.zeros(1, np.float32),
        kinds=np.ones(1, np.float32),
    )
