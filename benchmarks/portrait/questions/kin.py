"""When all goods of the favourite category are seen: does its next of kin follow, not noise?"""

from datetime import timedelta

from benchmarks.portrait.questions.scoring import Figures, mean, share_within
from benchmarks.portrait.side import Side, Wish, items_of
from sandbox.planted.life import World, event_of
from sandbox.planted.shop import top_of

COLLECTORS = 15
MOST_GOODS = 60  # of a leaf: with more, a profile does not remember all that was seen
FIVE = 5


def ask(side: Side, world: World, turn: int) -> Figures:
    """Ask for people who clicked on everything of one category; nothing of a large shop."""
    stock = dict([*world.shop.by_leaf.items()][:COLLECTORS])
    if max(map(len, stock.values())) > MOST_GOODS:
        return {}
    at = world.ends_at - timedelta(hours=3)
    names = {f"collector-{turn}-{number}": leaf for number, leaf in enumerate(stock)}
    side.tell(
        [
            event_of(who, "click", at + timedelta(minutes=place), f"{who}-{place}", good)
            for who, leaf in names.items()
            for place, good in enumerate(stock[leaf])
        ]
    )
    scores = []
    for who, leaf in names.items():
        near = [path for path in world.shop.by_leaf if top_of(path) == top_of(leaf)]
        kin = {good.id for path in near if path != leaf for good in world.shop.by_leaf[path]}
        scores.append(share_within(items_of(side.recommend(Wish(who, limit=FIVE))), kin, FIVE))
    return {"kin.five": mean(scores)}
