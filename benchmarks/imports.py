"""How fast history is imported, beside the least that anybody has to do who reads it.

    file ─▶ portrait import ─▶ Kafka ─▶ one update worker ─▶ profiles

- `bare`: the same rows as JSON lines, parsed one by one, and nothing else;
- `read`: the first pass alone: read, told, sorted (`--dry-run`);
- `log`: from the start of the command until Kafka has every event;
- `profiles`: from the start of the command until every event is in a profile.

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

from pydantic_core import from_json

from benchmarks.stream import ITEMS, fill_catalogue
from portrait.adapters.kafka_topics import create_topics
from portrait.events.topics import read_topics
from portrait.settings import Settings
from sandbox.processes import python
from sandbox.servers import start_servers
from workers.roots.kafka import cluster_of

ACTIONS = {"view": 90, "cart": 6, "purchase": 4}
BRANDS = ("samsung", "apple", "xiaomi", "huawei", "")
CATEGORIES = ("electronics.smartphone", "appliances.kitchen.kettle", "apparel.shoes", "")
BEGIN = datetime(2019, 10, 1, tzinfo=UTC)
STARTS = 5  # seconds that an update worker takes to be ready


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_servers(Path(folder)) as servers:
        environment = {**os.environ, **servers.environment}
        log = Path(folder) / "2019-Oct.csv"
        rows = _write_log(log, options.events, options.users)
        asyncio.run(_prepare(Settings.model_validate(_values(environment))))
        bare = _parse(rows)
        read = _run(python("portrait", "import", "events", str(log), "--dry-run"), environment)
        seconds, to_log, to_profiles = _import(log, options.events, environment)
    print(
        json.dumps(
            {
                "events": options.events,
                "seconds": {
                    "bare": round(bare, 3),
                    "read": read,
                    "log": to_log,
                    "profiles": round(to_profiles, 3),
                },
                "events_per_second": {
                    "bare": round(options.events / bare),
                    "read": round(options.events / read),
                    "log": round(options.events / to_log),
                    "profiles": round(options.events / to_profiles),
                },
                "update_cpu_us_per_event": round(1e6 * seconds / options.events, 1),
                "log / bare": round(bare / to_log, 4),
            }
        )
    )


def _write_log(path: Path, events: int, users: int) -> list[dict[str, str]]:
    """Write a log in the format of REES46, by time."""
    random = Random(7)  # noqa: S311 - a benchmark
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


def _parse(rows: list[dict[str, str]]) -> float:
    """Parse the rows as JSON lines. Returns the seconds that took."""
    lines = [json.dumps(row).encode() for row in rows]
    started = time.perf_counter()
    for line in lines:
        from_json(line)
    return time.perf_counter() - started


def _import(log: Path, events: int, environment: dict[str, str]) -> tuple[float, float, float]:
    """Import beside an update worker. Returns its CPU seconds, and how long both took."""
    turn = python("benchmarks.stream", "--turn", "update", "--group", "import")
    turn += ["--events", str(events), "--value-bytes", "0"]
    with subprocess.Popen(turn, env=environment, stdout=subprocess.PIPE, text=True) as worker:  # noqa: S603 - our own
        time.sleep(STARTS)
        started = time.perf_counter()
        to_log = _run(python("portrait", "import", "events", str(log), "--yes"), environment)
        said, _ = worker.communicate()
        to_profiles = time.perf_counter() - started
    if worker.returncode:
        sys.exit("the update worker failed")
    return float(json.loads(said.splitlines()[-1])["cpu_seconds"]), to_log, to_profiles


def _run(command: list[str], environment: dict[str, str]) -> float:
    """Run an import. Returns its seconds, with the start of the interpreter left out."""
    ended = subprocess.run(  # noqa: S603 - our own
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    print(ended.stdout.splitlines()[-1])
    return float(json.loads(ended.stdout.splitlines()[-1])["seconds"])


if __name__ == "__main__":
    main()
