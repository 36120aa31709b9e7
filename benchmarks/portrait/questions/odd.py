"""Does one odd purchase leave most of a list where it was?"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from benchmarks.portrait.questions.scoring import Figures, mean
from benchmarks.portrait.side import FIRST, Side, Wish, items_of
from sandbox.planted.life import World, event_of
from sandbox.planted.people import foreign_leaf

ASKED = 15  # people
MOST_MOVED = 3  # of the first ten


def ask(side: Side, world: World, turn: int) -> Figures:
    """Ask steady people for a list before and after; those of another turn are others."""
    draw = np.random.default_rng(11 + turn)
    people = world.of_course("steady")[::-1][turn * ASKED : (turn + 1) * ASKED]
    before = [items_of(side.recommend(Wish(person.id))) for person in people]
    at = world.ends_at + timedelta(minutes=10)
    events = []
    for person in people:
        goods = world.shop.by_leaf[foreign_leaf(world.shop, person.tastes, draw)]
        good = goods[int(draw.integers(len(goods)))]
        events.append(event_of(person.id, "purchase", at, f"{person.id}-gift-{turn}", good))
    side.tell(events)
    after = [items_of(side.recommend(Wish(person.id))) for person in people]
    return {"odd.moved": mean([few_moved(*each) for each in zip(before, after, strict=True)])}


def few_moved(before: Sequence[str], after: Sequence[str]) -> float:
    """Say whether no more than some of the first ten were replaced."""
    return float(len(set(before[:FIRST]) - set(after[:FIRST])) <= MOST_MOVED)
