"""Does what somebody dislikes go down, with its like, and is it never a reason in favour?"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

import numpy as np

from benchmarks.portrait.questions.scoring import Figures, mean
from benchmarks.portrait.side import Answer, Side, Wish, items_of
from sandbox.planted.life import World, event_of
from sandbox.planted.people import foreign_leaf
from sandbox.planted.shop import Fields, Good
from sandbox.planted.words import SAID

CRITICS = 12  # of each kind
LISTED = 100  # places that are looked at
POPULAR = 50  # places of the strangers' list that somebody may be offered of whom nothing is known
KINDS = ("star", "text", "return")
PRAISE = "praise"  # in words alone
NEGATIVE = {"review", "return"}  # actions of these people that speak against something
MINUTE = timedelta(minutes=1)
NOTHING = 1e-4  # scores are told to so many decimals

Scores = Mapping[str, float]  # by item, best first


def ask(side: Side, world: World, turn: int) -> Figures:
    """Ask before and after somebody speaks against a thing; `turn` names people anew."""
    draw = np.random.default_rng(7 + turn)
    critics = [
        Critic(f"critic-{turn}-{kind}-{number}", kind, world, draw)
        for kind in (*KINDS, PRAISE)
        for number in range(CRITICS)
    ]
    side.tell([event for critic in critics for event in critic.history()])
    before = [_list(side, critic.id) for critic in critics]
    side.tell([critic.verdict() for critic in critics])
    scored: dict[str, list[float]] = defaultdict(list)
    for critic, old in zip(critics, before, strict=True):
        fell = is_lowered(old, _list(side, critic.id), critic.disliked.id, critic.like)
        scored[f"against.{critic.kind}"].append(1 - fell if critic.kind == PRAISE else fell)
        if critic.kind != PRAISE:
            explained = side.recommend(Wish(critic.id, explain=True))
            named = names_nothing_negative(explained, critic.disliked.id)
            scored["against.reasons"].append(named)
    return {
        **{key: mean(scores) for key, scores in scored.items()},
        "against.only": _ask_complainers(side, world, turn, draw),
    }


class Critic:
    """Somebody new who likes two categories, and then says something of one thing of the first."""

    def __init__(self, id: str, kind: str, world: World, draw: np.random.Generator) -> None:
        self.id = id
        self.kind = kind  # of KINDS: by stars, by words alone, or by sending it back; or of PRAISE
        leaf = str(draw.choice([leaf.path for leaf in world.shop.leaves]))
        goods, others = (
            draw.permutation(np.array(world.shop.by_leaf[path], object))
            for path in (leaf, foreign_leaf(world.shop, [leaf], draw))
        )
        self.disliked: Good = goods[0]
        self.like = {good.id for good in goods[1:]}
        self._history: Sequence[Good] = [*goods[1:3], *others[:3]]
        words = world.shop.words
        said = words.praise if kind == PRAISE else words.blame
        self._said = str(draw.choice(said[SAID:]))
        self._at = world.ends_at - 20 * MINUTE
        self._numbers = count(1)

    def history(self) -> list[Fields]:
        """Click on some things, and buy the one."""
        clicks = [self._event("click", good) for good in self._history]
        return [*clicks, self._event("purchase", self.disliked)]

    def verdict(self) -> Fields:
        """Speak against the one, or for it."""
        if self.kind == "return":
            return self._event("return", self.disliked)
        stars: Mapping[str, object] = {"rating": 1} if self.kind == "star" else {}
        return self._event("review", self.disliked, text=self._said, **stars)

    def _event(self, action: str, good: Good, **more: object) -> Fields:
        number = next(self._numbers)
        at: datetime = self._at + number * MINUTE
        return event_of(self.id, action, at, f"{self.id}-{number}", good, **more)


def is_lowered(before: Scores, after: Scores, item: str, like: Collection[str]) -> float:
    """Say whether an item, and on average its like that was listed, stand lower than before.

    Where a thing stands is its score less the mean score of the list, so that a score on another
    scale, or all scores lower alike, is no fall. What left the list stands as its last.
    """
    listed = [id for id in before if id in like]
    fell = item in before and standing(after, [item]) < standing(before, [item]) - NOTHING
    like_fell = bool(listed) and standing(after, listed) < standing(before, listed) - NOTHING
    return float(fell and like_fell)


def standing(scores: Scores, ids: Sequence[str]) -> float:
    """Return the mean score of some items less that of the list, which is not empty."""
    last = min(scores.values())
    return mean([scores.get(id, last) for id in ids]) - mean([*scores.values()])


def names_nothing_negative(explained: Answer, item: str) -> float:
    """Say whether no reason in favour of anything is what was said against an item."""
    reasons = [reason for each in explained["items"] for reason in each["reasons"] or []]
    negative = [
        reason for reason in reasons if reason["item_id"] == item and reason["action"] in NEGATIVE
    ]
    return float(not any(reason["share"] > 0 for reason in negative))


def is_no_anti_item(
    listed: Sequence[str], popular: Collection[str], disliked: Collection[str]
) -> float:
    """Return the share of a list that anybody might be offered, and that is not disliked."""
    return mean([float(id in popular and id not in disliked) for id in listed])


def _ask_complainers(side: Side, world: World, turn: int, draw: np.random.Generator) -> float:
    """Ask for people who only ever complained, each about things of one category."""
    popular = items_of(side.recommend(Wish(limit=POPULAR)))
    leaves = draw.choice([leaf.path for leaf in world.shop.leaves], CRITICS)
    disliked = {
        f"complainer-{turn}-{number}": world.shop.by_leaf[str(leaf)]
        for number, leaf in enumerate(leaves)
    }
    at = world.ends_at - 20 * MINUTE
    side.tell(
        [
            event_of(who, "review", at + place * MINUTE, f"{who}-{place}", good, rating=1)
            for who, goods in disliked.items()
            for place, good in enumerate(goods[:3])
        ]
    )
    return mean(
        [
            is_no_anti_item(
                items_of(side.recommend(Wish(who))), popular, {good.id for good in goods}
            )
            for who, goods in disliked.items()
        ]
    )


def _list(side: Side, user: str) -> Scores:
    answer = side.recommend(Wish(user, limit=LISTED, seen_too=True, diversity=0))
    return {str(item["item_id"]): float(item["score"]) for item in answer["items"]}
