"""People with planted tastes: what they like, since when, of which brand, at which price.

This is the truth that questions are judged by. Nothing of it is sent; only `life.py` reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sandbox.planted.shop import Shop, top_of
from sandbox.planted.words import LEVELS

DAYS = 60  # of the log
LEFT_DAY = 25  # who left did nothing from this day on
TURN_DAY = 32  # rising and fading tastes turn from this day on
NEW_DAY = 48  # a new taste begins
SHARES = (0.6, 0.24, 0.16)  # of a steady person's tastes
HIGH, LOW = 0.7, 0.04  # share of a taste that rises or fades, at its ends
NEW_SHARE = 0.6

Course = Literal["steady", "rising", "fading", "new", "left"]
# How many of every hundred.
MIX: dict[Course, int] = {"steady": 45, "rising": 15, "fading": 15, "new": 10, "left": 15}


@dataclass(frozen=True, slots=True)
class Person:
    """One shopper, and what is true of them. The first taste is what their course speaks of."""

    id: str
    course: Course
    tastes: tuple[str, ...]  # paths of leaves
    brand: str  # most of what they take is of it
    level: str  # of LEVELS: what they spend

    def shares(self, day: float) -> tuple[float, ...]:
        """Return how much of what they do is about each taste, on a day; it adds up to 1."""
        if self.course in {"steady", "left"}:
            return SHARES
        turned = min(max((day - TURN_DAY) / (DAYS - TURN_DAY), 0), 1)
        first = {
            "rising": LOW + (HIGH - LOW) * turned,
            "fading": HIGH - (HIGH - LOW) * turned,
            "new": NEW_SHARE if day >= NEW_DAY else 0.0,
        }[self.course]
        rest = 1 - first
        return (first, *(rest * share / sum(SHARES[:2]) for share in SHARES[:2]))


def draw_people(shop: Shop, count: int, draw: np.random.Generator) -> tuple[Person, ...]:
    """Draw shoppers; how many of each course follows from MIX, whatever the seed."""
    courses = [course for course, percent in MIX.items() for _ in range(percent * count // 100)]
    courses += ["steady"] * (count - len(courses))
    paths = [leaf.path for leaf in shop.leaves]
    return tuple(
        _person(shop, f"person-{number}", course, paths, draw)
        for number, course in enumerate(courses)
    )


def foreign_leaf(shop: Shop, tastes: Sequence[str], draw: np.random.Generator) -> str:
    """Draw a leaf of a top that no taste lies in."""
    tops = {top_of(taste) for taste in tastes}
    return str(draw.choice([leaf.path for leaf in shop.leaves if leaf.top not in tops]))


def _person(
    shop: Shop, id: str, course: Course, paths: Sequence[str], draw: np.random.Generator
) -> Person:
    level = LEVELS[int(draw.integers(len(LEVELS)))]
    tastes = tuple(map(str, draw.choice(paths, len(SHARES), replace=False)))
    return Person(id, course, tastes, _brand(shop, tastes, level, draw), level)


def _brand(shop: Shop, tastes: Sequence[str], level: str, draw: np.random.Generator) -> str:
    """Draw a favourite of those brands of a level that most tastes have goods of."""
    brands = shop.words.brands[level]
    sold = [{good.brand for good in shop.by_leaf[taste]} for taste in tastes]
    tastes_with = np.array([sum(brand in each for each in sold) for brand in brands])
    return str(draw.choice(np.array(brands)[tastes_with == tastes_with.max()]))
