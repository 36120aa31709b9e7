"""Connections: nobody holds one for longer than the limits, and nobody is cut off."""

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import httpx
import pytest
import uvloop

from portrait.events.stream import Message
from service.http.connection import MOST_PIPELINED, Limits
from service.http.middleware import BodyLimits
from service.http.server import LAST_WORDS
from tests.support.pace import times_slower
from tests.support.serving import PATIENCE, SHORT, Rules, Serving, serving
from tests.support.shop import Shop
from tests.unit.test_service_bodies import BODIES, JSON, MEGABYTE, MOST_BYTES

HOST = b"Host: x\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
PROFILE = b"GET /profile/ann HTTP/1.1\r\n" + HOST + b"\r\n"
EVENTS = b"POST /events HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
LAST = LIVEZ.replace(HOST, HOST + b"Connection: close\r\n")
CLICK = b'{"type":"click","user_id":"ann","item_id":"tent"}'
DELETE = b"DELETE /profile/victim HTTP/1.1\r\n" + HOST + b"\r\n"
UPGRADE = (
    b"Connection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
)
STALLED = EVENTS + b"Content-Length: 100000\r\n\r\n{"
TOO_SLOW = {b"HTTP/1.1 408 ", b""}
ANSWERED_ONCE = {b"HTTP/1.1 200 ", b""}
CHUNKED = EVENTS + b"Transfer-Encoding: chunked\r\n\r\n"
HELD_UP_SECONDS = 0.7  # of processor time; the slowest body once took 5.9
FAILED = 'portrait_requests_total{method="POST",route="/events",status="500"}'
ANSWERED = 'portrait_requests_total{method="GET",route="/livez",status="200"}'
LEFT = 'portrait_requests_total{method="POST",route="/events",status="499"}'
LEFT_PROFILE = 'portrait_requests_total{method="GET",route="/profile/{user_id}",status="499"}'


def problem_in(answer: bytes) -> dict[str, object]:
    head, _, body = answer.rpartition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem: dict[str, object] = json.loads(body)
    return problem


async def trickle(served: Serving, sent: bytes, drop: bytes) -> bytes:
    """Send bytes, then a drop at a time until the server closes; return its answer.

    There may be none: who is still sending when it is closed is reset, and may not see it.
    """
    reader, writer = await served.open(sent)
    answer = asyncio.create_task(read_all(reader))
    async with asyncio.timeout(PATIENCE):
        while not answer.done():
            writer.write(drop)
            await asyncio.sleep(SHORT.total_seconds() / 10)
    writer.close()
    return answer.result()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            answer += part
    return answer


@pytest.mark.parametrize(
    "sent", [b"G", b"GET /livez HT", LIVEZ[:-2], b"GET /" + b"x" * 10_000, EVENTS[:-2]]
)
async def test_headers_that_stop_are_refused_in_time(sent: bytes) -> None:
    async with serving(Shop()) as served:
        answer = await served.exchange(sent)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert problem_in(answer)["status"] == 408


async def test_headers_that_drip_are_refused_in_time() -> None:
    async with serving(Shop()) as served:
        first = await trickle(served, b"GET /livez HTTP/1.1\r\nX: ", b"x")
        second = await trickle(served, LIVEZ, b"\r\n")
        third = await trickle(served, LIVEZ + b"GET /livez HTTP/1.1\r\n", b"x")

    assert first[:13] in TOO_SLOW
    assert second[:13] in ANSWERED_ONCE
    assert third[:13] in ANSWERED_ONCE


async def test_headers_that_stop_after_another_request_are_left_in_time() -> None:
    async with serving(Shop()) as served:
        answer = await served.exchange(LIVEZ + b"GET /livez HTTP")

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_who_says_nothing_is_left_in_time() -> None:
    async with serving(Shop()) as served:
        assert await served.exchange(b"") == b""


async def test_what_is_idle_after_a_request_is_closed_in_time() -> None:
    async with serving(Shop(), Rules(keep_alive=timedelta(seconds=1))) as served:
        answer = await served.exchange(LIVEZ)

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "part", [b"GET /" + b"x" * 40_000, b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000]
)
async def test_headers_too_large_are_refused(part: bytes) -> None:
    async with serving(Shop()) as served:
        answer = await served.exchange(part)

    assert answer[:13] in {b"HTTP/1.1 431 ", b"HTTP/1.1 400 "}
    assert problem_in(answer)


@pytest.mark.parametrize("sent", [b"\0\1\2\r\n\r\n", b"GET /profile/a#b HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_is_a_problem(sent: bytes) -> None:
    async with serving(Shop()) as served:
        answer = await served.exchange(sent)

    assert problem_in(answer)["status"] == 400


@pytest.mark.parametrize("sent", [STALLED, CHUNKED, CHUNKED + b"5\r\n{", STALLED + b" " * 90_000])
async def test_a_body_that_stops_is_refused_in_time(sent: bytes) -> None:
    async with serving(Shop()) as served:
        answer = await served.exchange(sent)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert problem_in(answer)["detail"] == "The body took too long."


async def test_a_body_that_drips_is_refused_in_time() -> None:
    async with serving(Shop()) as served:
        answer = await trickle(served, STALLED, b" ")

    assert answer[:13] in TOO_SLOW


async def test_a_body_that_nobody_reads_does_not_hold_its_connection() -> None:
    stalled = b"GET /livez HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\nx"

    async with serving(Shop(), Rules(keep_alive=timedelta(seconds=1))) as served:
        answers = [await served.exchange(stalled), await trickle(served, stalled, b"x" * 100)]

    assert all(answer[:13] in ANSWERED_ONCE for answer in answers)


async def test_three_hundred_slow_clients_are_gone_in_time() -> None:
    async with serving(Shop()) as served:
        opened = [await served.open(sent) for sent in (b"", b"GET", STALLED) * 100]
        async with httpx.AsyncClient() as client:
            meanwhile = await client.get(f"{served.url}/livez")
        await served.until_connections(0)
        for _, writer in opened:
            writer.close()

    assert meanwhile.status_code == 200


async def test_who_does_not_read_is_left_in_time() -> None:
    ask = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"

    async with serving(Shop()) as served:
        many = await served.open(ask * MOST_PIPELINED * 4)
        last = await served.open(ask.replace(HOST, HOST + b"Connection: close\r\n"))
        many[0]._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001 - a client that does not read
        last[0]._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001 - likewise
        await served.until_connections(0)
        many[1].close()
        last[1].close()


async def test_requests_without_end_before_an_answer_are_refused() -> None:
    async with serving(Shop()) as served:
        answered = await served.metric(ANSWERED)
        _, writer = await served.open(LIVEZ * 10_000)
        await served.until_connections(1)
        await served.until_connections(0)
        writer.close()
        now = await served.metric(ANSWERED)

    assert now - answered <= MOST_PIPELINED + 1


async def test_a_probe_finds_room_beside_any_number_of_idle_clients() -> None:
    rules = Rules(limits=Limits(connections=5))

    async with serving(Shop(), rules) as served:
        opened = [await served.open(b"GET /slow") for _ in range(20)]
        await asyncio.sleep(0.1)
        held = served.connections
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{served.url}/livez")
        for _, writer in opened:
            writer.close()

    assert held <= 5
    assert answer.status_code == 200


async def test_who_kept_us_waiting_longest_for_a_body_makes_room() -> None:
    rules = Rules(Limits(connections=5), BodyLimits(longest_pause=timedelta(seconds=30)))

    async with serving(Shop(), rules) as served:
        opened = []
        for _ in range(8):
            opened.append(await served.open(STALLED))
            await asyncio.sleep(0.02)  # so that we know who came first
        answers = [await served.exchange(LAST) for _ in range(3)]
        held = served.connections
        async with asyncio.timeout(PATIENCE):
            given_up = [await read_all(reader) for reader, _ in opened[:4]]
        last_is_read = asyncio.create_task(read_all(opened[-1][0]))
        await asyncio.sleep(0.1)
        is_last_kept = not last_is_read.done()
        for _, writer in opened:
            writer.close()
        await last_is_read

    assert held <= 5
    assert [statuses_in(answer) for answer in answers] == [[b"200"]] * 3
    assert [statuses_in(answer) for answer in given_up] == [[b"408"]] * 4
    assert problem_in(given_up[0])
    assert is_last_kept


async def test_who_is_being_answered_makes_no_room() -> None:
    shop, may_go_on = slow_shop()
    await shop.stock()

    async with serving(shop, Rules(Limits(connections=3))) as served:
        await asyncio.sleep(0.5)  # the model is taken up
        opened = [await served.open(PROFILE + sent) for sent in (b"", b"GET", STALLED)]
        await asyncio.sleep(0.1)
        refused = await served.exchange(LAST)
        for _ in opened:
            may_go_on.release()
        async with asyncio.timeout(PATIENCE):
            answers = [await reader.readuntil(b"}") for reader, _ in opened]
        for _, writer in opened:
            writer.close()

    assert statuses_in(refused) == [b"503"]
    assert [statuses_in(answer) for answer in answers] == [[b"404"]] * 3


FEW_BODIES = Rules(bodies=BodyLimits(most_at_once=150_000, longest_pause=timedelta(seconds=30)))


async def test_who_kept_most_of_a_body_waiting_for_longest_makes_room_for_others() -> None:
    async with serving(Shop(), FEW_BODIES) as served:
        opened = []
        for sent in (STALLED, STALLED + b" " * 60_000, STALLED + b" " * 60_000):
            opened.append(await served.open(sent))
            await asyncio.sleep(0.1)  # so that we know who came first
        answers = [asyncio.create_task(read_all(reader)) for reader, _ in opened]
        async with httpx.AsyncClient() as client:
            later = await client.post(f"{served.url}/events", json={"pad": "x" * 60_000})
        async with asyncio.timeout(PATIENCE):
            ended = await answers[1]
        are_kept = [not answer.done() for answer in answers]
        for _, writer in opened:
            writer.close()
        await asyncio.gather(*answers)

    assert later.status_code == 422
    assert problem_in(ended)["detail"] == "The body took too long: others wait."
    assert statuses_in(ended) == [b"408"]
    assert are_kept == [True, False, True]


async def test_bodies_together_are_bounded_where_nobody_is_slow() -> None:
    shop, may_go_on = Shop(), asyncio.Event()

    async def publish(messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        del messages
        await may_go_on.wait()
        return {}

    shop.publisher.publish = publish  # type: ignore[method-assign] # a log that takes its time
    padded = {**json.loads(CLICK), "pad": "x" * 60_000}

    async with serving(shop, FEW_BODIES) as served, httpx.AsyncClient() as client:
        first = [
            asyncio.create_task(client.post(f"{served.url}/events", json=padded)) for _ in range(2)
        ]
        await asyncio.sleep(0.3)
        refused = await client.post(f"{served.url}/events", json=padded)
        may_go_on.set()
        taken = [(await each).status_code for each in first]
        later = await client.post(f"{served.url}/events", json=padded)

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert [*taken, later.status_code] == [202, 202, 202]


@pytest.mark.parametrize("sent", [STALLED, CHUNKED + b"5\r\n{", STALLED + b" " * 90_000])
async def test_a_client_that_leaves_in_the_middle_is_no_failure(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Shop()) as served:
        failed, left = await served.metric(FAILED), await served.metric(LEFT)
        for _ in range(3):
            _, writer = await served.open(sent)
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
        await served.until_connections(0)
        now = await served.metric(FAILED), await served.metric(LEFT)

    assert now == (failed, left + 3)
    assert not errors_in(caplog.records)


def slow_shop() -> tuple[Shop, asyncio.Semaphore]:
    """Return a shop whose profiles are read when it is said, so many times."""
    shop, may_go_on = Shop(), asyncio.Semaphore(0)

    async def slow(users: Sequence[str]) -> list[bytes | None]:
        await may_go_on.acquire()
        return [None for _ in users]

    shop.profiles.load = slow  # type: ignore[method-assign] # a store that takes its time
    return shop, may_go_on


@pytest.mark.parametrize(("answered", "waiting"), [(0, 0), (1, 0), (1, 1)])
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_client_that_leaves_before_its_answer_is_no_failure(
    answered: int,
    waiting: int,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def leave() -> None:
        shop, may_go_on = slow_shop()
        await shop.stock()
        async with serving(shop) as served:
            await asyncio.sleep(0.5)  # the model is taken up
            left = await served.metric(LEFT_PROFILE)
            _, writer = await served.open(PROFILE * (answered + 1 + waiting))
            await asyncio.sleep(0.1)
            writer.close()
            for _ in range(answered):
                may_go_on.release()
            await served.until_connections(0)
            may_go_on.release()
            await asyncio.sleep(0.1)
            assert await served.metric(LEFT_PROFILE) == left + 1

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(leave())

    assert not errors_in(caplog.records)


def errors_in(records: Sequence[logging.LogRecord]) -> list[logging.LogRecord]:
    return [record for record in records if record.levelno >= logging.WARNING]


async def test_nobody_is_cut_off_by_the_end() -> None:
    rules = Rules(limits=Limits(), drain=timedelta(seconds=2))  # a busy client may be slow
    statuses: list[int] = []
    lost: list[Exception] = []
    ready: list[int] = []

    async def ask(client: httpx.AsyncClient, url: str) -> None:
        while True:
            try:
                answer = await client.get(url)
            except httpx.ConnectError:
                return  # nobody is let in any more: said, and safe to send elsewhere
            except httpx.TransportError as error:
                lost.append(error)
                return
            (ready if url.endswith("readyz") else statuses).append(answer.status_code)
            await asyncio.sleep(0.002)

    async with serving(Shop(), rules) as served, httpx.AsyncClient() as client:
        paths = ["/livez"] * 20 + ["/readyz"]
        asking = [asyncio.create_task(ask(client, served.url + path)) for path in paths]
        await asyncio.sleep(0.5)
        served.server.should_exit = True
        await asyncio.gather(*asking, served.task)

    assert lost == []
    assert set(statuses) == {200}
    assert len(statuses) > 20  # so few on a busy machine; 1,400 on an idle one
    assert ready[-1] == 503


async def test_a_stalled_body_does_not_hold_up_the_end() -> None:
    rules = replace(Rules(), bodies=BodyLimits(longest_pause=SHORT))

    async with serving(Shop(), rules) as served:
        dripping = asyncio.create_task(trickle(served, STALLED, b" "))
        await asyncio.sleep(0.1)
        served.server.should_exit = True
        async with asyncio.timeout(5):
            await served.task
        answer = await dripping

    assert answer[:13] in TOO_SLOW


async def test_who_came_last_and_is_slow_to_ask_is_answered() -> None:
    rules = Rules(limits=Limits(), drain=timedelta(milliseconds=100))

    async with serving(Shop(), rules) as served:
        reader, writer = await served.open()
        await served.until_connections(1)
        served.server.should_exit = True
        await asyncio.sleep(LAST_WORDS.total_seconds() + 0.5)
        writer.write(LIVEZ)
        answer = await read_all(reader)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


async def test_while_it_leaves_answers_close_their_connections() -> None:
    async with serving(Shop()) as served, httpx.AsyncClient() as client:
        before = await client.get(f"{served.url}/livez")
        served.border.leaving.has_begun = True
        after = await client.get(f"{served.url}/livez")

    assert "connection" not in before.headers
    assert after.headers["connection"] == "close"


@pytest.mark.parametrize("method", ["POST /events", "GET /livez"])
async def test_what_follows_a_body_is_bounded(method: str) -> None:
    head = f"{method} HTTP/1.1\r\nContent-Type: application/json\r\n".encode() + HOST
    async with serving(Shop(), Rules(limits=Limits(), bodies=BodyLimits())) as served:
        reader, writer = await served.open(head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
        answer = asyncio.create_task(read_all(reader))
        sent = 0
        async with asyncio.timeout(PATIENCE):
            while not answer.done() and sent < 4_000_000:
                writer.write(b"a:\r\n" * 1_000)
                sent += 4_000
                await asyncio.sleep(0)
                with suppress(ConnectionError):
                    await writer.drain()
        writer.close()
        assert sent < 4_000_000


async def test_who_came_while_the_loop_was_busy_is_answered_before_the_door_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[bytes] = []
    async with serving(Shop()) as served:
        callers = [Thread(target=_call, args=(served.port, answers)) for _ in range(20)]
        monkeypatch.setattr(served.server, "_leaving", _Busy(callers))
        served.server.should_exit = True
        await served.task
        for caller in callers:
            await asyncio.to_thread(caller.join, PATIENCE)

    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 200 "] * 20


@pytest.mark.parametrize("sent", [LIVEZ, b"nonsense\r\n\r\n"])
async def test_no_answer_is_taken_for_another_type_than_it_says(sent: bytes) -> None:
    async with serving(Shop()) as served:
        answer = await served.exchange(sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert b"\r\nx-content-type-options: nosniff\r\n" in answer


def sized(body: bytes) -> bytes:
    return EVENTS + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(body)


def statuses_in(answers: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)


async def send_in_parts(served: Serving, *parts: bytes) -> bytes:
    """Send parts, each in a packet of its own; read until the server closes."""
    reader, writer = await served.open()
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.005)
        async with asyncio.timeout(PATIENCE):
            return await read_all(reader)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "parts",
    [
        [sized(CLICK) + CLICK + LAST],
        [sized(CLICK), CLICK, LAST],
        [sized(CLICK)[:-2], sized(CLICK)[-2:] + CLICK[:5], CLICK[5:] + LAST],
        [bytes([each]) for each in sized(CLICK) + CLICK + LAST],
        [CHUNKED[:-2] + UPGRADE + b"\r\n%x\r\n" % len(CLICK) + CLICK + b"\r\n0\r\n\r\n" + LAST],
        [CHUNKED[:-2] + UPGRADE + b"\r\n", b"%x\r\n" % len(CLICK), CLICK, b"\r\n0\r\n\r\n", LAST],
    ],
    ids=["one packet", "later", "across", "byte by byte", "chunked", "chunked, later"],
)
async def test_a_request_that_offers_an_upgrade_keeps_its_body(
    parts: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()

    async with serving(shop, Rules(Limits(), BodyLimits())) as served:
        answers = await send_in_parts(served, *parts)

    assert statuses_in(answers) == [b"202", b"200"]
    assert len(shop.publisher.messages) == 1
    assert not errors_in(caplog.records)


@pytest.mark.parametrize("cut", [0, len(sized(DELETE))])
async def test_a_body_after_an_upgrade_is_no_request(cut: int) -> None:
    shop, whole = Shop(), sized(DELETE) + DELETE + LAST

    async with serving(shop, Rules(Limits(), BodyLimits())) as served:
        answers = await send_in_parts(served, whole[:cut], whole[cut:])

    assert statuses_in(answers) == [b"422", b"200"]
    assert shop.publisher.messages == []


@pytest.mark.parametrize(
    "asked",
    [
        UPGRADE,
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
        b"Upgrade: h2c\r\nConnection: upgrade\r\nConnection: keep-alive\r\n",
    ],
)
async def test_what_follows_an_upgrade_is_answered(
    asked: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    hello = LIVEZ.replace(HOST, HOST + asked)
    async with serving(Shop()) as served:
        many = await served.exchange(LIVEZ + hello * 3 + LAST)
        closed = await served.exchange(hello[:-2] + b"Connection: close\r\n\r\n" + LIVEZ)

    assert statuses_in(many) == [b"200"] * 5
    assert statuses_in(closed)[:1] == [b"200"]
    assert closed.count(b"connection: close") == 1
    assert not errors_in(caplog.records)


async def test_upgrades_without_end_are_refused() -> None:
    async with serving(Shop()) as served:
        answers = await send_in_parts(served, LIVEZ.replace(HOST, HOST + UPGRADE) * 3_000)

    assert len(statuses_in(answers)) <= MOST_PIPELINED + 2


@pytest.mark.parametrize("target", [b"x:443", b"/livez"])
async def test_nobody_is_connected_through(target: bytes) -> None:
    async with serving(Shop()) as served:
        answers = await served.exchange(
            b"CONNECT " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n" + DELETE
        )

    assert statuses_in(answers) == [b"400"]
    assert problem_in(answers)


@pytest.mark.parametrize("path", [b"/livez", b"/profile/ann"])
async def test_two_hosts_are_refused(path: bytes) -> None:
    async with serving(Shop()) as served:
        answers = await served.exchange(LAST.replace(b"/livez", path).replace(HOST, HOST + HOST))

    assert statuses_in(answers) == [b"400"]
    assert problem_in(answers)["type"] == "urn:portrait:problem:host-unknown"


class _Busy:
    """A loop that takes nobody while it begins to leave; the kernel lets them in all the same."""

    def __init__(self, callers: Sequence[Thread]) -> None:
        self._callers = callers

    @property
    def has_begun(self) -> bool:
        return True

    @has_begun.setter
    def has_begun(self, _: bool) -> None:
        for caller in self._callers:
            caller.start()
        time.sleep(0.5)


def _call(port: int, answers: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(LIVEZ)
        answers.append(client.recv(2**16))


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_full_of_mistakes_holds_up_nobody_else(name: str) -> None:
    method, path, body = BODIES[name]
    content = body()
    longest = 0.0

    async def tick() -> None:
        """Note what this process computes, anywhere, before it is our turn again."""
        nonlocal longest
        while True:
            began = time.process_time()
            await asyncio.sleep(0.005)
            longest = max(longest, time.process_time() - began)

    async with (
        serving(Shop(), Rules(Limits(), BodyLimits(most_bytes=MEGABYTE))) as served,
        httpx.AsyncClient(base_url=served.url, timeout=PATIENCE) as client,
    ):
        ticking = asyncio.create_task(tick())
        answer = await client.request(method, path, content=content, headers=JSON)
        ticking.cancel()

    assert answer.status_code == 422
    assert len(answer.content) <= MOST_BYTES
    assert longest < HELD_UP_SECONDS * times_slower()
