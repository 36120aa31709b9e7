"""A worker's health: asked while it works, and no reason for it to stay."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from subprocess import run

import httpx
import pytest
from starlette.testclient import TestClient

from portrait.errors import StoreUnavailableError
from portrait.events.stream import Notes
from portrait.health import health_app, hosts_of_probes, serve_health
from sandbox.ports import free_port, port_is_free
from tests.support.patience import PATIENCE
from tests.support.processes import until


async def test_a_worker_says_what_is_down() -> None:
    async def down() -> None:
        raise StoreUnavailableError

    port = free_port()
    async with serve_health("127.0.0.1", port, {"redis": down}), httpx.AsyncClient() as client:
        await until(lambda: not port_is_free(port), "it listens")

        answer = await client.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE)

    assert answer.status_code == 503
    assert answer.json()["down"] == ["redis"]


async def test_a_probe_without_an_answer_does_not_keep_a_worker_from_leaving() -> None:
    port, asked = free_port(), asyncio.Event()

    async def never() -> None:
        asked.set()
        await asyncio.Event().wait()

    async def probe() -> None:
        with suppress(httpx.TransportError):
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                await client.get(f"http://127.0.0.1:{port}/readyz")

    async with (
        asyncio.timeout(PATIENCE),
        asyncio.TaskGroup() as tasks,
        serve_health("127.0.0.1", port, {"redis": never}),
    ):
        await until(lambda: not port_is_free(port), "it listens")
        tasks.create_task(probe())
        await asked.wait()

    assert port_is_free(port)


async def test_signals_are_the_workers_own_and_end_no_probe() -> None:
    port, told = free_port(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    try:
        async with serve_health("127.0.0.1", port, {}), httpx.AsyncClient() as client:
            await until(lambda: not port_is_free(port), "it listens")

            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                await told.wait()

            answer = await client.get(f"http://127.0.0.1:{port}/livez", timeout=PATIENCE)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)

    assert answer.status_code == 200


def test_a_worker_that_is_ready_tells_what_befell_its_log() -> None:
    notes = Notes()
    client = TestClient(health_app({}, notes))

    assert client.get("/readyz").json()["notes"] == []
    notes.add("a log began again")

    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["notes"]) == (200, ["a log began again"])


FAILS = """
import asyncio
from portrait.logs import configure_logs, report_failure
from portrait.health import serve_health

async def main(port):
    async with serve_health("127.0.0.1", port, {{}}):
        await asyncio.sleep(0.5)
        raise KeyError("ann@" + "example.org")

report_failure()
configure_logs("json")
asyncio.run(main({port}))
"""


def test_what_ends_a_worker_is_not_told_by_its_health() -> None:
    code = FAILS.format(port=free_port())
    ended = run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603

    assert "process_failed" in ended.stdout
    assert "ann@example.org" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("bound", "asked", "status"),
    [
        ("127.0.0.1", "127.0.0.1:9100", 200),
        ("127.0.0.1", "localhost", 200),
        ("localhost", "localhost:9100", 200),
        ("::1", "[::1]:9100", 200),
        ("127.0.0.1", "evil.example:9100", 400),
        ("::1", "evil.example", 400),
        ("0.0.0.0", "10.1.2.3:9100", 200),  # noqa: S104 - a pod is asked by its address
    ],
)
async def test_on_loopback_no_page_reads_it_by_a_name_of_its_own(
    bound: str, asked: str, status: int
) -> None:
    app = health_app({}, hosts=hosts_of_probes(bound))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        answer = await client.get("/metrics", headers={"host": asked})

    assert answer.status_code == status
