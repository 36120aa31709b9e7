"""GET /profile: what is known of a user."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from portrait.events.event import Action
from portrait.events.item import Item
from portrait.inference.paint import paint
from portrait.model.model import Model
from portrait.model.space import fit_space
from portrait.profiles.facts import fold
from portrait.profiles.profile import encode_profiles, read_facts
from service.answers import ANSWER_BYTES, ENTRY_BYTES, Answers, Written
from service.profiles.schemas import ProfileAnswer
from tests.support.catalogues import ITEMS, SPACE, catalogue
from tests.support.fakes import HashEncoder
from tests.support.old_records import LAYOUT_1
from tests.support.promotions import put_in_service
from tests.support.shop import HOUR_MS, NOW_MS, PARTITION, Shop, open_shop
from tests.support.strategies import Happening, spread_log_of

SEARCHES = ("cat toys",)
SMALL = Written(b"small", "e")
EVENTS = (
    {"type": "click", "item_id": "milk"},
    {"type": "search", "text": "cat toys"},
    {"type": "purchase", "item_id": "tuna", "price": 2.55, "quantity": 2},
    {"type": "review", "item_id": "tuna", "rating": 4.5},
)


async def shop_of(user: str = "ann") -> Shop:
    shop = Shop()
    await shop.stock(searches=SEARCHES)
    shop.remember(user, *EVENTS, painted=catalogue(searches=SEARCHES))
    return shop


async def test_the_facts_are_those_of_the_events() -> None:
    async with open_shop(await shop_of()) as client:
        answer = (await client.get("/profile/ann")).json()

    assert answer["user_id"] == "ann"
    assert answer["events_folded"] == 4
    assert {action: count for action, count in answer["totals"].items() if count} == {
        "click": 1,
        "search": 1,
        "purchase": 1,
        "review": 1,
    }
    assert answer["spend"] == pytest.approx(5.1)
    assert answer["first_seen"] == "2026-09-21T14:13:20Z"
    assert answer["profile_as_of"] == answer["received_at"] == "2026-09-21T17:13:20Z"
    assert [period["events"] for period in answer["frequency"]] == [4, 0, 0, 0]
    assert answer["price_band"] == {"low": 2.0, "typical": 2.55, "high": 2.55}


async def test_a_price_of_nothing_is_told_and_an_unknown_one_is_null() -> None:
    shop = Shop()
    priceless = [item.model_copy(update={"price": None}) for item in ITEMS]
    await shop.stock(*priceless)
    bought = {"type": "purchase", "item_id": "milk"}
    shop.remember("ann", bought, {**bought, "price": 0}, painted=catalogue(*priceless))
    shop.remember("bob", bought, painted=catalogue(*priceless))

    async with open_shop(shop) as client:
        ann, bob = [(await client.get(f"/profile/{user}")).json() for user in ("ann", "bob")]

    assert [event["price"] for event in ann["recent"]] == [0.0, None]
    assert ann["price_band"] == {"low": 0.0, "typical": 0.0, "high": 0.0}
    assert (ann["spend"], bob["spend"], bob["price_band"]) == (0.0, 0.0, None)


async def test_a_record_from_before_a_price_could_be_nothing_is_told_as_before() -> None:
    shop = Shop()
    await shop.stock()
    shop.profiles.records["ann"] = LAYOUT_1

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    assert [event["price"] for event in answer["recent"]] == [2.5, None]
    assert answer["spend"] == 7.5


async def test_spend_is_what_was_spent_however_much() -> None:
    shop = Shop()
    await shop.stock()
    dearest = {"type": "purchase", "item_id": "milk", "price": 1e9, "quantity": 65_535}
    shop.remember("ann", *[dearest] * 200, painted=catalogue())

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    assert answer["spend"] == pytest.approx(200 * 1e9 * 65_535)


async def test_interests_come_with_their_trend_and_the_events_that_made_them() -> None:
    async with open_shop(await shop_of()) as client:
        answer = (await client.get("/profile/ann")).json()

    strongest, weakest = answer["interests"]
    assert strongest["category"] == "Pets > Cat"
    assert [mention["action"] for mention in strongest["evidence"]] == [
        "purchase",
        "review",
        "search",
    ]
    bought, _reviewed, searched = strongest["evidence"]
    assert (bought["item_id"], bought["title"]) == ("tuna", "tuna cat food")
    assert (searched["item_id"], searched["title"]) == (None, "cat toys")
    assert weakest["category"] == "Grocery > Dairy"
    assert answer["brands"][0]["brand"] == "Purr"


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [("milk", "beef", "rising"), ("beef", "milk", "falling"), ("beef", "beef", "steady")],
)
async def test_a_trend_has_a_word(old: str, new: str, direction: str) -> None:
    shop = Shop()
    await shop.stock()
    events = [{"type": "click", "item_id": item} for item in [old] * 9 + [new] * 3]
    shop.remember("ann", *events, painted=catalogue())

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    (dogs,) = [each for each in answer["interests"] if each["category"] == "Pets > Dog"]
    assert dogs["direction"] == direction


async def test_silence_alone_makes_an_active_user_a_gone_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []
    async with open_shop(await shop_of()) as client:
        for days in (1, 119, 121):
            now = NOW_MS / 1_000 + days * 24 * 3_600
            monkeypatch.setattr("service.profiles.routes.time", lambda now=now: now)
            told.append((await client.get("/profile/ann")).json()["activity"])

    assert [each["state"] for each in told] == ["active", "active", "gone"]
    assert told[0] == {"state": "active", "silent_days": 0.9, "usual_gap_days": None}


async def test_recent_events_are_newest_first_and_as_many_as_asked() -> None:
    async with open_shop(await shop_of()) as client:
        answer = (await client.get("/profile/ann?recent=2")).json()

    review, purchase = answer["recent"]
    assert (review["action"], review["rating"]) == ("review", 4.5)
    assert (purchase["price"], purchase["quantity"]) == (2.55, 2)


async def test_a_review_whose_text_was_read_says_so_and_has_no_stars() -> None:
    shop = Shop()
    await shop.stock()
    texts = ("A horrible thing, useless.", "A lovely thing.")
    reviews = [{"type": "review", "item_id": "tuna", "text": text} for text in texts]
    shop.remember("eve", *reviews, painted=catalogue())

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/eve")).json()

    told = [(each["tone"], each["rating"], each["quantity"]) for each in answer["recent"]]
    assert told == [(None, None, 1), ("negative", None, 1)]
    assert "horrible" not in str(answer)


async def test_vectors_are_answered_when_asked_for() -> None:
    async with open_shop(await shop_of()) as client:
        without = (await client.get("/profile/ann")).json()
        answer = (await client.get("/profile/ann?include=vectors")).json()

    assert "vectors" not in without
    assert len(answer["vectors"]["long"]) == len(answer["vectors"]["short"]) == SPACE.dim


async def test_the_answer_is_what_openapi_says() -> None:
    async with open_shop(await shop_of()) as client:
        for query in ("", "?include=vectors"):
            body = (await client.get(f"/profile/ann{query}")).content
            TypeAdapter(ProfileAnswer).validate_json(body, strict=True)


async def test_staleness_is_how_far_the_users_partition_lags_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await shop_of()
    await shop.progress.mark({PARTITION: NOW_MS - 250, PARTITION + 1: NOW_MS - HOUR_MS})
    monkeypatch.setattr("service.profiles.routes.time", lambda: NOW_MS / 1_000)

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    assert answer["stale_seconds"] == 0.25


async def test_of_a_user_on_several_partitions_the_one_that_lags_most_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await shop_of()
    facts = read_facts([shop.profiles.records["ann"]])[0]
    late = Happening(0, NOW_MS, 99, 1, 0.0, 1, Action.CLICK, 0)
    fold(facts, spread_log_of([late], [PARTITION + 1]))
    (record,) = encode_profiles(facts, paint(facts.ring, catalogue(searches=SEARCHES)))
    shop.profiles.records["ann"] = record
    await shop.progress.mark({PARTITION: NOW_MS - 250, PARTITION + 1: NOW_MS - HOUR_MS})
    for module in ("service.profiles.routes", "service.recommendations.recommender"):
        monkeypatch.setattr(f"{module}.time", lambda: NOW_MS / 1_000)

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()
        offered = (await client.post("/recommend", json={"user_id": "ann"})).json()

    assert answer["stale_seconds"] == offered["stale_seconds"] == HOUR_MS / 1_000


async def test_staleness_is_null_where_nothing_is_known_of_the_partition() -> None:
    shop = await shop_of()
    await shop.progress.mark({PARTITION + 1: NOW_MS})

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    assert answer["stale_seconds"] is None


async def test_a_profile_of_another_space_still_answers_its_facts_and_named_interests() -> None:
    shop = await shop_of()
    other = fit_space("hash", HashEncoder().encode([f"text {place}" for place in range(30)]))
    await shop.stock(space=other)
    await shop.registry.forget((await shop.registry.roles()).former or "")

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    assert answer["space_id"] == SPACE.id != other.id
    assert answer["model_version"] is None
    assert answer["interests"][0]["category"] == "Pets > Cat"


async def test_what_the_catalogue_never_heard_of_has_no_name() -> None:
    shop = Shop()
    await shop.stock(ITEMS[0])
    new = Item(id="new", title="new thing", category="New > Thing", brand="New")
    shop.remember("ann", {"type": "click", "item_id": "new"}, painted=catalogue(new))

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann")).json()

    assert answer["interests"] == answer["brands"] == []
    assert [event["item_id"] for event in answer["recent"]] == [None]


async def test_a_user_nobody_knows_is_a_problem() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.get("/profile/bob")

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:portrait:problem:profile-not-found"


async def test_the_version_is_that_of_the_model_that_painted() -> None:
    shop = await shop_of()
    await put_in_service(shop.registry, Model("2026-11", SPACE))

    async with open_shop(shop) as client:
        answer = json.loads((await client.get("/profile/ann")).content)

    assert (answer["model_version"], answer["space_id"]) == ("2026-11", SPACE.id)


async def test_an_answer_that_is_kept_grows_stale_like_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await shop_of()
    await shop.progress.mark({PARTITION: NOW_MS})
    now = NOW_MS / 1_000

    async with open_shop(shop) as client:
        monkeypatch.setattr("service.profiles.routes.time", lambda: now + 1)
        first = (await client.get("/profile/ann")).json()
        monkeypatch.setattr("service.profiles.routes.time", lambda: now + 2)
        second = (await client.get("/profile/ann")).json()

    assert (first.pop("stale_seconds"), second.pop("stale_seconds")) == (1, 2)
    assert (first.pop("lag_ms"), second.pop("lag_ms")) == (1_000, 2_000)
    assert first == second


async def test_an_unchanged_profile_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_shop(await shop_of()) as client:
        first = await client.get("/profile/ann")
        monkeypatch.setattr("service.profiles.routes.profile_json", None)
        second = await client.get("/profile/ann")

    assert (first.status_code, second.status_code) == (200, 200)


async def test_an_answer_is_not_kept_over_a_new_event_nor_for_another_user() -> None:
    shop = await shop_of()
    painted = catalogue(searches=SEARCHES)

    async with open_shop(shop) as client:
        first = (await client.get("/profile/ann")).json()
        shop.profiles.records["eve"] = shop.profiles.records["ann"]
        eve = (await client.get("/profile/eve")).json()
        shop.remember("ann", *EVENTS, {"type": "cart", "item_id": "beef"}, painted=painted)
        second = (await client.get("/profile/ann")).json()

    assert eve["user_id"] == "eve"
    assert (first["events_folded"], second["events_folded"]) == (4, 5)


@pytest.mark.parametrize("stored", [None, b"", b"garbage", b"\xff" * 40])
async def test_a_search_whose_words_are_not_kept_is_shown_without_them(
    stored: bytes | None,
) -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        before = (await client.get("/profile/ann")).json()
        shop.profiles.searched = {} if stored is None else {"ann": stored}
        answer = (await client.get("/profile/ann")).json()

    assert "cat toys" in [event["title"] for event in before["recent"]]
    (searched,) = [event for event in answer["recent"] if event["action"] == "search"]
    assert (searched["item_id"], searched["title"]) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3_000)), max_size=60))
def test_answers_are_kept_within_bytes_and_the_newest_stay(
    asked: list[tuple[int, int]],
) -> None:
    answers, most = Answers(10_000), 10_000

    for user, size in asked:
        key = ("u" * user, b"r" * size, None, None, 0)
        answers.keep(key, Written(b"a" * size, "e"))
        assert answers.get(key) == (b"a" * size, "e")
        assert answers.bytes <= most

    assert answers.bytes >= len(answers) * ENTRY_BYTES


def test_what_is_larger_than_all_that_may_be_kept_is_not() -> None:
    answers = Answers(10_000)
    answers.keep(("ann", b"", None, None, 0), SMALL)

    answers.keep(("eve", b"", None, None, 0), Written(b"x" * 10_000, "e"))

    assert answers.get(("eve", b"", None, None, 0)) is None
    assert answers.get(("ann", b"", None, None, 0)) == SMALL


def test_two_hundred_megabytes_of_answers_are_not_held() -> None:
    answers = Answers()

    tracemalloc.start()
    for place in range(1_500):
        key = (f"user-{place}", bytes(4_096), None, None, 0)
        answers.keep(key, Written(bytes(140_000), f"etag of {place:40d}"))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 0.8 * ANSWER_BYTES < answers.bytes <= ANSWER_BYTES
    assert held <= 1.1 * ANSWER_BYTES
