"""Plain baselines: what people touched, counted. They read the same events as the service.

An interest is a category's share of the counts, a brand likewise; a list has the items of the
categories by their share, what is popular first. A search is what was clicked after it before.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from benchmarks.portrait.side import Answer, Wish
from sandbox.planted.life import profile_key
from sandbox.planted.shop import Fields, Shop

WEIGHTS: Mapping[str, float] = {
    "browse": 0.2,
    "click": 0.5,
    "cart": 2.0,
    "purchase": 4.0,
    "review": 1.0,
    "return": -4.0,
}
PRAISED, BLAMED = 4, 2  # stars: from here up, from here down
PRAISE, BLAME = 3.0, -3.0
HALF_LIFE = timedelta(days=30)
LATEST = 20  # events that the other baseline counts
LATE = timedelta(days=14)  # against what was before: whither a taste goes
MOVED = 0.2  # of the share: less is steady
GONE = timedelta(days=28)  # of silence
SEEN = 64  # newest events whose items are not offered again, as the service does

Weigh = Callable[[Sequence[Fields]], list[float]]  # a user's events, newest first -> their weights
Shares = dict[str, float]


class Counting:
    """Counts by category and brand."""

    def __init__(self, name: str, shop: Shop, weigh: Weigh, now: datetime) -> None:
        self.name = name
        self._shop = shop
        self._weigh = weigh
        self._now = now
        self._events: dict[str, list[Fields]] = defaultdict(list)  # by profile, oldest first
        self._popular: Counter[str] = Counter()  # by item
        self._meant: dict[str, Counter[str]] = defaultdict(Counter)  # by search: leaves clicked

    def tell(self, events: Sequence[Fields]) -> None:
        """Count events, which are in order of time."""
        for event in events:
            before = self._events[profile_key(event)]
            if "item_id" in event:
                self._popular[str(event["item_id"])] += 1
                self._learn_search(before, event)
            before.append(event)

    def profile(self, user: str) -> Answer | None:
        """Say what the counts say; nothing is learned, so no probability is told."""
        newest = self._events[user][::-1]
        if not newest:
            return None
        shares = self._shares(newest, self._weigh(newest), self._leaf)
        brands = self._shares(newest, self._weigh(newest), self._brand)
        return {
            "interests": [
                {
                    "category": leaf,
                    "score": share,
                    "direction": self._direction(newest, leaf),
                    "evidence": [],
                }
                for leaf, share in _largest(shares)
            ],
            "brands": [{"brand": brand, "share": share} for brand, share in _largest(brands)],
            "churn_risk": None,
        }

    def recommend(self, wish: Wish) -> Answer:
        """List the items of the likeliest categories, the popular ones of each first."""
        newest = self._events[wish.user][::-1] if wish.user is not None else []
        shares, brands = self._wanted(wish, newest)
        left_out = {*wish.exclude, *wish.items}
        if not wish.seen_too:
            left_out |= {str(event.get("item_id")) for event in newest[:SEEN]}
        wanted = self._popular
        most = max(wanted.values(), default=1)
        scored = [
            (
                shares.get(good.leaf, 0.0)
                + 0.1 * brands.get(good.brand, 0.0)
                + 0.01 * wanted[good.id] / most,
                good,
            )
            for good in self._shop.goods
            if good.id not in left_out
        ]
        scored.sort(key=lambda each: -each[0])
        items = [
            {"item_id": good.id, "score": score, "reasons": []}
            for score, good in scored[: wish.limit]
        ]
        return {"strategy": "profile" if shares else "popular", "items": items}

    def _wanted(self, wish: Wish, newest: Sequence[Fields]) -> tuple[Shares, Shares]:
        """Return the shares of categories and brands: of the session, if it says anything."""
        session: Counter[str] = Counter(self._shop.by_id[item].leaf for item in wish.items)
        for text in wish.texts:
            session += self._meant[text]
        brands = self._shares(newest, self._weigh(newest), self._brand)
        if session:
            return {leaf: count / session.total() for leaf, count in session.items()}, brands
        return self._shares(newest, self._weigh(newest), self._leaf), brands

    def _learn_search(self, before: Sequence[Fields], event: Fields) -> None:
        """Remember what was touched right after a search."""
        if before and before[-1]["type"] == "search":
            self._meant[str(before[-1]["text"])][self._leaf(event)] += 1

    def _direction(self, newest: Sequence[Fields], leaf: str) -> str:
        """Compare the share of a leaf's touches lately with that before."""
        last = _moment(newest[0])
        if self._now - last > GONE:
            return "falling"
        touched = [event for event in newest if "item_id" in event]
        late = [event for event in touched if _moment(event) > last - LATE]
        early = [event for event in touched if _moment(event) <= last - LATE]
        change = self._share(late, leaf) - self._share(early, leaf)
        return "rising" if change > MOVED else "falling" if change < -MOVED else "steady"

    def _share(self, events: Sequence[Fields], leaf: str) -> float:
        return sum(self._leaf(event) == leaf for event in events) / max(len(events), 1)

    def _shares(
        self, newest: Sequence[Fields], weights: Sequence[float], name: Callable[[Fields], str]
    ) -> Shares:
        """Return what is liked, as shares that add up to 1."""
        summed: Shares = defaultdict(float)
        for event, weight in zip(newest, weights, strict=True):
            if "item_id" in event:
                summed[name(event)] += weight
        liked = {key: weight for key, weight in summed.items() if weight > 0}
        whole = sum(liked.values())
        return {key: weight / whole for key, weight in liked.items()}

    def _leaf(self, event: Fields) -> str:
        return self._shop.by_id[str(event["item_id"])].leaf

    def _brand(self, event: Fields) -> str:
        return self._shop.by_id[str(event["item_id"])].brand


def decayed(newest: Sequence[Fields]) -> list[float]:
    """Weigh a user's events by action and age."""
    return [
        weight_of(event) * 0.5 ** ((_moment(newest[0]) - _moment(event)) / HALF_LIFE)
        for event in newest
    ]


def latest(newest: Sequence[Fields]) -> list[float]:
    """Count a user's latest events alike."""
    return [float(place < LATEST) for place in range(len(newest))]


def weight_of(event: Fields) -> float:
    """Weigh an event by its action, and a review by its stars."""
    rating = event.get("rating")
    if event["type"] == "review" and isinstance(rating, int):
        return PRAISE if rating >= PRAISED else BLAME if rating <= BLAMED else 1.0
    return WEIGHTS.get(str(event["type"]), 0.0)


def _moment(event: Fields) -> datetime:
    return datetime.fromisoformat(str(event["occurred_at"]))


def _largest(shares: Shares) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=itemgetter(1), reverse=True)
