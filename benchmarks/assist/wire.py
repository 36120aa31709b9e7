"""The wire: `portrait assist` as a process, asked at a modest rate by users of a filled shop."""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import httpx
import yaml

from benchmarks.assist.sets import Task, few_of_each
from benchmarks.service.generate import Outcome, Plan
from benchmarks.service.shop import fill, open_shop
from portrait.adapters.redis_store import connect_redis
from portrait.helpdesk.passages import passages_of, write_passages
from sandbox.ports import free_port
from sandbox.processes import python, running
from sandbox.servers import start_redis

ITEMS, USERS = 12_000, 2_000
EXAMPLES = 5  # of each intent
CONNECTIONS = 16
START_SECONDS = 120


def measure_wire(task: Task, folder: Path, rate: float, seconds: float) -> Outcome:
    """Fill a shop and a desk, start the process, and ask."""
    _write_desk(task, folder / "desk")
    port = free_port()
    with start_redis(folder) as redis:
        asyncio.run(_fill(redis))
        settings = {
            "PORTRAIT_REDIS_URL": redis,
            "PORTRAIT_ASSIST_PORT": str(port),
            "PORTRAIT_HELP_DESK": str(folder / "desk"),
            "PORTRAIT_ASSIST_MODELS": str(folder / "models"),
        }
        with running(python("portrait", "assist"), folder / "assist.log", settings):
            _await_ready(port)
            plan = Plan(port, _requests(task), seconds, CONNECTIONS, rate)
            ended = subprocess.run(
                [sys.executable, "-m", "benchmarks.service.generate"],
                input=json.dumps(asdict(plan)),
                capture_output=True,
                text=True,
                check=True,
            )
    return Outcome(**json.loads(ended.stdout))


def _write_desk(task: Task, folder: Path) -> None:
    """Write a desk of all classes: an intent, a reply and a passage for each."""
    folder.mkdir(parents=True)
    part, ids = few_of_each(task.train, EXAMPLES, seed=0), _ids(task)
    said: dict[int, list[str]] = {code: [] for code in range(len(ids))}
    for text, code in zip(part.texts, part.codes.tolist(), strict=True):
        said[code].append(text[:500])
    intents = [
        {"id": ids[code], "name": name, "examples": said[code]}
        for code, name in enumerate(task.classes)
    ]
    replies = [
        {
            "id": f"re-{id}"[:64],
            "intent": id,
            "language": "en",
            "text": "About {order_id}: please see our help pages.",
            "slots": {"order_id": "order.order_id"},
        }
        for id in ids
    ]
    (folder / "intents.yml").write_text(yaml.safe_dump({"intents": intents}))
    (folder / "replies.yml").write_text(yaml.safe_dump({"replies": replies}))
    passages = [
        passage
        for code, name in enumerate(task.classes)
        for passage in passages_of("help.md", name, "", ". ".join(said[code]))
    ]
    write_passages(folder / "help" / "help.jsonl", passages)


def _ids(task: Task) -> list[str]:
    return ["".join(sign if sign.isalnum() else "_" for sign in name) for name in task.classes]


async def _fill(url: str) -> None:
    redis = await connect_redis(url)
    await fill(redis, open_shop(ITEMS, USERS, is_learned=True))
    await redis.aclose()


def _await_ready(port: int) -> None:
    """Wait until a user of the shop is known.

    Raises:
        TimeoutError: It takes too long.
    """
    ends, url = time.monotonic() + START_SECONDS, f"http://127.0.0.1:{port}"
    while time.monotonic() < ends:
        try:
            sent = {"message": "hello", "user_id": "user-0"}
            answer = httpx.post(f"{url}/assist", json=sent, timeout=10)
            if answer.status_code == httpx.codes.OK and answer.json()["customer"] is not None:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    msg = "portrait assist is not ready"
    raise TimeoutError(msg)


def _requests(task: Task) -> list[str]:
    """Write a request for each question of the test, each of another user."""
    written = []
    for place, text in enumerate(task.test.texts):
        sent = {
            "message": text,
            "user_id": f"user-{place % USERS}",
            "order": {"order_id": f"A-{place}"},
        }
        body = json.dumps(sent)
        written.append(
            "POST /assist HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
    return written
