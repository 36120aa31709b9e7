"""A roll-out: a service under load is told to stop, and no request is lost."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import httpx
import pytest

from sandbox.servers import free_port, python, running, start_servers
from tests.support.processes import environment, until

pytestmark = pytest.mark.e2e

CLIENTS = 12  # that keep their connection; as many open a new one each time
LOAD_SECONDS = 1.5  # before it is told to stop
STALLED = (
    b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)


@dataclass
class Load:
    """What became of the requests."""

    answered: Counter[int] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    ready: list[int] = field(default_factory=list)
    closing: int = 0  # answers that said that their connection closes


@dataclass(frozen=True)
class Service:
    """A service that runs."""

    process: Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    port, log = free_port(), tmp_path / "service.log"
    with start_servers(tmp_path) as servers:
        settings = environment(servers.kafka, servers.redis) | {"PORTRAIT_PORT": str(port)}
        with running(python("service"), log, settings) as process:
            yield Service(process, port, log)


async def test_no_request_is_lost_when_a_service_is_told_to_stop(service: Service) -> None:
    load = Load()
    async with httpx.AsyncClient(base_url=service.url) as client:
        await until(lambda: _is_alive(client), "the service answers")
        _, silent = await asyncio.open_connection("127.0.0.1", service.port)
        _, stalled = await asyncio.open_connection("127.0.0.1", service.port)
        stalled.write(STALLED)
        asking = [asyncio.create_task(_ask(client, load)) for _ in range(CLIENTS)]
        asking += [asyncio.create_task(_ask_anew(service.port, load)) for _ in range(CLIENTS)]
        asking.append(asyncio.create_task(_look(client, load)))
        await asyncio.sleep(LOAD_SECONDS)

        service.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        await asyncio.gather(*asking)
        status = await asyncio.to_thread(service.process.wait, 30)
        took = time.monotonic() - told
    silent.close()
    stalled.close()

    assert status == 0
    assert not load.lost
    assert set(load.answered) == {200, 503}  # there is no model in this one
    assert load.answered.total() > 100
    assert load.closing >= CLIENTS
    assert load.ready[-1] == 503
    assert took < 9  # not the ten seconds that requests in flight may take
    assert "Traceback" not in service.log.read_text()


async def _is_alive(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):
        return (await client.get("/livez")).status_code == 200
    return False


async def _ask(client: httpx.AsyncClient, load: Load) -> None:
    """Ask again and again, until nobody is let in any more: that is said, and can go elsewhere."""
    path = "/livez"
    with suppress(httpx.ConnectError):
        while await _one(client, path, load):
            path = "/profile/ann" if path == "/livez" else "/livez"
            await asyncio.sleep(0.01)


async def _ask_anew(port: int, load: Load) -> None:
    """Ask on a connection of its own each time; httpx takes too long to make a client."""
    with suppress(ConnectionRefusedError):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            try:
                answer = await reader.read()
            except ConnectionError as error:
                answer = repr(error).encode()
            if answer.startswith(b"HTTP/1.1 200 "):
                load.answered[200] += 1
            else:
                load.lost[answer.decode()] += 1
            writer.close()
            await asyncio.sleep(0.01)


async def _one(client: httpx.AsyncClient, path: str, load: Load) -> bool:
    try:
        answer = await client.get(path)
    except httpx.ConnectError:
        raise
    except httpx.TransportError as error:
        load.lost[repr(error)] += 1
        return False
    load.answered[answer.status_code] += 1
    load.closing += answer.headers.get("connection") == "close"
    return True


async def _look(client: httpx.AsyncClient, load: Load) -> None:
    """See what a balancer sees."""
    with suppress(httpx.TransportError):
        while True:
            load.ready.append((await client.get("/readyz")).status_code)
            await asyncio.sleep(0.05)
