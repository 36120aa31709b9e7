"""What somebody does not want: said, kept, forgotten, and held to by lists and profiles."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.access.scope import Scope
from portrait.events.consent import Consent, Purpose
from portrait.events.item import Item
from portrait.events.topics import DEAD, ERASURES, UNWANTED
from portrait.events.unwanted import (
    FOR_GOOD,
    MOST_UNWANTED,
    NOTHING,
    Unwanted,
    What,
    Word,
    covers,
    encode_unwanted,
    read_unwanted,
    thing_of,
)
from portrait.reading.records import Clock
from portrait.reading.unwanted import read_not_interested
from service.profiles.schemas import ProfileAnswer
from service.recommendations.schemas import Recommendations
from tests.support.catalogues import ITEMS, catalogue
from tests.support.fakes import ListPublisher, MemoryProfiles
from tests.support.models import learned_model
from tests.support.records import FakeRecord
from tests.support.shop import Shop, open_shop
from tests.support.streams import ListStream, memory_updater
from tests.unit.test_service_access import PAGES, guarded, token_of
from workers.update.worker import update

NOW = datetime.now(UTC)
NOW_MS = round(NOW.timestamp() * 1_000)
AT = 1_790_000_000_000
WORDS = st.builds(Word, st.integers(1, 9), st.integers(0, 9))
SAID = st.builds(
    Unwanted,
    st.dictionaries(st.sampled_from([f"item:{n}" for n in range(6)]), WORDS),
    st.integers(0, 4),
)


def said(**named: object) -> Unwanted:
    """Return what one message on the topic says."""
    value = json.dumps({"at": NOW.isoformat(), **named}).encode()
    clock = Clock.of_system(60_000)
    record = FakeRecord(UNWANTED, value, 0, key=b"ann", timestamp=clock.now)
    return read_not_interested(record, clock)[1]


def joined(words: Iterable[Unwanted]) -> Unwanted:
    whole = NOTHING
    for each in words:
        whole = whole.joined(each)
    return whole


@given(SAID, SAID, SAID)
def test_any_order_and_any_repetition_leaves_the_same(
    one: Unwanted, two: Unwanted, three: Unwanted
) -> None:
    whole = joined([one, two, three])

    assert joined([three, one, two, one]) == whole
    assert one.joined(two.joined(three)) == one.joined(two).joined(three)
    assert read_unwanted(encode_unwanted(whole).encode()) == whole


def test_the_newest_words_are_kept_and_no_more() -> None:
    words = [Unwanted({f"item:{n}": Word(n + 1, FOR_GOOD)}) for n in range(MOST_UNWANTED + 7)]

    assert [*joined(words).said] == [f"item:{n}" for n in range(7, MOST_UNWANTED + 7)]
    assert joined(words[::-1]) == joined(words)


def test_what_was_said_before_an_erasure_is_forgotten_and_kept_out() -> None:
    early, late = (Unwanted({f"item:{at}": Word(at, FOR_GOOD)}) for at in (5, 7))

    whole = joined([early, Unwanted(erased=6), late, early])

    assert [*whole.said] == ["item:7"]


@pytest.mark.parametrize(
    "stored", [b"", b"{", b"\xff", b'{"said": 5}', b'{"said": {"item:a": ["x", 1]}}', b"[]"]
)
def test_what_was_damaged_is_as_good_as_nothing(stored: bytes) -> None:
    assert read_unwanted(stored) == NOTHING


def test_categories_and_brands_are_the_same_however_they_are_written() -> None:
    assert thing_of(What.CATEGORY, "GROCERY/Tea") == thing_of(What.CATEGORY, "grocery > tea")
    assert thing_of(What.BRAND, "Leaf") == thing_of(What.BRAND, "LEAF")
    assert covers(["grocery > tea"], "Grocery / Tea / Green")
    assert not covers(["grocery > tea"], "Grocery > Teapots")


@pytest.mark.parametrize(
    "value",
    [
        b"no",
        b"{}",
        b'{"item_id": "a", "brand": "b"}',
        b'{"category": " > "}',
        b'{"item_id": "a", "at": "2199-01-01T00:00:00Z"}',
        b'{"brand": "' + b"x" * 5_000 + b'"}',
    ],
)
async def test_what_says_no_one_thing_is_a_dead_letter(value: bytes) -> None:
    updater = await memory_updater()

    await update(ListStream([FakeRecord(UNWANTED, value, 0, key=b"ann")]), updater)

    assert isinstance(updater.publisher, ListPublisher)
    assert [each.topic for each in updater.publisher.messages].count(DEAD) == 1


async def test_the_worker_keeps_it_and_an_erasure_forgets_it_in_any_order() -> None:
    word = FakeRecord(UNWANTED, b'{"brand": "Farm", "at": "2026-09-21T14:13:20Z"}', 0, key=b"ann")
    erased = FakeRecord(ERASURES, None, 0, key=b"ann", timestamp=AT + 10**9)
    kept: list[set[str]] = []
    for batches in ([[word]], [[word], [erased]], [[erased], [word]], [[word, erased]]):
        updater = await memory_updater()
        await update(ListStream(*batches), updater)
        assert isinstance(updater.profiles, MemoryProfiles)
        kept.append({*read_unwanted(updater.profiles.unwanted["ann"]).said})

    assert kept == [{"brand:farm"}, set(), set(), set()]


async def shop_of(*words: Unwanted) -> Shop:
    shop = Shop()
    await shop.stock()
    shop.remember("ann", {"type": "click", "item_id": "tuna"}, painted=catalogue())
    await shop.profiles.refuse({"ann": joined(words)})
    return shop


async def listed(shop: Shop, user: str = "ann", **asked: object) -> list[str]:
    async with open_shop(shop) as client:
        body = {"user_id": user, "exclude_seen": False, **asked}
        answer = await client.post("/recommend", json=body)
    Recommendations.model_validate_json(answer.content, strict=True)
    return [item["item_id"] for item in answer.json()["items"]]


async def test_what_is_unwanted_is_in_no_list() -> None:
    every = {item.id for item in ITEMS}

    assert {*await listed(await shop_of())} == every
    assert {*await listed(await shop_of(said(item_id="beef")))} == every - {"beef"}
    assert {*await listed(await shop_of(said(brand="FARM")))} == every - {"milk", "cheese"}
    assert {*await listed(await shop_of(said(category="pets")))} == every - {"tuna", "beef"}
    for strategy in ({"session": {"items": ["milk"]}}, {"user_id": "ann", "by_price": False}):
        assert "beef" not in await listed(await shop_of(said(item_id="beef")), **strategy)


async def test_it_is_kept_from_who_has_no_profile_yet_and_from_the_popular() -> None:
    shop = await shop_of()
    await shop.profiles.refuse({"bob": said(category="pets")})

    assert {*await listed(shop, "bob")} == {"milk", "cheese", "towels"}


async def test_it_stays_so_across_models() -> None:
    shop = await shop_of(said(item_id="beef"))
    await shop.stock(model=learned_model("another"))

    assert "beef" not in await listed(shop)


async def test_variants_of_an_unwanted_item_are_unwanted() -> None:
    shop = await shop_of(said(item_id="red"))
    both = [Item(id=id, title=f"{id} shirt", group_id="shirt") for id in ("red", "blue")]
    await shop.stock(*ITEMS, *both)

    assert not {"red", "blue"} & {*await listed(shop)}


async def test_it_ends_when_it_was_said_to_and_can_be_taken_back() -> None:
    past = (NOW - timedelta(minutes=1)).isoformat()
    later = (NOW + timedelta(days=1)).isoformat()
    back = replace(said(item_id="beef", wanted=True))

    assert "beef" in await listed(await shop_of(said(item_id="beef", until=past)))
    assert "beef" not in await listed(await shop_of(said(item_id="beef", until=later)))
    earlier = said(item_id="beef", at=past)
    assert "beef" in await listed(await shop_of(back, earlier))


async def test_what_empties_a_list_is_said() -> None:
    shop = await shop_of(said(category="pets"))
    async with open_shop(shop) as client:
        body = {"user_id": "ann", "filters": {"category": "Pets"}}
        answer = (await client.post("/recommend", json=body)).json()

    assert (answer["matched"], answer["emptied_by"]) == (2, ["seen", "unwanted"])


async def test_who_lets_nothing_be_personal_gets_what_anybody_gets() -> None:
    shop = await shop_of(said(item_id="beef"))
    await shop.profiles.agree({"ann": Consent(1, frozenset({Purpose.PERSONALISATION}))})

    assert "beef" in await listed(shop)


async def test_a_profile_shows_it_and_has_no_interest_that_is_switched_off() -> None:
    async with open_shop(await shop_of()) as client:
        before = (await client.get("/profile/ann")).json()
    shop = await shop_of(said(category="Pets"), said(brand="purr"), said(item_id="beef"))
    async with open_shop(shop) as client:
        answer = await client.get("/profile/ann")

    ProfileAnswer.model_validate_json(answer.content, strict=True)
    assert [each["category"] for each in before["interests"]] == ["Pets > Cat"]
    assert [each["brand"] for each in before["brands"]] == ["Purr"]
    assert before["unwanted"] == {"items": [], "categories": [], "brands": []}
    after = answer.json()
    assert after["interests"] == after["brands"] == []
    assert after["unwanted"] == {"items": ["beef"], "categories": ["pets"], "brands": ["purr"]}


@pytest.mark.parametrize("user", ["ann", "anonymous:c-77", "a/b"])
async def test_what_is_said_over_http_is_published_under_the_name_of_the_profile(user: str) -> None:
    shop = Shop()
    async with open_shop(shop) as client:
        answer = await client.post(f"/profile/{user}/unwanted", json={"category": "Wine"})

    assert (answer.status_code, answer.json()["user_id"]) == (202, user)
    (message,) = shop.publisher.messages
    clock = Clock.of_system(60_000)
    record = FakeRecord(
        UNWANTED, message.value, 0, key=message.key, headers=message.headers, timestamp=clock.now
    )
    named, unwanted = read_not_interested(record, clock)
    assert (message.topic, named, [*unwanted.said]) == (UNWANTED, user, ["category:wine"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"item_id": "a", "brand": "b"},
        {"item_id": "a", "until": 5},
        {"item_id": "a", "what": 1},
        {"category": ">"},
        {"item_id": "a", "at": "2199-01-01T00:00:00Z"},
    ],
)
async def test_what_names_no_one_thing_is_refused(body: dict[str, object]) -> None:
    shop = Shop()
    async with open_shop(shop) as client:
        answer = await client.post("/profile/ann/unwanted", json=body)

    assert answer.status_code == 422
    assert shop.publisher.messages == []


async def test_all_that_was_said_can_be_read_the_newest_first() -> None:
    past = (NOW - timedelta(minutes=1)).isoformat()
    shop = await shop_of(
        said(brand="Farm"),
        said(item_id="beef", at=past, until=(NOW + timedelta(days=1)).isoformat()),
        said(category="Pets", at=past, until=past),
    )
    async with open_shop(shop) as client:
        answer = (await client.get("/profile/ann/unwanted")).json()
        nobody = (await client.get("/profile/bob/unwanted")).json()

    told = [(each["kind"], each["name"], each["holds"]) for each in answer["words"]]
    assert told == [("brand", "farm", True), ("item", "beef", True), ("category", "pets", False)]
    assert answer["words"][0]["until"] is None
    assert nobody == {"user_id": "bob", "words": []}


async def test_a_page_s_key_speaks_for_nobody() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.EVENTS_WRITE, origins=[PAGES])
    async with guarded(shop) as client:
        answer = await client.post(
            "/profile/ann/unwanted",
            json={"item_id": "milk"},
            headers={"authorization": f"Bearer {token}", "origin": PAGES},
        )

    assert answer.status_code == 403
    assert shop.publisher.messages == []


async def test_no_interest_that_is_switched_off_is_likely() -> None:
    shop = Shop()
    await shop.stock(model=learned_model())
    shop.remember("ann", {"type": "click", "item_id": "tuna"}, painted=catalogue())
    async with open_shop(shop) as client:
        before = (await client.get("/profile/ann")).json()["likely_interests"]
    await shop.profiles.refuse({"ann": said(category="Pets")})
    async with open_shop(shop) as client:
        after = (await client.get("/profile/ann")).json()["likely_interests"]

    assert any(each["category"].startswith("Pets") for each in before)
    assert after == [each for each in before if not each["category"].startswith("Pets")]
