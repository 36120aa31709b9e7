"""What the demo writes of what was bought, and shows of what is read in it."""

import tomllib
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import pytest

from demo.reads import reads_of
from demo.reviews import EARLY, LATER, NEWEST, SHOWN, WORDS, Written, text_key, write_reviews
from demo.shopper import most_telling
from demo.stage import Fields
from portrait.events.columns import RING
from portrait.events.event import Event
from sandbox.shop import Shop, load_shop

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@cache
def shop() -> Shop:
    return load_shop(NOW)


@cache
def log() -> Written:
    return write_reviews(shop())


def reviews(events: Any) -> list[Fields]:  # noqa: ANN401 - a sequence of fields
    return [event for event in events if event["type"] == "review"]


def test_the_same_shop_writes_the_same_and_no_text_twice_to_learn_from() -> None:
    early = reviews(log().past)
    texts = [str(each["text"]) for each in early]

    assert write_reviews(shop()) == log()
    assert len(early) == EARLY
    assert len({*texts}) == EARLY  # else it would matter whose is received first


def test_a_review_is_an_event_of_what_its_writer_bought_half_an_hour_before() -> None:
    bought = {str(each["event_id"]): each for each in (*shop().past, *shop().events)}
    for review in (*reviews(log().past), *reviews(log().events)):
        about = bought[str(review["event_id"]).removesuffix("-review")]
        Event.model_validate(review)
        assert (review["user_id"], review["item_id"]) == (about["user_id"], about["item_id"])
        told, done = (datetime.fromisoformat(str(e["occurred_at"])) for e in (review, about))
        assert told - done == LATER


def test_nothing_that_was_bought_is_lost_and_all_is_in_time_order() -> None:
    for events, bought in ((log().past, shop().past), (log().events, shop().events)):
        moments = [datetime.fromisoformat(str(each["occurred_at"])) for each in events]
        ids = Counter(str(each["event_id"]) for each in events if each["type"] != "review")

        assert moments == sorted(moments)
        assert ids == Counter(str(each["event_id"]) for each in bought)


def test_a_profile_of_whoever_is_shown_has_reviews_and_some_complain_with_five_stars() -> None:
    shown = most_telling([*shop().past, *shop().events], SHOWN)
    newest = {
        user: [each for each in log().events if each["user_id"] == user][-RING:] for user in shown
    }

    assert all(len(reviews(own)) >= NEWEST for own in newest.values())
    (complaint, *_) = [
        each for own in newest.values() for each in own if each.get("rating") == 5 and blames(each)
    ]
    assert log().texts[text_key(complaint)] == complaint["text"]


def blames(review: Fields) -> bool:
    """Say whether a review ends with blame: what stands before it may be others' praise."""
    words = tomllib.loads(WORDS.read_text("utf-8"))
    phrases = [
        each
        for kind in ("food", "house")
        for said in words[kind].values()
        for each in said["blame"]
    ]
    return str(review["text"]).rstrip(".").endswith(tuple(phrases))


def test_what_is_read_is_shown_beside_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_url: str) -> httpx.Response:
        checks = [{"name": "reviews", "reason": "Reviews are read by a BERT."}]
        return httpx.Response(
            200, json={"verdict": {"checks": checks}}, request=httpx.Request("GET", "http://shop")
        )

    monkeypatch.setattr(httpx, "get", answer)
    counts = {"positive": 0, "neutral": 0, "negative": 1}
    profile = {
        "user_id": "ann",
        "model_version": "m1",
        "reviews": [
            {
                "category": "Grocery > Soup",
                **counts,
                "read_by": {"bert": 1, "stars": 0, "words": 0},
                "aspects": [{"aspect": "price", **counts}],
            }
        ],
        "recent": [
            {"action": "review", "item_id": "7", "rating": 5.0, "tone": "negative"},
            {"action": "purchase", "item_id": "7", "rating": None, "tone": None},
        ],
    }

    lines = reads_of("http://shop", profile, {"ann 7": "Far too dear."}).split("\n")

    assert lines[0].strip() == "Reviews are read by a BERT."
    assert " ".join(lines[1].split()) == "Grocery > Soup 1 negative (1 read by BERT)"
    assert lines[2].strip() == "of its price: 1 negative"
    assert " ".join(lines[3].split()) == "5 stars Far too dear. counts as negative"
    assert len(lines) == 4
