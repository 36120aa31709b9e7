"""The demo, `make demo`: from nothing to live profiles of a real shop's customers.

servers ─▶ topics ─▶ workers and service ─▶ catalogue ─▶ replay ─▶ one shopper ─▶ serve
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from types import FrameType

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from demo.replay import POISON, Replayed, progress_bar, replay
from demo.report import profile_text, recommendations_text
from demo.servers import ROOT, Servers, free_port, python, running, start_servers
from demo.shop import Shop, load_shop
from portrait.topics import ITEMS

PORT, KAFKA_PORT = 8_000, 9_092  # others are taken if these are not free
RATE = 2_500  # events a second: about half of what one worker does beside all the others here
START_SECONDS = 180.0  # for a first start on a slow machine
GOAL_MS = 1_000.0  # DESIGN, section 10: p99 of event published → profile readable


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit when done; last line is JSON")
    parser.add_argument("--rate", type=int, default=RATE, help="events a second")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # also into a file
    logs = ROOT / "build" / "demo"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    try:
        with ExitStack() as stack:
            succeeded = _run(stack, logs, check=options.check, rate=options.rate)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        succeeded = True
    sys.exit(0 if succeeded else 1)


def _run(stack: ExitStack, logs: Path, *, check: bool, rate: int) -> bool:
    """Take every step in order. Returns whether everything came out as it should."""
    with _step("Reading the shop's data"):
        shop = load_shop()
    with _step("Starting a Kafka broker and a Redis"):
        servers = stack.enter_context(start_servers(logs, free_port(KAFKA_PORT)))
        environment = {**os.environ, **servers.environment}
        topics = python("workers", "topics")
        subprocess.run(topics, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    with _step("Starting service, update worker and index worker"):
        url = _start_processes(stack, servers)
    asyncio.run(_load_catalogue(shop, servers, url))
    replayed = asyncio.run(replay(shop.events, kafka=servers.kafka, service=url, rate=rate))
    dead = asyncio.run(_dead_letters(servers))
    _show_shopper(url, replayed)
    return _finish(url, servers.kafka, replayed, dead, check=check)


def _start_processes(stack: ExitStack, servers: Servers) -> str:
    """Start what a shop would run, by the same commands. Returns the service's URL."""
    port = free_port(PORT)
    for name, command in {
        "index": python("workers", "index"),
        "update": python("workers", "update"),
        "service": python("service"),
    }.items():
        environment = {**servers.environment, "PORTRAIT_PORT": str(port)}
        if name == "index":
            environment["PORTRAIT_ENCODER_THREADS"] = "2"  # nobody else has work yet
        stack.enter_context(running(command, servers.directory / f"{name}.log", environment))
    return f"http://127.0.0.1:{port}"


async def _load_catalogue(shop: Shop, servers: Servers, url: str) -> None:
    """Publish the catalogue, and wait until it is indexed and everything is ready."""
    producer = AIOKafkaProducer(bootstrap_servers=servers.kafka, linger_ms=5)
    await producer.start()
    for item in shop.items:
        await producer.send(ITEMS, json.dumps(item).encode(), str(item["id"]).encode())
    await producer.stop()
    redis = Redis.from_url(servers.redis)
    ends = time.monotonic() + START_SECONDS
    with progress_bar("Reading the catalogue with BERT", len(shop.items), " items") as bar:
        while bar.n < len(shop.items):
            bar.update(await redis.hlen("items") - bar.n)
            await _pause(ends, "the catalogue was not indexed; see build/demo/index.log")
    with _step("Waiting until everything is ready"):
        while not await redis.exists("progress"):
            await _pause(ends, "the update worker did not start; see build/demo/update.log")
        async with httpx.AsyncClient(base_url=url) as http:
            while not await _is_ready(http):
                await _pause(ends, "the service is not ready; see build/demo/service.log")
    await redis.aclose()


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _pause(ends: float, failure: str) -> None:
    if time.monotonic() > ends:
        raise SystemExit(failure)
    await asyncio.sleep(0.1)


async def _dead_letters(servers: Servers) -> int:
    """Count the dead letters by reading their topic."""
    consumer = AIOKafkaConsumer(
        "events.dead", bootstrap_servers=servers.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    count = 0
    ends = time.monotonic() + 5
    while count < len(POISON) and time.monotonic() < ends:
        found = await consumer.getmany(timeout_ms=500)
        count += sum(map(len, found.values()))
    await consumer.stop()
    return count


def _show_shopper(url: str, replayed: Replayed) -> None:
    """Print one shopper: the one with the most events."""
    ((user, _),) = replayed.expected.most_common(1)
    profile = httpx.get(f"{url}/profile/{user}").raise_for_status().json()
    asked = {"user_id": user, "limit": 6, "explain": True}
    recommended = httpx.post(f"{url}/recommend", json=asked).raise_for_status().json()
    print("\n" + profile_text(profile) + "\n\n" + recommendations_text(recommended) + "\n")


def _finish(url: str, kafka: str, replayed: Replayed, dead: int, *, check: bool) -> bool:
    """Print the figures; serve on, or end with the JSON line. Returns whether all is well."""
    cuts = quantiles(replayed.freshness, n=100)
    p50, p99 = 1_000 * cuts[49], 1_000 * cuts[98]
    figures = {
        "events": replayed.events,
        "profiles": len(replayed.expected),
        "dead": dead,
        "freshness_p50_ms": round(p50),
        "freshness_p99_ms": round(p99),
        "events_per_second": round(replayed.events / replayed.seconds),
    }
    well = not (replayed.lost or replayed.doubled) and dead == len(POISON) and p99 <= GOAL_MS
    print(
        f"  {replayed.events:,} events of {len(replayed.expected)} households at"
        f" {figures['events_per_second']:,} a second; {replayed.repeated} were published twice and"
        f" counted once;\n  {dead} of {len(POISON)} unreadable ones are dead letters;"
        f" {replayed.lost} lost, {replayed.doubled} counted double.\n"
        f"  Event published → profile readable over HTTP: p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        f" ({len(replayed.freshness)} measured)."
    )
    if check:
        print(json.dumps(figures))
        return well
    print(f"\n  Serving at {url} (try {url}/docs), Kafka at {kafka}. Ctrl-C ends everything.")
    while True:
        time.sleep(3_600)


@contextmanager
def _step(title: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{title} …", end="", flush=True)
    started = time.monotonic()
    yield
    print(f" {time.monotonic() - started:.1f} s", flush=True)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
