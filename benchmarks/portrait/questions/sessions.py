"""Does what somebody does now win: a session about something that they never touched?"""

import numpy as np

from benchmarks.portrait.questions.scoring import Figures, mean, share_within
from benchmarks.portrait.side import Side, Wish, items_of
from sandbox.planted.life import World
from sandbox.planted.people import foreign_leaf

ASKED = 40  # people
CLICKED = 2  # items of a session
FIVE = 5


def ask(side: Side, world: World) -> Figures:
    """Ask with sessions of two items, and of a search that was made before."""
    draw = np.random.default_rng(5)
    scores: dict[str, list[float]] = {}
    searched = {leaf.path: leaf.searches[0] for leaf in world.shop.leaves}
    for person in world.of_course("steady")[:ASKED]:
        leaf = foreign_leaf(world.shop, [*person.tastes, world.odd.get(person.id, "")], draw)
        goods = [good.id for good in world.shop.by_leaf[leaf]]
        items = draw.choice(goods, CLICKED, replace=False).tolist()
        for who, user in (("known", person.id), ("anonymous", None)):
            for kind, wish in (
                ("items", Wish(user, items=items, limit=FIVE)),
                ("search", Wish(user, texts=[searched[leaf]], limit=FIVE)),
            ):
                score = share_within(items_of(side.recommend(wish)), goods, FIVE)
                scores.setdefault(f"session.{kind}.{who}", []).append(score)
    return {key: mean(each) for key, each in scores.items()}
