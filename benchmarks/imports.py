"""How fast history is imported, beside the least that anybody has to do who reads it.

    file ─▶ portrait import ─▶ Kafka ─▶ one update worker ─▶ profiles

- `bare`: the same rows as JSON lines, parsed one by one, and nothing else;
- `read`: the first pass alone: read, told, sorted (`--dry-run`);
- `log`: the whole command, until Kafka has every event, with nobody who reads them;
- `update`: one update worker that folds what is in the log then;
- `profiles`: another history, from the start of the command until a worker that runs beside has
  folded it.

BERT takes no part: what it would read is known. The last line is JSON.
"""

import argparse
import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from pydantic_core import from_json

from benchmarks.stream import ITEMS, fill_catalogue
from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_store import connect_redis
from portrait.events.topics import read_topics
from portrait.settings import Settings
from sandbox.processes import python
from sandbox.servers import start_servers

ACTIONS = {"view": 90, "cart": 6, "purchase": 4}
BRANDS = ("samsung", "apple", "xiaomi", "huawei", "")
CATEGORIES = ("electronics.smartphone", "appliances.kitchen.kettle", "apparel.shoes", "")
PRIMER = "primer"  # a user whose profile says that the worker is at work
BEGIN = datetime(2019, 10, 1, tzinfo=UTC)


class Turn(NamedTuple):
    """How long something took, and what it used of a processor, both in seconds."""

    seconds: float
    cpu: float


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_servers(Path(folder)) as servers:
        environment = {**os.environ, **servers.environment}
        asyncio.run(_prepare(Settings.model_validate(_values(environment))))
        first, second = Path(folder) / "2019-Oct.csv", Path(folder) / "2019-Nov.csv"
        rows = _write_log(first, options.events, options.users, seed=7)
        _write_log(second, options.events, options.users, seed=8)
        turns = {"bare": _parse(rows)}
        turns["read"] = _run(first, "--dry-run", environment)
        turns["log"] = _run(first, "--yes", environment)
        with _update_worker(options.events, environment) as worker:
            turns["update"] = _ended(worker)
        with _update_worker(options.events + 1, environment) as worker:
            primer = Path(folder) / "primer.csv"
            _write_log(primer, 1, 1, seed=9)
            primer.write_text(primer.read_text().replace("user-0", PRIMER))
            _run(primer, "--yes", environment)
            asyncio.run(_await_profile(servers.redis))
            started = time.perf_counter()
            beside = _run(second, "--yes", environment)
            folded = _ended(worker)
            seconds = time.perf_counter() - started
            turns["profiles"] = Turn(seconds, beside.cpu + folded.cpu)
            print(f"beside the worker the log had all after {beside.seconds:.1f} s")
    for name, turn in turns.items():
        print(f"{name:>8}  {options.events / turn.seconds:>9,.0f} events/s", end="  ")
        print(f"{1e6 * turn.cpu / options.events:6.1f} µs CPU per event")
    rate = {name: round(options.events / turn.seconds) for name, turn in turns.items()}
    cpu = {name: round(1e6 * turn.cpu / options.events, 1) for name, turn in turns.items()}
    ratios = {name: round(rate[name] / rate["bare"], 4) for name in ("log", "profiles")}
    print(json.dumps({"events_per_second": rate, "cpu_us_per_event": cpu, "to_bare": ratios}))


def _write_log(path: Path, events: int, users: int, seed: int) -> list[dict[str, str]]:
    """Write a log in the format of REES46, by time."""
    random = Random(seed)  # noqa: S311 - a benchmark
    rows: list[dict[str, str]] = []
    for number in range(events):
        item = random.randrange(ITEMS)
        user = random.randrange(users)
        rows.append(
            {
                "event_time": f"{BEGIN + timedelta(seconds=number // 4):%Y-%m-%d %H:%M:%S} UTC",
                "event_type": random.choices([*ACTIONS], [*ACTIONS.values()])[0],
                "product_id": f"item-{item}",
                "category_id": str(2053013555631882655 + item % 300),
                "category_code": CATEGORIES[item % len(CATEGORIES)],
                "brand": BRANDS[item % len(BRANDS)],
                "price": f"{1 + item % 900 + 0.99:.2f}",
                "user_id": f"user-{user}",
                "user_session": f"{random.getrandbits(128):032x}",
            }
        )
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return rows


async def _prepare(settings: Settings) -> None:
    await create_topics(cluster_of(settings), read_topics(settings.topics_file))
    await fill_catalogue(settings)


def _values(environment: dict[str, str]) -> dict[str, str]:
    names = ("kafka_bootstrap", "redis_url", "topics_file")
    return {name: environment[f"PORTRAIT_{name.upper()}"] for name in names}


def _parse(rows: list[dict[str, str]]) -> Turn:
    """Parse the rows as JSON lines."""
    lines = [json.dumps(row).encode() for row in rows]
    started, cpu = time.perf_counter(), time.process_time()
    for line in lines:
        from_json(line)
    return Turn(time.perf_counter() - started, time.process_time() - cpu)


def _update_worker(events: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start an update worker that ends when it has folded so many more events."""
    turn = python("benchmarks.stream", "--turn", "update", "--group", "import")
    turn += ["--events", str(events), "--value-bytes", "0"]
    return subprocess.Popen(turn, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own


async def _await_profile(url: str) -> None:
    """Wait until the worker has folded its first event: it has its partitions then."""
    redis = await connect_redis(url)
    while not await redis.exists(f"profile:{{{PRIMER}}}"):  # noqa: ASYNC110 - Redis tells nobody
        await asyncio.sleep(0.02)
    await redis.aclose()


def _ended(worker: subprocess.Popen[str]) -> Turn:
    """Wait for its end. Returns how long it took from the first event on."""
    said, _ = worker.communicate()
    if worker.returncode:
        sys.exit("the update worker failed")
    turn = json.loads(said.splitlines()[-1])
    return Turn(turn["seconds"], turn["cpu_seconds"])


def _run(log: Path, option: str, environment: dict[str, str]) -> Turn:
    """Run an import; the start of the interpreter counts as work, and not as time."""
    before = os.times()
    ended = subprocess.run(  # noqa: S603 - our own
        python("portrait", "import", "events", str(log), option),
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return Turn(float(json.loads(ended.stdout.splitlines()[-1])["seconds"]), used)


if __name__ == "__main__":
    main()
