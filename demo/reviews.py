"""What households of the demo write of what they bought: made up, for the data has no reviews.

purchases ─▶ some are reviewed half an hour later ─▶ stars, most often, and a sentence or two

Of many the sentence says the contrary, too, of another thing or in the mouth of others: to know
which of the two holds takes reading, and counting words does not do. `reviews.toml` has the words.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from demo.shopper import most_telling
from demo.stage import Fields
from portrait.events.category import SEPARATOR
from portrait.events.event import Action
from sandbox.shop import Shop

WORDS = Path(__file__).with_suffix(".toml")
SEED = 1
FOOD = {"Grocery", "Produce", "Meat", "Meat-pckgd", "Deli", "Pastry", "Seafood", "Seafood-pckgd"}
HOUSE = {"Drug gm"}
EARLY, LATE = 1_600, 300  # reviews before the replay, from which a reader is learned, and in it
SHOWN, NEWEST = 5, 8  # households of which one is shown, and how many of their newest are reviewed
LATER = timedelta(minutes=30)
BLAMES, MIXED, TURNED = 0.4, 0.05, 0.1  # of reviews; likewise; of those that are not mixed
OPEN, RATED = 0.5, 0.9  # of straight ones say so in so many words; of reviews
TRIES = 100  # to say what nobody has said: readers learn from no text twice
STARS = {"praise": (4, 5), "mixed": (3, 3), "blame": (1, 2)}
CONTRARY = {"praise": "blame", "blame": "praise"}
MISRATED = 2  # every so many complaints of those who are shown have five stars: they say less


@dataclass(frozen=True, slots=True)
class Written:
    """A shop's log with reviews in it, and what they say."""

    past: Sequence[Fields]
    events: Sequence[Fields]  # the replay
    texts: Mapping[str, str]  # of every review, by `text_key`


def write_reviews(shop: Shop) -> Written:
    """Let households write of some of what they bought; the same shop gives the same."""
    pen = _Pen({str(item["id"]): _kind(str(item["category"])) for item in shop.items})
    early = [pen.review(each) for each in pen.some(shop.past, EARLY)]
    newest = [pen.review(each) for each in _newest(shop, pen.kinds)]
    _misrate(newest)
    known = {str(each["event_id"]) for each in newest}
    late = [pen.review(each) for each in pen.some(shop.events, LATE)]
    late = [*(each for each in late if each["event_id"] not in known), *newest]
    texts = {text_key(each): str(each["text"]) for each in (*early, *late)}
    return Written(_in_time(shop.past, early), _in_time(shop.events, late), texts)


def text_key(event: Mapping[str, object]) -> str:
    """Name a review by who wrote it of what."""
    return f"{event['user_id']} {event['item_id']}"


@dataclass(slots=True)
class _Pen:
    """Writes, and remembers what has been written."""

    kinds: Mapping[str, str]  # by item: by which words it is judged
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    said: set[str] = field(default_factory=set)

    def some(self, bought: Sequence[Fields], count: int) -> list[Fields]:
        """Choose so many purchases of things that people write of."""
        judged = [each for each in bought if self.kinds[str(each["item_id"])]]
        rows = self.draw.choice(len(judged), min(count, len(judged)), replace=False)
        return [judged[row] for row in sorted(rows.tolist())]

    def review(self, bought: Fields) -> Fields:
        """Write of a purchase."""
        tone = "blame" if self.draw.random() < BLAMES else "praise"
        is_mixed = bool(self.draw.random() < MIXED)
        rated = {}
        if self.draw.random() < RATED:
            rated["rating"] = int(self.draw.choice(STARS["mixed" if is_mixed else tone]))
        return {
            "event_id": f"{bought['event_id']}-review",
            "type": Action.REVIEW,
            "occurred_at": (_moment(bought) + LATER).isoformat(),
            "text": self._text(self.kinds[str(bought["item_id"])], tone, is_mixed=is_mixed),
            **{name: bought[name] for name in ("user_id", "session_id", "item_id")},
            **rated,
        }

    def _text(self, kind: str, tone: str, *, is_mixed: bool) -> str:
        """Say what nobody has said, if there is such a thing."""
        text = ""
        for _ in range(TRIES):
            text = self._sentence(kind, tone, is_mixed=is_mixed)
            if text not in self.said:
                break
        self.said.add(text)
        return text

    def _sentence(self, kind: str, tone: str, *, is_mixed: bool) -> str:
        words = _words()
        aspect = words[kind][str(self.draw.choice([*words[kind]]))]
        is_turned = self.draw.random() < TURNED
        form = "mixed" if is_mixed else "turned" if is_turned else self._straight(tone)
        said, also = self.draw.choice(aspect[tone], 2, replace=False)
        contrary = self.draw.choice(aspect[CONTRARY[tone]])
        frame = str(self.draw.choice(words["frames"][form]))
        noun = self.draw.choice(words["nouns"][kind])
        return frame.format(noun=noun, said=said, also=also, contrary=contrary)

    def _straight(self, tone: str) -> str:
        return tone if self.draw.random() < OPEN else "plain"


def _newest(shop: Shop, kinds: Mapping[str, str]) -> list[Fields]:
    """Return the newest purchases of those who are shown, of nobody a thing twice."""
    bought = [*shop.past, *shop.events]
    return [each for user in most_telling(bought, SHOWN) for each in _last(shop, kinds, user)]


def _last(shop: Shop, kinds: Mapping[str, str], user: str) -> list[Fields]:
    own = {
        str(each["item_id"]): each
        for each in shop.events
        if each["user_id"] == user and kinds[str(each["item_id"])]
    }
    return sorted(own.values(), key=_moment)[-NEWEST:]


def _misrate(reviews: Sequence[Fields]) -> None:
    """Give some complaints five stars, in place: somebody has taken the wrong end of the row."""
    complaints = [each for each in reviews if each.get("rating") in STARS["blame"]]
    for review in complaints[::MISRATED]:
        review["rating"] = 5


def _in_time(events: Sequence[Fields], reviews: Sequence[Fields]) -> list[Fields]:
    return sorted((*events, *reviews), key=_moment)


def _moment(event: Fields) -> datetime:
    return datetime.fromisoformat(str(event["occurred_at"]))


def _kind(category: str) -> str:
    """Say by which words things of a category are judged; empty: nobody writes of them."""
    department = category.split(SEPARATOR, maxsplit=1)[0]
    return "food" if department in FOOD else "house" if department in HOUSE else ""


@cache
def _words() -> Mapping[str, Any]:
    return tomllib.loads(WORDS.read_text("utf-8"))
