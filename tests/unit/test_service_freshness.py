"""Freshness: reads that hold what was sent before, or say that they could not; ETags."""

import asyncio
from typing import Any

import httpx
import pytest

from portrait.access.key import new_key
from portrait.access.scope import Scope
from portrait.errors import StoreUnavailableError
from portrait.events.progress import UPDATE_GROUP, LogName, StoredOffsets
from portrait.events.topics import FOLDED
from service.access.guard import Guard
from service.seats import Seats
from tests.support.cards import NOON
from tests.support.catalogues import catalogue
from tests.support.fakes import FIRST_LIFE
from tests.support.memory_log import place_of
from tests.support.patience import PATIENCE
from tests.support.processes import until
from tests.support.shop import NOW_MS, PARTITION, Shop, open_shop

CLICK = {"type": "click", "user_id": "ann", "item_id": "milk"}
LOG = LogName(0, "0a" * 16)
FOREVER = 10_000  # ms: longer than any of these tests means to wait
READS = ("GET", "/profile/ann"), ("POST", "/recommend"), ("POST", "/recommend/page")


async def shop_of(*events: dict[str, object]) -> Shop:
    shop = Shop()
    await shop.stock()
    shop.remember("ann", {"type": "click", "item_id": "milk"}, *events, painted=catalogue())
    return shop


async def fold(shop: Shop, log: LogName = LOG) -> None:
    """Say that everything in the log is in profiles."""
    records = [record for record in shop.publisher.log.records if record.topic in FOLDED]
    ends = {place_of(record): record.offset + 1 for record in records}  # they are in their order
    logs = dict.fromkeys(ends, log)
    await shop.offsets.save(UPDATE_GROUP, StoredOffsets(FIRST_LIFE, ends, logs))


def key_of(shop: Shop, name: str) -> str:
    scopes = frozenset({Scope.EVENTS_WRITE, Scope.PROFILES_READ})
    key, token = new_key(name, scopes, NOON)
    shop.keys.keys[key.id] = key
    return token


async def position_of(client: httpx.AsyncClient, *events: dict[str, Any]) -> str:
    answer = await client.post("/events", json={"events": [*events] or [CLICK]})
    assert answer.status_code == 202
    position: str = answer.json()["position"]
    return position


async def read(
    client: httpx.AsyncClient, method: str, path: str, position: str, wait_ms: int
) -> httpx.Response:
    """Read as a client does, of whichever kind."""
    asked: dict[str, Any] = {"min_position": position, "wait_ms": wait_ms}
    if method == "GET":
        return await client.get(path, params=asked)
    more: dict[str, dict[str, Any]] = {
        "/recommend/page": {"rows": [{"limit": 2}]},
        "/recommend/groups": {"by": "category"},
    }
    return await client.post(path, json={"user_id": "ann", **asked, **more.get(path, {})})


async def test_a_read_that_names_a_position_waits_until_all_up_to_it_is_in_profiles() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        position = await position_of(client)
        reads = [asyncio.create_task(read(client, *each, position, FOREVER)) for each in READS]
        await asyncio.sleep(0.1)
        assert not any(each.done() for each in reads)

        await fold(shop)
        profile, listed, page = await asyncio.gather(*reads)

    assert [each.status_code for each in (profile, listed, page)] == [200, 200, 200]
    assert listed.json()["position_reached"] is True
    assert [row["position_reached"] for row in page.json()["rows"]] == [True]


async def test_what_is_in_profiles_already_is_not_waited_for() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        position = await position_of(client)
        await fold(shop)

        answers = [await read(client, *each, position, 0) for each in READS]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_profile_that_does_not_hold_it_by_then_is_a_problem_that_says_so() -> None:
    async with open_shop(await shop_of()) as client:
        position = await position_of(client)

        answer = await read(client, "GET", "/profile/ann", position, 60)
        of_nobody = await read(client, "GET", "/profile/nobody", position, 0)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:portrait:problem:position-not-reached"
    assert answer.json()["detail"].startswith("It was waited for 60 ms.")
    assert of_nobody.status_code == 503  # and not 404: nobody knows yet


async def test_a_list_that_does_not_hold_it_by_then_is_answered_and_says_so() -> None:
    async with open_shop(await shop_of()) as client:
        position = await position_of(client)

        listed = await read(client, "POST", "/recommend", position, 30)
        page = await read(client, "POST", "/recommend/page", position, 0)
        groups = await read(client, "POST", "/recommend/groups", position, 0)
        unasked = await client.post("/recommend", json={"user_id": "ann"})

    assert (listed.status_code, listed.json()["position_reached"]) == (200, False)
    assert listed.json()["items"]
    assert [row["position_reached"] for row in page.json()["rows"]] == [False]
    assert (groups.status_code, groups.json()["position_reached"]) == (200, False)
    assert unasked.json()["position_reached"] is None


async def test_a_store_that_came_back_with_less_is_not_believed_to_have_what_it_had() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        position = await position_of(client)
        await fold(shop)
        assert (await read(client, "GET", "/profile/ann", position, 0)).status_code == 200

        await shop.offsets.forget(UPDATE_GROUP)
        answer = await read(client, "GET", "/profile/ann", position, 0)

    assert answer.status_code == 503


async def test_a_log_that_has_begun_again_is_one_clear_sentence() -> None:
    shop = await shop_of()
    await fold(shop)
    async with open_shop(shop) as client:
        position = await position_of(client)
        await fold(shop)
        await fold(shop, LogName(1, "0b" * 16))

        answers = [await read(client, *each, position, FOREVER) for each in READS]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert {answer.json()["type"] for answer in answers} == {
        "urn:portrait:problem:position-invalid"
    }
    assert {answer.json()["detail"].partition(":")[0] for answer in answers} == {
        "The log that it is of has begun again since, or has lost its end"
    }


@pytest.mark.parametrize("token", ["x", "Arbitrary", "0" * 200])
async def test_a_broken_token_is_one_clear_sentence(token: str) -> None:
    async with open_shop(await shop_of()) as client:
        answers = [await read(client, *each, token, FOREVER) for each in READS]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert {answer.json()["detail"] for answer in answers} == {
        "It is not as `POST /events` gave it out."
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [("wait_ms", "-1"), ("wait_ms", "10001"), ("wait_ms", "x"), ("min_position", "")],
)
async def test_a_wait_is_bounded_and_a_token_is_something(field: str, value: str) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.get("/profile/ann", params={field: value})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == field


async def test_a_redis_that_is_away_is_said_at_once() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        position = await position_of(client)
        shop.offsets.is_down = True

        answer = await read(client, "GET", "/profile/ann", position, FOREVER)

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:portrait:problem:store-unavailable"


async def test_what_goes_nowhere_has_no_position() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        tried = await client.post("/events?dry_run=true", json=CLICK)
        known = await client.post("/events", json={**CLICK, "event_id": "e-1"})

    assert tried.json()["position"] is None
    assert known.json()["position"]


async def test_only_so_many_wait_at_once_and_whoever_is_one_too_many_is_told() -> None:
    shop, seats = await shop_of(), Seats(most=1)
    async with open_shop(shop, seats=seats) as client:
        position = await position_of(client)
        waiting = asyncio.create_task(read(client, "GET", "/profile/ann", position, FOREVER))
        await until(lambda: seats.taken == 1, "one of them waits")

        refused = await read(client, "GET", "/profile/ann", position, FOREVER)
        at_once = await client.get("/profile/ann")
        await fold(shop)
        waited = await waiting

    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:portrait:problem:too-many-held"
    assert refused.headers["retry-after"] == "2"
    assert (waited.status_code, at_once.status_code) == (200, 200)
    assert seats.taken == 0


async def test_of_one_key_only_so_many_wait_and_another_still_may() -> None:
    shop, seats = await shop_of(), Seats(most_of_one=1)
    one, two = [{"authorization": f"Bearer {key_of(shop, name)}"} for name in ("one", "two")]
    guard = Guard(shop.keys)
    await guard.read_keys()
    async with open_shop(shop, guard=guard, seats=seats) as client:
        client.headers.update(one)
        position = await position_of(client)
        asked: dict[str, Any] = {"params": {"min_position": position, "wait_ms": FOREVER}}
        waiting = [asyncio.create_task(client.get("/profile/ann", headers=one, **asked))]
        await until(lambda: seats.taken == 1, "the first waits")
        refused = await client.get("/profile/ann", headers=one, **asked)
        waiting.append(asyncio.create_task(client.get("/profile/ann", headers=two, **asked)))
        await until(lambda: seats.taken == 2, "the other's waits")
        await fold(shop)
        statuses = [(await each).status_code for each in waiting]

    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:portrait:problem:caller-holds-too-many"
    assert refused.headers["retry-after"] == "5"
    assert statuses == [200, 200]


async def test_who_leaves_while_waiting_leaves_the_seat() -> None:
    shop, seats = await shop_of(), Seats(most=1)
    async with open_shop(shop, seats=seats) as client:
        position = await position_of(client)
        waiting = asyncio.create_task(read(client, "GET", "/profile/ann", position, FOREVER))
        await until(lambda: seats.taken == 1, "one of them waits")

        waiting.cancel()

        await until(lambda: seats.taken == 0, "the seat is free")


USUAL = {"recent": "10"}  # as it is without, but asked: past the shortcut


@pytest.mark.parametrize("params", [{}, USUAL])
async def test_a_profile_that_has_not_changed_is_not_sent_again(
    params: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.profiles.routes.time", lambda: NOW_MS / 1_000)
    shop = await shop_of()
    async with open_shop(shop) as client:
        first = await client.get("/profile/ann", params=params)
        known = {"if-none-match": first.headers["etag"]}
        await shop.progress.mark({PARTITION: NOW_MS - 9_000})  # time alone has gone on
        same = await client.get("/profile/ann", params=params, headers=known)
        other = {"if-none-match": f'"x", {first.headers["etag"]}'}
        among = await client.get("/profile/ann", params=params, headers=other)
        cart = {"type": "cart", "item_id": "beef"}
        shop.remember("ann", {"type": "click", "item_id": "milk"}, cart, painted=catalogue())
        changed = await client.get("/profile/ann", params=params, headers=known)

    assert first.headers["etag"].startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    assert (same.status_code, same.content, among.status_code) == (304, b"", 304)
    assert same.headers["etag"] == first.headers["etag"]
    assert "content-length" not in same.headers
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_what_is_asked_beside_has_an_etag_of_its_own() -> None:
    async with open_shop(await shop_of()) as client:
        whole = await client.get("/profile/ann")
        short = await client.get(
            "/profile/ann", params={"recent": 0}, headers={"if-none-match": whole.headers["etag"]}
        )

    assert short.status_code == 200
    assert short.headers["etag"] != whole.headers["etag"]


async def test_a_problem_has_no_etag_and_an_erased_profile_is_not_unchanged() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        known = {"if-none-match": (await client.get("/profile/ann")).headers["etag"]}
        del shop.profiles.records["ann"]
        gone = await client.get("/profile/ann", headers=known)

    assert gone.status_code == 404
    assert "etag" not in gone.headers


async def test_how_fresh_it_is_stands_on_every_profile_and_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("profiles.routes", "recommendations.recommender"):
        monkeypatch.setattr(f"service.{module}.time", lambda: NOW_MS / 1_000)
    shop = await shop_of()
    await shop.progress.mark({PARTITION: NOW_MS - 1_250})
    async with open_shop(shop) as client:
        profile = (await client.get("/profile/ann")).json()
        listed = (await client.post("/recommend", json={"user_id": "ann"})).json()
        page = await client.post("/recommend/page", json={"user_id": "ann", "rows": [{}]})
        (row,) = page.json()["rows"]
        beside = (await client.get("/items/milk/similar")).json()

    for each in (profile, listed, row):
        assert (each["lag_ms"], each["stale_seconds"]) == (1_250, 1.25)
        assert each["profile_as_of"] == profile["profile_as_of"]
    for each in (profile, listed, row, beside):
        assert each["model_version"] == profile["model_version"]
        assert each["space_id"] == profile["space_id"]


async def test_who_waits_looks_together(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, looks = await shop_of(), 0
    look = shop.offsets.look

    async def counted(group: str) -> StoredOffsets:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.01)
        return await look(group)

    monkeypatch.setattr("service.live.PROGRESS_EVERY", PATIENCE)  # nobody else looks
    async with open_shop(shop) as client:
        position = await position_of(client)
        monkeypatch.setattr(shop.offsets, "look", counted)
        reads = [read(client, "GET", "/profile/ann", position, 0) for _ in range(50)]
        answers = await asyncio.gather(*reads)

    assert {answer.status_code for answer in answers} == {503}
    assert looks < 25  # each of them looks twice


async def test_an_outage_that_nobody_waits_through_any_more_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await shop_of()

    async def fail(_group: str) -> StoredOffsets:
        await asyncio.sleep(0.02)
        raise StoreUnavailableError

    monkeypatch.setattr("service.live.PROGRESS_EVERY", PATIENCE)
    async with open_shop(shop) as client:
        position = await position_of(client)
        monkeypatch.setattr(shop.offsets, "look", fail)
        waiting = asyncio.create_task(read(client, "GET", "/profile/ann", position, FOREVER))
        await asyncio.sleep(0)
        waiting.cancel()
        answer = await read(client, "GET", "/profile/ann", position, FOREVER)

    assert answer.status_code == 503
