"""A worker's health: asked while it works, and no reason for it to stay."""

import asyncio
from contextlib import suppress

import httpx
from starlette.testclient import TestClient

from demo.ports import free_port, port_is_free
from portrait.errors import StoreUnavailableError
from portrait.stream import Notes
from tests.patience import PATIENCE
from tests.processes import until
from workers.health import health_app, serve_health


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


def test_a_worker_that_is_ready_tells_what_befell_its_log() -> None:
    notes = Notes()
    client = TestClient(health_app({}, notes))

    assert client.get("/readyz").json()["notes"] == []
    notes.add("a log began again")

    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["notes"]) == (200, ["a log began again"])
