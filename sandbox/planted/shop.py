"""A shop with nested categories: titles of brand, attributes and noun; prices drawn by leaf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from sandbox.planted.words import LEVELS, Book, LeafWords, Words, read_words

SMALL = 300  # items: a small shop has no third level, and not every category
SMALL_TOPS, SMALL_LEAVES = 5, 4  # of a small shop, and of each of its tops
PRICE_OF_LEVEL = {"cheap": 0.5, "middle": 1.0, "luxury": 2.2}  # times the price of the leaf
LEAF_PRICES = (8.0, 150.0)  # of the middle level
NOISE = 0.15  # of the logarithm of a price
ATTRIBUTES = 2  # in a title

Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Good:
    """An item, and what was drawn for it."""

    id: str
    title: str
    leaf: str  # path of two levels, as an interest names it
    category: str  # path as the catalogue has it: of a larger shop, one level more
    brand: str
    level: str  # of LEVELS
    price: float

    @property
    def fields(self) -> Fields:
        """The item as a message on the topic `items`."""
        return {
            "id": self.id,
            "title": self.title,
            "category": self.category,
            "brand": self.brand,
            "price": self.price,
        }


@dataclass(frozen=True)  # without slots: it remembers its look-ups
class Shop:
    """A catalogue and the words it was made of."""

    words: Words
    leaves: tuple[LeafWords, ...]
    goods: tuple[Good, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Good]:
        """The goods by id."""
        return {good.id: good for good in self.goods}

    @cached_property
    def by_leaf(self) -> Mapping[str, Sequence[Good]]:
        """The goods of each leaf's path."""
        return {leaf: tuple(goods) for leaf, goods in groupby(self.goods, lambda good: good.leaf)}

    @cached_property
    def percentile(self) -> Mapping[str, float]:
        """Where each item's price stands in its leaf: 0 the cheapest, 1 the dearest."""
        places: dict[str, float] = {}
        for goods in self.by_leaf.values():
            ordered = sorted(goods, key=lambda good: good.price)
            most = max(len(ordered) - 1, 1)
            places |= {good.id: place / most for place, good in enumerate(ordered)}
        return places


def open_shop(book: Book, items: int, seed: int) -> Shop:
    """Draw a shop; the same arguments give the same shop.

    Args:
        book: Where its words stand.
        items: How many goods; every leaf has as many, give or take one.
        seed: Of the draw.
    """
    draw = np.random.default_rng((seed, items))
    words = read_words(book)
    leaves = _small(words.leaves) if items <= SMALL else words.leaves
    sizes = [len(part) for part in np.array_split(np.arange(items), len(leaves))]
    goods: list[Good] = []
    for leaf, size in zip(leaves, sizes, strict=True):
        goods += _stock(draw, words, leaf, range(len(goods), len(goods) + size), deep=items > SMALL)
    return Shop(words, leaves, tuple(goods))


def top_of(path: str) -> str:
    """Return the widest level of a category path."""
    return path.split(" > ", maxsplit=1)[0]


def _small(leaves: Sequence[LeafWords]) -> tuple[LeafWords, ...]:
    tops = list(dict.fromkeys(leaf.top for leaf in leaves))[:SMALL_TOPS]
    return tuple(
        leaf for top in tops for leaf in [each for each in leaves if each.top == top][:SMALL_LEAVES]
    )


def _stock(
    draw: np.random.Generator, words: Words, leaf: LeafWords, numbers: range, *, deep: bool
) -> list[Good]:
    """Draw the goods of a leaf; no two have the same title."""
    middle = leaf.price or float(np.exp(draw.uniform(*np.log(LEAF_PRICES))))
    goods: list[Good] = []
    taken: set[str] = set()
    for number in numbers:
        level = LEVELS[number % len(LEVELS)]
        while True:
            brand = str(draw.choice(leaf.brands[level]))
            noun = str(draw.choice(leaf.nouns))
            attributes = draw.choice(leaf.attributes, ATTRIBUTES, replace=False).tolist()
            title = words.title(brand, attributes, noun)
            if title not in taken:
                break
        taken.add(title)
        price = middle * PRICE_OF_LEVEL[level] * float(np.exp(draw.normal(0, NOISE)))
        category = f"{leaf.path} > {noun}" if deep else leaf.path
        good = Good(f"item-{number}", title, leaf.path, category, brand, level, round(price, 2))
        goods.append(good)
    return goods
