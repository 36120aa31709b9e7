"""Are lists what people take next, and are the nearest items of the same kind?"""

import numpy as np

from benchmarks.portrait.questions.scoring import Figures, mean, ndcg, share_within
from benchmarks.portrait.side import FIRST, Side, Wish, items_of
from sandbox.planted.life import World
from sandbox.planted.shop import top_of

ASKED = 60  # items


def ask(side: Side, world: World) -> Figures:
    """Ask for what steady people take next, and for the neighbours of some items."""
    figures = {
        "next.ndcg": mean(
            [
                ndcg(items_of(side.recommend(Wish(user, diversity=0))), set(following))
                for user, following in world.following.items()
                if following
            ]
        )
    }
    leaf, top = [], []
    for place in np.random.default_rng(3).permutation(len(world.shop.goods))[:ASKED]:
        good = world.shop.goods[place]
        listed = items_of(side.recommend(Wish(items=[good.id], diversity=0)))
        same_leaf = {each.id for each in world.shop.by_leaf[good.leaf]}
        leaf.append(share_within(listed, same_leaf, FIRST))
        listed_tops = [top_of(world.shop.by_id[id].leaf) for id in listed]
        top.append(share_within(listed_tops, {top_of(good.leaf)}, FIRST))
    return {**figures, "neighbours.leaf": mean(leaf), "neighbours.top": mean(top)}
