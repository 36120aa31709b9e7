"""The script: a Chinese shop, what people with planted tastes did there, and what they said.

words ─▶ shop ─▶ people's lives ─▶ their reviews and searches, as they are written
                 guests ─▶ one purchase, one review        ─▶ log ─▶ past | replay
                 a bad batch ─▶ complaints, all at once
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from demo.zh.reviews import Review, Reviews, open_reviews
from demo.zh.writing import WRITE
from sandbox.planted.life import World, event_of, live, profile_key
from sandbox.planted.people import DAYS, Person
from sandbox.planted.shop import Fields, Good, Shop, open_shop
from sandbox.planted.words import KNOWN

SEED = 1
REPLAYED = timedelta(days=6)  # of the log; what was before it is learned from
RATED, BLAMES = 0.9, 0.3  # guests' reviews with stars, and that complain
STARS = {True: (1, 2), False: (4, 5)}  # of blame, of praise
WISHES, REMOVES = 0.05, 0.3  # of clicks; of carts
BAD_LEAF = "洗发水"  # one of its goods is a bad batch
BAD_DAILY, USUAL_DAILY = 7, 2  # reviews of it a day, once it is sold and before
USUAL_BLAMES, BAD_BLAMES = 0.12, 0.85  # of them complain
SEEKS = (
    "as written",
    "as written",
    "traditional",
    "full width",
)  # new searches of a leaf


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a shop is played."""

    items: int = 600
    people: int = 250
    guests: int = 2_000  # who come once


@dataclass(frozen=True, slots=True)
class Search:
    """A search that nobody has made, and the leaf whose goods are meant."""

    text: str
    leaf: str  # path
    form: str  # of WRITE


@dataclass(frozen=True, slots=True)
class Script:
    """What is sold, what was done before the replay and in it, and what nobody has said yet."""

    world: World
    past: Sequence[Fields]
    replay: Sequence[Fields]
    bad: Good  # what turned bad when the replay begins
    searches: Sequence[Search]
    held_out: Sequence[Review]

    @property
    def shop(self) -> Shop:
        """What is sold."""
        return self.world.shop

    def telling(self) -> Person:
        """Return whose taste rises most plainly: who searched of late, and did most about it."""
        searched = {profile_key(event) for event in self.replay if event["type"] == "search"}
        about = Counter(
            (profile_key(event), self.shop.by_id[str(event["item_id"])].leaf)
            for event in self.replay
            if "item_id" in event
        )
        return max(
            self.world.of_course("rising"),
            key=lambda person: (person.id in searched, about[person.id, person.tastes[0]]),
        )


def write_script(plan: Plan, archive: Path | None, ends_at: datetime) -> Script:
    """Draw all that happens; the same arguments give the same.

    Args:
        plan: How large.
        archive: Real reviews, see `open_reviews`.
        ends_at: When the log ends.
    """
    draw = np.random.default_rng(SEED)
    shop = open_shop("zh-shop", plan.items, SEED)
    world = live(shop, plan.people, SEED, ends_at)
    reviews = open_reviews(shop.words, archive, draw)
    bad = next(good for good in shop.goods if good.leaf.endswith(BAD_LEAF))
    log = [
        *_as_written(world, reviews, draw),
        *_second_thoughts(world, draw),
        *_guests(shop, plan.guests, reviews, ends_at, draw),
        *_bad_batch(shop, bad, reviews, ends_at, draw),
    ]
    log.sort(key=lambda event: str(event["occurred_at"]))
    since = (ends_at - REPLAYED).isoformat()
    cut = sum(str(event["occurred_at"]) < since for event in log)
    return Script(world, log[:cut], log[cut:], bad, _searches(shop), reviews.held_out)


def _searches(shop: Shop) -> list[Search]:
    """Return the searches that nobody has made, some in other forms of writing."""
    return [
        Search(WRITE[form](text), leaf.path, form)
        for leaf in shop.leaves
        for text, form in zip(leaf.searches[KNOWN:], SEEKS, strict=True)
    ]


def _as_written(world: World, reviews: Reviews, draw: np.random.Generator) -> Iterator[Fields]:
    """Write what people search and say: half of the searches in another form of writing."""
    blame = {*world.shop.words.blame}
    for event in world.events:
        text = str(event.get("text"))
        if event["type"] == "search":
            yield {**event, "text": WRITE[str(draw.choice(SEEKS))](text)}
        elif event["type"] == "review":
            leaf = _name(world.shop.by_id[str(event["item_id"])])
            yield {**event, "text": reviews.next(leaf, is_blame=text in blame)}
        else:
            yield event


def _second_thoughts(world: World, draw: np.random.Generator) -> Iterator[Fields]:
    """Take things out of carts that were not bought, and wish for some that were looked at."""
    bought = {
        (event["session_id"], event["item_id"])
        for event in world.events
        if event["type"] == "purchase"
    }
    shoppers = {person.id for person in world.people}
    for event in world.events:
        if profile_key(event) not in shoppers:
            continue
        is_left = event["type"] == "cart" and (event["session_id"], event["item_id"]) not in bought
        if is_left and draw.random() < REMOVES:
            yield _later(event, "remove")
        elif event["type"] == "click" and draw.random() < WISHES:
            yield _later(event, "wish")


def _later(event: Fields, action: str) -> Fields:
    """Return what somebody did a little later with what an event is about."""
    at = datetime.fromisoformat(str(event["occurred_at"])) + timedelta(seconds=20)
    return {
        **event,
        "event_id": f"{event['event_id']}-{action}",
        "type": action,
        "occurred_at": at.isoformat(timespec="milliseconds"),
    }


def _guests(
    shop: Shop, count: int, reviews: Reviews, ends_at: datetime, draw: np.random.Generator
) -> Iterator[Fields]:
    """Let people come who buy one thing and review it."""
    goods = [good for good in shop.goods if _name(good) in reviews.leaves]
    for number in range(count):
        good = goods[int(draw.integers(len(goods)))]
        is_blame = bool(draw.random() < BLAMES)
        text = reviews.next(_name(good), is_blame=is_blame)
        at = ends_at - timedelta(days=float(draw.uniform(0.2, DAYS)))
        yield from _bought(f"guest-{number}", good, at, text, is_blame=is_blame, draw=draw)


def _bad_batch(
    shop: Shop, bad: Good, reviews: Reviews, ends_at: datetime, draw: np.random.Generator
) -> Iterator[Fields]:
    """Let a thing be bought and liked as any, and from the replay on be a bad batch."""
    number = 0
    for day in range(DAYS):
        at = ends_at - timedelta(days=DAYS - day)
        is_bad = at >= ends_at - REPLAYED
        for _ in range(BAD_DAILY if is_bad else USUAL_DAILY):
            is_blame = bool(draw.random() < (BAD_BLAMES if is_bad else USUAL_BLAMES))
            text = reviews.next(_name(bad), is_blame=is_blame)
            if is_bad and is_blame:
                text = shop.words.wave[number % len(shop.words.wave)]
            moment = at + timedelta(hours=float(draw.uniform(0, 20)))
            yield from _bought(f"buyer-{number}", bad, moment, text, is_blame=is_blame, draw=draw)
            number += 1


def _bought(  # noqa: PLR0913 - who bought what, and what they say of it
    who: str, good: Good, at: datetime, text: str, *, is_blame: bool, draw: np.random.Generator
) -> Iterator[Fields]:
    """Buy a thing, and review it an hour later, most often with stars."""
    yield event_of(who, "purchase", at, f"{who}-1", good)
    rating = STARS[is_blame][int(draw.integers(2))]
    more: Fields = {"text": text, **({"rating": rating} if draw.random() < RATED else {})}
    yield event_of(who, "review", at + timedelta(hours=1), f"{who}-2", good, **more)


def _name(good: Good) -> str:
    """Return the name of a good's leaf."""
    return good.leaf.rsplit(" > ", maxsplit=1)[-1]
