"""What people do: visits about their tastes, as events in the wire format, and what comes next.

A visit is about one taste: perhaps a search in words of its own, then clicks on what was meant,
sometimes a cart, a purchase, a review, a return. Beside it: odd purchases and gifts, anonymous
visits, and bots that click on everything alike.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from portrait.arrays import Doubles
from sandbox.planted.people import DAYS, LEFT_DAY, Person, draw_people, foreign_leaf
from sandbox.planted.shop import Fields, Good, Shop
from sandbox.planted.words import KNOWN, SAID

VISITS = 28  # of a shopper, in DAYS
MOST_GOODS = 3  # looked at in a visit
AGAIN = 0.6  # of them, looked at before
SEARCHES = 0.3  # visits that begin with a search
BROWSES, CARTS, BUYS = 0.3, 0.3, 0.6  # of goods looked at; of clicks; of carts
REVIEWS, BLAMES, RETURNS = 0.35, 0.2, 0.08  # of purchases; of reviews; of purchases
RATED = 0.6  # reviews with stars
FAITH, THRIFT = 8.0, 4.0  # pull of the favourite brand; of the price level, over the percentile
LIKES_PRICE = {"cheap": 0.1, "middle": 0.5, "luxury": 0.9}  # percentile in the leaf
ODD = 0.3  # people who once buy something else, half of them as a gift
VISITORS = 0.1  # anonymous ones for each shopper
BOTS, BOT_DAYS, BOT_EVENTS = 2, 4, 300  # events a day
NEXT = 5  # goods that a steady shopper takes after the log
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class World:
    """A shop, the truth about its people, and the log of what they did."""

    shop: Shop
    people: tuple[Person, ...]
    odd: Mapping[str, str]  # by person: the leaf of the one odd purchase
    following: Mapping[str, Sequence[str]]  # by steady person: ids that they take after the log
    events: Sequence[Fields]  # in order of time
    ends_at: datetime  # nothing happened later

    def of_course(self, *courses: str) -> list[Person]:
        """Return the people of some courses, in order."""
        return [person for person in self.people if person.course in courses]


def live(shop: Shop, people: int, seed: int, ends_at: datetime) -> World:
    """Let people live; the same arguments give the same world.

    Args:
        shop: Where.
        people: Shoppers with tastes; visitors and bots come beside them.
        seed: Of the draw.
        ends_at: When the log ends, DAYS after it began.
    """
    draw = np.random.default_rng((seed, people, len(shop.goods)))
    drawn = draw_people(shop, people, draw)
    life = _Life(shop, draw, ends_at - timedelta(days=DAYS))
    odd: dict[str, str] = {}
    for person in drawn:
        life.shopper(person)
        if draw.random() < ODD:
            odd[person.id] = life.odd_purchase(person)
    for number in range(int(people * VISITORS)):
        life.visitor(number)
    for number in range(BOTS):
        life.bot(number)
    following = {person.id: life.next(person) for person in drawn if person.course == "steady"}
    events = tuple(sorted(life.events, key=lambda event: str(event["occurred_at"])))
    return World(shop, drawn, odd, following, events, ends_at)


class _Life:
    """Writes the log. Lives as long as one draw."""

    def __init__(self, shop: Shop, draw: np.random.Generator, begins_at: datetime) -> None:
        self.events: list[Fields] = []
        self._shop = shop
        self._draw = draw
        self._begins_at = begins_at
        self._count: Counter[str] = Counter()  # events by who
        self._touched: dict[str, dict[str, None]] = {}  # ids by who, in the order of first touch
        self._due: dict[tuple[str, str, str], float] = {}  # by who, leaf and action
        self._odds: dict[tuple[str, str], Doubles] = {}  # running, by person and leaf

    def shopper(self, person: Person) -> None:
        """Come many times, about one taste each time."""
        last = LEFT_DAY if person.course == "left" else DAYS
        days = np.sort(self._draw.uniform(0, last - 0.2, VISITS * last // DAYS))
        for number, (day, taste) in enumerate(zip(days, _dealt(person, days), strict=True)):
            self._visit(person, taste, float(day), f"{person.id}-{number}")

    def odd_purchase(self, person: Person) -> str:
        """Buy one thing of a foreign top; half of the time as a gift. Returns its leaf."""
        leaf = foreign_leaf(self._shop, person.tastes, self._draw)
        last = LEFT_DAY if person.course == "left" else DAYS
        at = self._at(float(self._draw.uniform(5, last - 3)))
        good = self._shop.by_leaf[leaf][int(self._draw.integers(len(self._shop.by_leaf[leaf])))]
        session = f"{person.id}-odd"
        self._tell(person.id, "purchase", at, session, good)
        return leaf

    def visitor(self, number: int) -> None:
        """Come once, without a name."""
        leaf = str(self._draw.choice(list(self._shop.by_leaf)))
        person = Person(f"anonymous:visitor-{number}", "steady", (leaf,), "", "middle")
        self._visit(person, leaf, float(self._draw.uniform(0, DAYS - 0.2)), f"visit-{number}")

    def bot(self, number: int) -> None:
        """Click on everything alike, hundreds of times a day."""
        for day in range(DAYS - BOT_DAYS, DAYS):
            for place in range(BOT_EVENTS):
                good = self._shop.goods[int(self._draw.integers(len(self._shop.goods)))]
                at = self._at(day + 0.9 * place / BOT_EVENTS)
                self._tell(f"bot-{number}", "click", at, f"bot-{number}-{day}", good)

    def next(self, person: Person) -> list[str]:
        """Return goods that somebody takes after the log, none that they touched in it."""
        new: list[str] = []
        seen = set(self._touched[person.id])
        goods = [good for taste in person.tastes for good in self._shop.by_leaf[taste]]
        most = min(NEXT, len({good.id for good in goods} - seen))
        while len(new) < most:
            taste = str(self._draw.choice(person.tastes, p=person.shares(DAYS)))
            good = self._choose(person, taste)
            if good.id not in seen and good.id not in new:
                new.append(good.id)
        return new

    def _visit(self, person: Person, leaf: str, day: float, session: str) -> None:
        """Search perhaps, then look at some goods of a leaf."""
        moments = self._moments(self._at(day))
        if self._draw.random() < SEARCHES:
            (words,) = [each for each in self._shop.leaves if each.path == leaf]
            text = words.searches[int(self._draw.integers(KNOWN))]
            self._tell(person.id, "search", next(moments), session, text=text)
        for _ in range(1 + int(self._draw.integers(MOST_GOODS))):
            good = self._again(person, leaf) or self._choose(person, leaf)
            self._look(person.id, good, moments, session)

    def _look(self, who: str, good: Good, moments: Iterator[datetime], session: str) -> None:
        if self._draw.random() < BROWSES:
            self._tell(who, "browse", next(moments), session, good)
            return
        self._tell(who, "click", next(moments), session, good)
        if self._is_due(who, good.leaf, "cart", CARTS):
            self._tell(who, "cart", next(moments), session, good)
            if self._is_due(who, good.leaf, "purchase", BUYS):
                self._tell(who, "purchase", next(moments), session, good)
                self._after(who, good, moments, session)

    def _is_due(self, who: str, leaf: str, action: str, share: float) -> bool:
        """Say whether somebody goes on to an action: evenly, so that luck hides no taste."""
        key = who, leaf, action
        due = self._due.get(key, self._draw.random()) + share
        self._due[key] = due - int(due)
        return due >= 1

    def _after(self, who: str, good: Good, moments: Iterator[datetime], session: str) -> None:
        """Say what one thinks of a purchase, or send it back."""
        words = self._shop.words
        if self._draw.random() < REVIEWS:
            blames = self._draw.random() < BLAMES
            said = (words.blame if blames else words.praise)[:SAID]
            more: Fields = {"text": said[int(self._draw.integers(len(said)))]}
            if self._draw.random() < RATED:
                more["rating"] = 1 if blames else 5
            self._tell(who, "review", next(moments), session, good, **more)
        if self._draw.random() < RETURNS:
            self._tell(who, "return", next(moments), session, good)

    def _again(self, person: Person, leaf: str) -> Good | None:
        """Come back to a thing of a leaf that was looked at before; None: to none."""
        seen = self._touched.get(person.id, {})
        known = [id for id in seen if self._shop.by_id[id].leaf == leaf]
        if not known or self._draw.random() > AGAIN:
            return None
        return self._shop.by_id[known[int(self._draw.integers(len(known)))]]

    def _choose(self, person: Person, leaf: str) -> Good:
        """Draw what suits somebody's brand and purse."""
        goods, key = self._shop.by_leaf[leaf], (person.id, leaf)
        if key not in self._odds:
            places = np.array([self._shop.percentile[good.id] for good in goods])
            pull = np.exp(-THRIFT * np.abs(places - LIKES_PRICE[person.level]))
            pull *= np.where([good.brand == person.brand for good in goods], FAITH, 1)
            self._odds[key] = np.cumsum(pull / pull.sum())
        place = int(np.searchsorted(self._odds[key], self._draw.random()))
        return goods[min(place, len(goods) - 1)]

    def _at(self, day: float) -> datetime:
        return self._begins_at + timedelta(days=day)

    def _moments(self, at: datetime) -> Iterator[datetime]:
        """Go on from a moment, a few minutes at a time."""
        while True:
            yield at
            at += MINUTE * float(self._draw.uniform(0.5, 4))

    def _tell(
        self,
        who: str,
        action: str,
        at: datetime,
        session: str,
        good: Good | None = None,
        **more: object,
    ) -> None:
        self._count[who] += 1
        event = event_of(who, action, at, f"{who}-{self._count[who]}", good, **more)
        self.events.append({**event, "session_id": session})
        if good is not None:
            self._touched.setdefault(who, {})[good.id] = None


def _dealt(person: Person, days: Doubles) -> list[str]:
    """Deal visits to tastes by their shares, so that chance hides no taste and no trend.

    Each visit is about the taste that is furthest behind what its shares so far add up to.
    """
    due = np.zeros(len(person.tastes))
    dealt = []
    for day in days:
        due += person.shares(float(day))
        taste = int(due.argmax())
        due[taste] -= 1
        dealt.append(person.tastes[taste])
    return dealt


def event_of(
    who: str, action: str, at: datetime, id: str, good: Good | None = None, **more: object
) -> Fields:
    """Write an event in the wire format.

    Args:
        who: A user id, or `anonymous:` and an anonymous id.
        action: What was done.
        at: When it happened.
        id: Of the event.
        good: What it is about; none for a search.
        **more: Further fields: `text`, `rating`.
    """
    known, _, nameless = who.partition("anonymous:")
    event: Fields = {
        "event_id": id,
        "type": action,
        **({"user_id": known} if known else {"anonymous_id": nameless}),
        "occurred_at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        **more,
    }
    if good is not None:
        event["item_id"] = good.id
        if action == "purchase":
            event["price"] = good.price
    return event


def profile_key(event: Fields) -> str:
    """Return the name of the profile that an event belongs to, which is its Kafka key."""
    return str(event.get("user_id") or f"anonymous:{event['anonymous_id']}")
