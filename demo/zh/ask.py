"""What the running shop is asked: new searches, what its customers say, how it reads new reviews.

Every answer is read back over HTTP, of what serves.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean
from typing import NamedTuple

import httpx

from demo.replay import await_folded
from demo.report import Answer
from demo.stage import Stage, await_read, publish
from demo.zh.reviews import Review
from demo.zh.script import Search
from portrait.events.category import SEPARATOR
from portrait.opinions.mention import REVIEWS
from sandbox.planted.life import event_of
from sandbox.planted.shop import Good, Shop

FIVE = 5
READ_SECONDS = 30.0  # for all new searches to be read
TURN_SECONDS = 30.0  # for the opinion worker, which reads beside the others
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """How often what was meant stands first, and among the first five."""

    first: float
    in_five: float
    late: int  # searches that were asked again, for they were not read in time
    by_form: Mapping[str, float]  # share found in five, by how they are written
    # the first search of each form, the item found first, and whether it was meant
    shown: Sequence[tuple[str, str, bool]]


class Tones(NamedTuple):
    """How reviews are read that nobody has said before."""

    accuracy: float  # share that is told rightly for blame or not
    by_bert: float  # share that a fine-tuned BERT has read


class _Said(NamedTuple):
    """What a profile tells of a review, and whether a fine-tuned BERT has read it."""

    is_blame: bool
    by_bert: bool


@dataclass(frozen=True, slots=True)
class Opinions:
    """What the opinion monitor says, as `GET /opinions` answers."""

    shop: Sequence[Answer]
    categories: Sequence[Answer]  # the widest ones
    alerts: Sequence[Answer]


def ask_searches(http: httpx.Client, shop: Shop, searches: Sequence[Search]) -> Found:
    """Ask for what was meant by each search, as somebody whom nobody knows."""
    firsts: list[bool] = []
    in_five: defaultdict[str, list[bool]] = defaultdict(list)
    shown: dict[str, tuple[str, str, bool]] = {}
    late, ends = 0, time.monotonic() + READ_SECONDS
    for search in searches:
        answer, is_late = _answer(http, search.text, ends)
        meant = {good.id for good in shop.by_leaf[search.leaf]}
        right = [item["item_id"] in meant for item in answer["items"]]
        firsts.append(right[:1] == [True])
        in_five[search.form].append(any(right))
        shown.setdefault(search.form, (search.text, answer["items"][0]["title"], right[0]))
        late += is_late
    everything = [hit for hits in in_five.values() for hit in hits]
    by_form = {form: mean(hits) for form, hits in in_five.items()}
    return Found(mean(firsts), mean(everything), late, by_form, [*shown.values()])


def _answer(http: httpx.Client, text: str, ends: float) -> tuple[Answer, bool]:
    """Ask with a search until BERT has read it, and say whether that took more than one request."""
    asked = {"session": {"texts": [text]}, "limit": FIVE}
    is_late = False
    while True:
        answer: Answer = http.post("/recommend", json=asked).raise_for_status().json()
        if answer["session_texts"][0]["read"] == "vector" or time.monotonic() > ends:
            return answer, is_late
        is_late = True
        time.sleep(POLL_SECONDS)


def read_tones(
    stage: Stage, http: httpx.Client, shop: Shop, reviews: Sequence[Review], at: datetime
) -> Tones:
    """Publish reviews without stars, and read in profiles what they are taken to say.

    Whoever wrote one is known for nothing else, so that the profile says how it was read.

    Args:
        stage: Where.
        http: Of its service.
        shop: Whose goods are reviewed.
        reviews: Nobody has said them.
        at: When they are written.
    """
    goods = {good.leaf.rsplit(SEPARATOR, maxsplit=1)[-1]: good for good in shop.goods}
    events = [
        event_of(f"reader-{number}", "review", at, f"reader-{number}-1", goods[leaf], text=text)
        for number, (leaf, _, text) in enumerate(reviews)
    ]
    asyncio.run(publish(stage.servers.kafka, events, "Publishing reviews that nobody has said"))
    asyncio.run(await_folded(stage.url, events))
    asyncio.run(await_read(stage))
    told = [_said(http, str(event["user_id"])) for event in events]
    right = [said.is_blame == review.is_blame for said, review in zip(told, reviews, strict=True)]
    return Tones(mean(right), mean(said.by_bert for said in told))


def _said(http: httpx.Client, user: str) -> _Said:
    profile = http.get(f"/profile/{user}").raise_for_status().json()
    readers = (said["read_by"] for said in profile.get("reviews", ()))
    return _Said(profile["recent"][0]["tone"] == "negative", any(each["bert"] for each in readers))


def ask_opinions(http: httpx.Client, shop: Shop, bad: Good) -> Opinions:
    """Ask what is said of the whole shop, of its widest categories, and what has turned.

    The opinion worker reads beside the others: what has turned with a thing is waited for.
    """
    ends = time.monotonic() + TURN_SECONDS
    while not _turned(http, bad) and time.monotonic() < ends:
        time.sleep(POLL_SECONDS)
    whole = _opinions(http, kind="source", name=REVIEWS, window="week")
    categories = [
        subject
        for top in dict.fromkeys(leaf.top for leaf in shop.leaves)
        for subject in _opinions(http, kind="category", name=top, window="week")["opinions"]
    ]
    return Opinions(whole["opinions"], categories, whole["alerts"])


def _turned(http: httpx.Client, bad: Good) -> bool:
    (subject,) = _opinions(http, kind="item", name=bad.id)["opinions"] or [{"alerts": []}]
    return bool(subject["alerts"])


def _opinions(http: httpx.Client, **asked: str | int) -> Answer:
    answer: Answer = http.get("/opinions", params=asked).raise_for_status().json()
    return answer
