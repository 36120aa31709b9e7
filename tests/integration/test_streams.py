"""Streams on real sockets: what somebody reads again whenever it has changed."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from resource import getpagesize
from socket import AF_INET, SO_RCVBUF, SOL_SOCKET, socket
from typing import Any

import httpx
import pytest
from fastapi import routing

from portrait.access.key import new_key
from portrait.access.scope import Scope
from portrait.events.columns import ERASURE
from portrait.events.consent import Consent, Purpose
from portrait.events.erasure import FOREVER
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts
from portrait.profiles.profile import encode_profiles
from service.access.guard import Guard
from service.seats import Seats
from tests.support.cards import NOON
from tests.support.catalogues import ITEMS, catalogue
from tests.support.events import streaming
from tests.support.patience import PATIENCE
from tests.support.processes import until
from tests.support.serving import Rules, Serving, serving
from tests.support.shop import Shop

MILK = {"type": "click", "item_id": "milk"}
BEEF = {"type": "cart", "item_id": "beef"}
TUNA = {"type": "purchase", "item_id": "tuna", "price": 2.5}
ASKED = {"user_id": "ann", "limit": 2, "diversity": 0, "exclude_seen": False}
MOST_BYTES_OF_ONE = 1_000_000  # of a stream: measured is a tenth of it


@pytest.fixture
async def shop() -> Shop:
    shop = Shop()
    await shop.stock()
    shop.remember("ann", MILK, painted=catalogue())
    return shop


@pytest.fixture
async def served(shop: Shop) -> AsyncIterator[Serving]:
    async with serving(shop) as served:
        await until_ready(served)
        yield served


async def until_ready(served: Serving) -> None:
    async def is_ready() -> bool:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            return (await client.get(f"{served.url}/readyz")).status_code == 200 and (
                await client.get(f"{served.url}/items/milk")
            ).status_code in {200, 401}

    await until(is_ready, "the catalogue is there")


async def test_a_stream_begins_with_the_profile_and_goes_on_with_each_change(
    shop: Shop, served: Serving
) -> None:
    url = f"{served.url}/profile/ann"
    async with streaming(f"{url}/stream") as stream, httpx.AsyncClient() as client:
        first = await stream.some()
        plain = await client.get(url)
        shop.remember("ann", MILK, BEEF, painted=catalogue())
        second = await stream.some()
        shop.remember("ann", MILK, BEEF, TUNA, painted=catalogue())
        third = await stream.some()

    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    assert stream.answer.headers["cache-control"] == "no-cache"
    assert stream.retry_ms == 2_000
    assert [each.event for each in (first, second, third)] == ["profile"] * 3
    assert [each.data["events_folded"] for each in (first, second, third)] == [1, 2, 3]
    assert plain.headers["etag"] == f'W/"{first.id}"'
    assert {**plain.json(), "lag_ms": 0} == {**first.data, "lag_ms": 0}


async def test_who_comes_back_is_sent_what_they_missed_and_only_that(
    shop: Shop, served: Serving
) -> None:
    url = f"{served.url}/profile/ann/stream"
    async with streaming(url) as stream:
        first = await stream.some()
    shop.remember("ann", MILK, BEEF, painted=catalogue())
    shop.remember("ann", MILK, BEEF, TUNA, painted=catalogue())

    async with streaming(url, known=first.id) as stream:
        missed = await stream.some()
    async with streaming(url, known=missed.id) as stream:
        changed = asyncio.create_task(stream.some())
        await until(lambda: stream.retry_ms is not None, "the stream is open")
        shop.remember("ann", MILK, painted=catalogue())
        back = await changed

    assert missed.data["events_folded"] == 3  # the newest: nothing of it is lost
    assert back.data["events_folded"] == 1  # and not 3 once more
    assert back.id == first.id


@pytest.mark.parametrize(
    ("path", "status"), [("/profile/nobody/stream", 404), ("/profile/gone/stream", 410)]
)
async def test_who_has_no_profile_is_told_so_as_on_the_plain_way(
    shop: Shop, served: Serving, path: str, status: int
) -> None:
    forget(shop, "gone")

    async with streaming(f"{served.url}{path}") as stream, httpx.AsyncClient() as client:
        plain = await client.get(f"{served.url}{path.removesuffix('/stream')}")

    assert stream.answer.status_code == plain.status_code == status
    assert stream.answer.json()["type"] == plain.json()["type"]


def forget(shop: Shop, user: str) -> None:
    """Erase somebody, and pass over what they do from now on."""
    facts = Facts.empty(1)
    facts.head["last_id"][0, ERASURE] = FOREVER
    (shop.profiles.records[user],) = encode_profiles(facts, paint(facts.ring, catalogue()))


async def test_the_stream_of_somebody_who_is_erased_ends_and_says_so(
    shop: Shop, served: Serving
) -> None:
    async with (
        streaming(f"{served.url}/profile/ann/stream") as profiles,
        streaming(f"{served.url}/recommend/stream", ASKED) as lists,
    ):
        await profiles.some()
        await lists.some()

        forget(shop, "ann")

        for stream in (profiles, lists):
            last = await stream.some()
            assert (last.event, last.data["status"]) == ("end", 410)
            assert last.data["type"] == "urn:portrait:problem:profile-erased"
            assert await stream.next() is None


async def test_the_stream_of_somebody_who_withdraws_their_consent_ends_and_says_so(
    shop: Shop, served: Serving
) -> None:
    async with streaming(f"{served.url}/profile/ann/stream") as stream:
        await stream.some()

        await shop.profiles.agree({"ann": Consent(1, frozenset({Purpose.PERSONALISATION}))})

        last = await stream.some()
        assert (last.event, last.data["status"]) == ("end", 403)
        assert last.data["type"] == "urn:portrait:problem:consent-withdrawn"
        assert await stream.next() is None


async def test_a_list_is_sent_again_when_other_items_stand_in_it(
    shop: Shop, served: Serving
) -> None:
    async with streaming(f"{served.url}/recommend/stream", ASKED) as stream:
        first = await stream.some()
        shop.remember("ann", MILK, TUNA, TUNA, TUNA, painted=catalogue())
        second = await stream.some()
    async with streaming(f"{served.url}/recommend/stream", ASKED, known=second.id) as stream:
        changed = asyncio.create_task(stream.some())
        await until(lambda: stream.retry_ms is not None, "the stream is open")
        shop.remember("ann", MILK, painted=catalogue())
        third = await changed

    assert [each.event for each in (first, second, third)] == ["recommendations"] * 3
    assert items_of(first) != items_of(second)
    assert (items_of(third), third.id) == (items_of(first), first.id)
    ids = {each.data["recommendation_id"] for each in (first, second, third)}
    assert len(ids) == 3


def items_of(sent: Any) -> list[str]:  # noqa: ANN401 - an event
    return [item["item_id"] for item in sent.data["items"]]


async def test_only_lists_that_were_sent_are_published(shop: Shop) -> None:
    shop.impressions = "answers"
    async with serving(shop) as served:
        await until_ready(served)
        async with streaming(f"{served.url}/recommend/stream", ASKED) as stream:
            first = await stream.some()
        async with streaming(f"{served.url}/recommend/stream", ASKED, known=first.id) as stream:
            changed = asyncio.create_task(stream.some())
            await until(lambda: stream.retry_ms is not None, "the stream is open")
            shop.remember("ann", MILK, TUNA, TUNA, TUNA, painted=catalogue())
            second = await changed

    keys = [message.key.decode() for message in shop.publisher.messages]
    assert keys == [first.data["recommendation_id"], second.data["recommendation_id"]]


async def test_a_list_follows_the_shop_too(
    shop: Shop, served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.recommendations.stream.SHOP_EVERY", 0.0)
    async with streaming(f"{served.url}/recommend/stream", {"limit": 9}) as stream:
        first = await stream.some()
        await shop.stock(*ITEMS, ITEMS[0].model_copy(update={"id": "new", "title": "new milk"}))
        second = await stream.some()

    assert "new" not in items_of(first)
    assert "new" in items_of(second)


async def test_a_wrong_body_is_refused_before_anything_is_sent(served: Serving) -> None:
    url = f"{served.url}/recommend/stream"
    async with (
        streaming(url, {"limit": 0}) as wrong,
        streaming(url, {"surface": "item"}) as lacking,
    ):
        pass

    assert (wrong.answer.status_code, lacking.answer.status_code) == (422, 422)
    assert wrong.answer.headers["content-type"] == "application/problem+json"


async def test_while_the_store_is_away_a_stream_waits_and_goes_on(
    shop: Shop, served: Serving
) -> None:
    async with streaming(f"{served.url}/profile/ann/stream") as stream:
        await stream.some()
        shop.profiles.is_down = True
        await asyncio.sleep(0.6)  # some ticks
        shop.remember("ann", MILK, BEEF, painted=catalogue())
        shop.profiles.is_down = False

        assert (await stream.some()).data["events_folded"] == 2


async def test_a_silent_stream_has_a_heartbeat(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "_PING_INTERVAL", 0.05)

    async with streaming(f"{served.url}/profile/ann/stream") as stream:
        await stream.some()
        reading = asyncio.create_task(stream.next())
        await until(lambda: stream.comments.count("ping") > 2, "it beats")
        reading.cancel()


async def test_streams_end_when_the_service_is_told_to_stop(shop: Shop) -> None:
    rules = Rules(drain=timedelta(seconds=PATIENCE))  # they end long before it
    async with serving(shop, rules) as served:
        await until_ready(served)
        async with (
            streaming(f"{served.url}/profile/ann/stream") as profiles,
            streaming(f"{served.url}/recommend/stream", ASKED) as lists,
        ):
            await profiles.some()
            await lists.some()

            served.border.leaving.has_begun = True

            assert await profiles.next() is None
            assert await lists.next() is None
        served.server.force_exit = True


async def test_there_are_only_so_many_and_who_leaves_makes_room(shop: Shop) -> None:
    seats = Seats(most=2)
    async with serving(shop, seats=seats) as served:
        await until_ready(served)
        url = f"{served.url}/profile/ann/stream"
        async with streaming(url) as one, streaming(f"{served.url}/recommend/stream", ASKED) as two:
            await one.some()
            await two.some()
            async with streaming(url) as third:
                assert third.answer.status_code == 503
                assert third.answer.headers["retry-after"] == "2"
                assert third.answer.json()["detail"] == (
                    "It holds 2 open: streams, and reads that wait for a position."
                )
        await until(lambda: seats.taken == 0, "who left is gone")
        async with streaming(url) as again:
            assert (await again.some()).event == "profile"


def key_of(shop: Shop, *scopes: Scope, origins: tuple[str, ...] = ()) -> dict[str, str]:
    kind: Any = "public" if origins else "server"
    key, token = new_key("test", scopes, NOON, kind=kind, origins=origins)
    shop.keys.keys[key.id] = key
    return {"authorization": f"Bearer {token}"}


async def test_a_key_opens_what_it_opens_on_the_plain_way_and_no_more_than_so_many(
    shop: Shop,
) -> None:
    reads = key_of(shop, Scope.PROFILES_READ)
    lists = key_of(shop, Scope.RECOMMEND)
    page = key_of(shop, Scope.RECOMMEND, origins=("https://shop.example",))
    on_page = {**page, "origin": "https://shop.example"}
    guard, seats = Guard(shop.keys), Seats(most_of_one=1)
    async with serving(shop, guard=guard, seats=seats) as served:
        await until_ready(served)
        profile, listed = f"{served.url}/profile/ann/stream", f"{served.url}/recommend/stream"
        answers = []
        for url, body, headers in (
            (profile, None, {}),
            (profile, None, lists),
            (listed, ASKED, reads),
            (listed, ASKED, on_page),  # it would read the profile of somebody known
            (listed, {"limit": 2}, page),  # from no page
        ):
            async with streaming(url, body, headers=headers) as stream:
                answers.append(stream.answer.status_code)
        async with streaming(listed, {"limit": 2}, headers=on_page) as stream:
            opened = (await stream.some()).event
        async with streaming(profile, headers=reads) as first:
            await first.some()
            async with streaming(profile, headers=reads) as second:
                refused = second.answer

    assert answers == [401, 403, 403, 403, 403]
    assert opened == "recommendations"
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        429,
        "caller-holds-too-many",
    )


async def test_a_key_that_is_revoked_ends_its_streams(shop: Shop) -> None:
    reads = key_of(shop, Scope.PROFILES_READ)
    async with serving(shop, guard=Guard(shop.keys)) as served:
        await until_ready(served)
        async with streaming(f"{served.url}/profile/ann/stream", headers=reads) as stream:
            await stream.some()

            (id,) = shop.keys.keys
            await shop.keys.revoke(id, NOON)

            last = await stream.some()
            assert (last.event, last.data["status"]) == ("end", 401)
            assert await stream.next() is None


async def test_a_reader_who_stops_reading_is_let_go(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Rules` let a client leave its answer unread for .3 seconds, once its buffers are full."""
    monkeypatch.setattr("service.streams.TICK_SECONDS", 0.002)
    seats = Seats()
    async with serving(shop, seats=seats) as served:
        await until_ready(served)
        client = socket(AF_INET)
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(b"GET /profile/ann/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await until(lambda: seats.taken == 1, "it is open")
        events: list[Mapping[str, object]] = [MILK, BEEF, TUNA] * 15
        records = []
        for count in (40, 41):
            shop.remember("ann", *events[:count], painted=catalogue())
            records.append(shop.profiles.records["ann"])

        async def is_let_go() -> bool:
            records.reverse()
            shop.profiles.records["ann"] = records[0]  # something new to be sent
            return seats.taken == 0

        await until(is_let_go, "it is let go")
        client.close()


async def test_how_many_requests_are_held_and_how_long_they_took_is_told_apart(
    served: Serving,
) -> None:
    sums = 'portrait_request_seconds_sum{route="/profile/{user_id}/stream"}'
    before = await served.metric(sums)
    async with streaming(f"{served.url}/profile/ann/stream") as stream:
        await stream.some()
        held = await served.metric("portrait_requests_held")
        await asyncio.sleep(1.5)
    await until(lambda: served.connections == 0, "it has left")

    assert held >= 1
    assert await served.metric(sums) - before < 1.5


async def test_a_hundred_streams_take_little_memory_and_all_hear_of_a_change(
    shop: Shop, served: Serving
) -> None:
    """Both ends are in this process, so it is what a client takes, too."""
    url = f"{served.url}/profile/ann/stream"
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(streaming(url))
        await one.some()
        before = resident()
        opened = await asyncio.gather(
            *(stack.enter_async_context(streaming(url)) for _ in range(99))
        )
        firsts = await asyncio.gather(*(stream.some() for stream in opened))
        grown = resident() - before
        shop.remember("ann", MILK, BEEF, painted=catalogue())
        changed = await asyncio.gather(*(stream.some() for stream in [one, *opened]))

    assert {each.data["events_folded"] for each in firsts} == {1}
    assert {each.data["events_folded"] for each in changed} == {2}
    assert grown < 99 * MOST_BYTES_OF_ONE


def resident() -> int:
    """Return how many bytes of memory this process has."""
    pages = int(Path(f"/proc/{os.getpid()}/statm").read_text().split()[1])
    return pages * getpagesize()
