"""The demo tells of a shop of now, of a shopper who buys things again, and in plain words."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from demo.report import profile_text
from demo.report_visit import visit_text
from demo.segment import GOOD, NAME, SOON, Followed, ours, segment_text
from demo.shopper import most_telling
from demo.visit import Audience, Visit
from portrait.events.columns import RING
from portrait.events.event import Event
from portrait.model.habit_words import plain
from sandbox.shop import Shop, load_shop

NOW = datetime(2026, 11, 27, 16, tzinfo=UTC)


@cache
def shop() -> Shop:
    return load_shop(NOW)


def test_the_shops_year_ends_in_the_week_before_now_on_its_weekday() -> None:
    moments = [datetime.fromisoformat(str(event["occurred_at"])) for event in shop().events]
    first = datetime.fromisoformat(str(shop().past[0]["occurred_at"]))

    assert NOW - timedelta(weeks=1) < max(moments) <= NOW
    assert moments == sorted(moments)
    assert (first.strftime("%A"), first.hour) == ("Sunday", 13)  # of 2017


def test_what_costs_less_than_a_cent_has_no_price_and_every_event_is_read() -> None:
    prices = [each["price"] for each in [*shop().items, *shop().events]]

    assert None in prices
    assert 0 not in prices
    for event in shop().events[:500]:
        Event.model_validate(event)


def test_who_is_shown_buys_things_again_and_again() -> None:
    events = [*shop().past, *shop().events]

    first, *_ = found = most_telling(events, 5)

    newest = [event for event in events if event["user_id"] == first][-RING:]
    days = {(event["item_id"], str(event["occurred_at"])[:10]) for event in newest}
    items = [item for item, _ in days]
    assert len({item for item in items if items.count(item) >= 3}) >= 5
    assert found == most_telling(events, 5)


def test_a_shopper_is_chosen_by_the_newest_events_alone() -> None:
    def bought(user: str, item: str, day: int) -> dict[str, object]:
        return {"user_id": user, "item_id": item, "occurred_at": f"2026-01-{day:02d}T10:00:00Z"}

    often = [bought("ann", "milk", day) for day in (1, 2, 3)]
    one_day = [bought("bob", "milk", 1)] * 3
    long_ago = [bought("cid", item, day) for item in ("tea", "rum") for day in (1, 2, 3)]
    since = [bought("cid", f"item-{number}", 4) for number in range(RING)]

    assert most_telling([*long_ago, *since, *one_day, *often], 3) == ["ann", "bob", "cid"]


def item(title: str, why: str | None, price: float | None = 1.0) -> dict[str, Any]:
    return {"item_id": title, "title": title, "price": price, "why": why, "category": "Shelf"}


LONG = f"Because you bought {'Oat milk (50 %), ' * 5}and Tea (50 %)."
AUDIENCE = Audience(
    "Shelf",
    {"leaders": 40, "people": 100, "size": 2},
    [{"user_id": "bob", "score": 4.31}, {"user_id": "ann", "score": 1.26}],
)


def visited(audience: Audience | None = AUDIENCE) -> Visit:
    row = {"title": "Because you bought Tea", "items": [item("Cup", "Because it suits Tea.", None)]}
    return Visit(
        user="ann",
        home=[row, {"title": "Recommended for you", "items": [item("Oats", LONG)]}],
        item=item("Oats", None),
        beside=[{"title": "Similar to Oats", "items": [item("Rye", "Because it is like Oats.")]}],
        cart=[item("Oats", None), item("Milk", None)],
        basket={"items": [item("Honey", "Because it goes with Oats in your cart (100 %).")]},
        again={"items": [item("Milk", "Bought twice, every 7 days or so, last yesterday.")]},
        audience=audience,
    )


def test_every_page_is_told_with_the_reason_beside_each_thing() -> None:
    lines = visit_text(visited()).splitlines()

    titles = [line.strip() for line in lines if line.startswith("  ") and line[2] != " "]
    assert titles == [
        "HOME PAGE of ann",
        "ITEM PAGE, Oats",
        "CART, Oats and Milk",
        "BUY AGAIN",
        "AUDIENCE for Shelf",
    ]
    (again,) = [line for line in lines if "every 7 days" in line]
    assert " ".join(again.split()) == "Milk 1.00 Bought twice, every 7 days or so, last yesterday."
    assert max(map(len, lines)) <= 120


def test_lines_stand_below_each_other_and_no_number_is_parted_from_its_sign() -> None:
    lines = visit_text(visited()).splitlines()

    begin = next(n for n, line in enumerate(lines) if "Oats" in line and "Because" in line)
    column = lines[begin].index("Because")
    assert lines[begin + 1][:column].strip() == ""
    assert lines[begin + 1][column] != " "
    assert not [line for line in lines if line.strip().startswith("%")]


def test_what_has_no_price_is_told_without_one() -> None:
    (cup,) = [line for line in visit_text(visited()).splitlines() if "Cup" in line]

    assert " ".join(cup.split()) == "Cup Because it suits Tea."


def test_an_audience_says_where_the_shopper_stands() -> None:
    told = visit_text(visited())

    assert "bob 4.3" in told
    assert "number 2: ann 1.3" in told
    assert visited().is_telling
    assert not visited(None).is_telling
    assert "too few people" in visit_text(visited(None))


CHANGES = [
    {"user_id": user, "change": change, "at": "2026-11-27T16:04:31Z"}
    for user, change in (("ann", "entered"), ("bob", "entered"), ("ann", "left"), ("cid", "left"))
]


def test_a_segment_says_in_plain_words_who_came_and_went() -> None:
    followed = Followed(f"{GOOD} && {SOON}", 61, 61, CHANGES)

    told = segment_text(followed)

    assert "Who has spent over 1,000, and will most probably buy within 7 days:" in told
    assert "61 households before the replay, 61 now" in told
    assert "2 entered and 2 left" in told
    assert [line.split() for line in told.splitlines()[4:]] == [
        ["16:04:31", "cid", "left"],
        ["16:04:31", "ann", "left"],
        ["16:04:31", "bob", "entered"],
    ]
    assert max(map(len, told.splitlines())) <= 100
    assert "probably" not in segment_text(replace(followed, expression=GOOD))


def test_a_segment_adds_up_where_every_change_was_told_once() -> None:
    assert Followed(GOOD, 61, 61, CHANGES).adds_up
    assert not Followed(GOOD, 61, 61, CHANGES[:-1]).adds_up


def test_only_changes_of_its_own_segment_count_each_once() -> None:
    told = [{"change_id": "1", "segment": NAME}, {"change_id": "2", "segment": "regulars"}]

    assert [*ours(json.dumps(each).encode() for each in [*told, told[0]])] == ["1"]


@pytest.mark.parametrize("page", ["home", "beside", "basket", "again"])
def test_a_page_that_is_empty_tells_nothing(page: str) -> None:
    whole = visited()
    empty: dict[str, Any] = {"title": "", "items": []}
    parts = {name: getattr(whole, name) for name in Visit.__slots__}
    parts[page] = [empty] if page in {"home", "beside"} else empty

    assert not Visit(**parts).is_telling


def test_what_was_done_several_times_is_evidence_once() -> None:
    event = {"action": "purchase", "title": "Tea"}
    interest = {"category": "Shelf", "score": 1.0, "direction": "rising", "evidence": [event] * 3}
    chance = {
        "probability": 0.7,
        "within_days": 7,
        "because": [{"habit": "overdue", "share": 0.5}, {"habit": "overdue_squared", "share": -1}],
    }
    told = profile_text(
        {
            "user_id": "ann",
            "events_folded": 3,
            "profile_as_of": "2026-11-27T10:00:00Z",
            "model_version": "m",
            "interests": [interest],
            "brands": [],
            "price_band": None,
            "purchase_intent": chance,
            "churn_risk": None,
            "likely_interests": [],
        }
    )

    assert "because of Tea (3 times)" in told
    assert f"by {plain('overdue')} -0.5" in told
