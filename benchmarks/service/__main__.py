"""How fast the service answers, beside a bare FastAPI route that reads the same bytes from Redis.

    python -m benchmarks.service [--items 12000 100000] [--models pretrained learned] [--quick]

A real Redis, a real service, and a generator in a process of its own, for catalogues of two sizes
and models with and without learning. Each kind of request is measured twice: as many as are
answered by a closed loop (capacity), and at half of that, sent at moments fixed beforehand (open
loop). Then, what a few clients who send the costliest requests there are do to everybody else, what
rules, keys, shops, limits and consent cost, and how 200 clients at once fare. All share the
machine. The last line is JSON, latencies in milliseconds.

A million items need 9 GB for everything together, and an hour: --items 1000000 --models pretrained.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tqdm import tqdm

from benchmarks.service import asks
from benchmarks.service.cost import measure_access
from benchmarks.service.generate import Outcome, Plan
from benchmarks.service.measure import (
    OPEN_CONNECTIONS,
    Stand,
    begun,
    capacity,
    ended,
    half_of,
    open_loop,
    processor_seconds,
    resident_bytes,
)
from benchmarks.service.ruled import ruled
from benchmarks.service.shop import Shop, fill, open_shop
from portrait.adapters.redis_store import connect_redis
from sandbox.servers import Servers, free_port, python, running, start_servers, wait_for_port

PROFILE, FAIRNESS, ACCESS, CROWD = "GET /profile", "fairness", "access", "crowd"
RULED = "ruled"
KINDS = [PROFILE, *asks.RECOMMENDATIONS, RULED, FAIRNESS, ACCESS, CROWD]
PROFILE_RATE = 200.0  # a second, of the goal
BESIDE_RATE = 100.0  # of those who are disturbed by the costliest
COSTLY_CLIENTS = 8
CROWD_CONNECTIONS = 200
LOAD_SECONDS = 300.0  # longest for a service to take in a catalogue of a shop of some size
LOADED = 300.0  # items a second, of larger ones: many machines are slower than this one
GOALS = {"recommend_per_second": 400, "recommend_p99_ms": 20, "profile_p99_ms": 10}
LEAST_OF_BARE = 0.6
MOST_DISTURBED = 2.0

INDEX = b"The index of"  # how a note begins that says there is none yet

Figures = dict[str, object]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    options = _options(arguments)
    started = time.monotonic()
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder, start_servers(Path(folder)) as servers:
        for items in options.items:
            for model in options.models:
                shop = open_shop(items, options.users, is_learned=model == "learned")
                figures[f"{model} {items}"] = _measured(shop, servers, options)
    print(json.dumps({"seconds": round(time.monotonic() - started), "goals": GOALS, **figures}))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[12_000, 100_000])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument(
        "--models", nargs="+", choices=["pretrained", "learned"], default=["pretrained", "learned"]
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of one measurement")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--quick", action="store_true", help="does it run? a small shop, at once")
    options = parser.parse_args(arguments)
    if options.quick:
        options.items, options.users, options.seconds = [500], 100, 0.4
        options.models = ["learned"]
    return options


def _measured(shop: Shop, servers: Servers, options: argparse.Namespace) -> Figures:
    """Serve a shop, and measure every kind of request."""
    asyncio.run(_fill(servers.redis, shop))
    with _serving(shop, servers, options.seconds) as stand:
        return {"held": _held(stand)} | {
            kind: _MEASURES.get(kind, partial(_recommend, kind))(stand) for kind in options.kinds
        }


def _held(stand: Stand) -> Figures:
    """Say what it took the service to be ready, and what it holds."""
    held = {"seconds": round(stand.loaded), "megabytes": round(stand.memory() / 1e6)}
    tqdm.write(f"  {'held':>18}  {held['megabytes']:,} MB, after {held['seconds']} s")
    return {**held}


async def _fill(url: str, shop: Shop) -> None:
    redis = await connect_redis(url)
    await redis.flushall()
    await fill(redis, shop)
    await redis.aclose()


@contextmanager
def _serving(shop: Shop, servers: Servers, seconds: float) -> Iterator[Stand]:
    """Run the service and the bare one."""
    service, bare = free_port(), free_port()
    with ExitStack() as stack:
        settings = {**servers.environment, "PORTRAIT_PORT": str(service)}
        process = stack.enter_context(
            running(python("service"), servers.directory / "service.log", settings)
        )
        command = python("benchmarks.service.bare", servers.redis, str(bare))
        stack.enter_context(running(command, servers.directory / "bare.log"))
        wait_for_port(bare)
        began = time.monotonic()
        _await_catalogue(service, LOAD_SECONDS + len(shop.items) / LOADED)
        loaded = time.monotonic() - began
        processor = partial(processor_seconds, process.pid)
        memory = partial(resident_bytes, process.pid)
        yield Stand(shop, service, bare, seconds, processor, servers, loaded, memory)


def _await_catalogue(port: int, patience: float) -> None:
    """Wait until the service has taken in the catalogue, and its index where there is one.

    Raises:
        TimeoutError: It has not.
    """
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if INDEX not in answer.read():
                    return
        except (URLError, TimeoutError):  # not listening yet, or no model yet
            pass
        time.sleep(0.2)
    msg = f"no catalogue after {patience:.0f} s"
    raise TimeoutError(msg)


def _profile(stand: Stand) -> Figures:
    """Measure `GET /profile` at the rate of the goal, and as often as it is answered."""
    requests, bare = asks.profiles(stand.shop, again=True), _bare(stand)
    rate = PROFILE_RATE
    first = open_loop(asks.profiles(stand.shop, again=False), stand, rate)
    most, most_bare = capacity(requests, stand), capacity(requests, bare)
    return {
        **_figures(
            PROFILE, most, open_loop(requests, stand, rate), open_loop(requests, bare, rate)
        ),
        "first_read": asdict(first),
        "bare_capacity": most_bare.rate,
        "of_bare": round(most.rate / most_bare.rate, 3),
    }


def _recommend(kind: str, stand: Stand) -> Figures:
    """Measure one kind of `POST /recommend`, and the bare route at the same rate."""
    requests = asks.recommendations(kind, stand.shop)
    before = stand.processor()
    most = capacity(requests, stand)
    used = stand.processor() - before
    rate = half_of(most, stand.seconds)
    half, bare = open_loop(requests, stand, rate), open_loop(requests, _bare(stand), rate)
    return {
        **_figures(kind, most, half, bare),
        "cpu_ms": round(1e3 * used / (most.rate * stand.seconds), 2),
    }


def _ruled(stand: Stand) -> Figures:
    """Measure what as many rules as there may be cost lists, beside none, at the same rate."""
    figures: Figures = {}
    for kind in ("user", "session", "stranger"):
        requests = asks.recommendations(kind, stand.shop)
        with ruled(stand.service):
            most = capacity(requests, stand)
            rate = half_of(most, stand.seconds)
            by_rules = open_loop(requests, stand, rate)
        without = open_loop(requests, stand, rate)
        figures[kind] = {"capacity": most.rate, **asdict(by_rules), "without": asdict(without)}
        tqdm.write(
            f"  {RULED:>18}  {kind}: {most.rate:,.0f}/s at most; at half p50 {by_rules.p50_ms:.2f}"
            f"  p99 {by_rules.p99_ms:.2f} ms, without rules {without.p50_ms:.2f}"
            f" and {without.p99_ms:.2f}"
        )
    return figures


def _bare(stand: Stand) -> Stand:
    return replace(stand, service=stand.bare)


def _figures(kind: str, most: Outcome, half: Outcome, bare: Outcome) -> Figures:
    """Put together, and show, what was measured of one kind."""
    tqdm.write(
        f"  {kind:>18}  {most.rate:>7,.0f}/s at most; at {half.rate:>6,.0f}/s"
        f"  p50 {half.p50_ms:6.2f}  p99 {half.p99_ms:7.2f}  p99.9 {half.p999_ms:7.2f} ms;"
        f" bare p99 {bare.p99_ms:6.2f} ms"
    )
    return {"capacity": most.rate, **asdict(half), "bare": asdict(bare)}


def _fairness(stand: Stand) -> Figures:
    """Measure what those who send the costliest requests do to those who read profiles."""
    requests, costly = asks.profiles(stand.shop, again=True), asks.costliest(stand.shop)
    seconds = 2 * stand.seconds
    alone = ended(begun(Plan(stand.service, requests, seconds, OPEN_CONNECTIONS, BESIDE_RATE)))
    crowd = begun(Plan(stand.service, costly, seconds + 1, COSTLY_CLIENTS))
    beside = ended(begun(Plan(stand.service, requests, seconds, OPEN_CONNECTIONS, BESIDE_RATE)))
    costliest = ended(crowd)
    tqdm.write(
        f"  {FAIRNESS:>18}  {PROFILE} p99 {alone.p99_ms:.2f} ms alone, {beside.p99_ms:.2f} ms"
        f" beside {costliest.rate:.0f} of the costliest a second"
    )
    return {"alone": asdict(alone), "beside": asdict(beside), "costliest": asdict(costliest)}


def _crowd(stand: Stand) -> Figures:
    """Measure 200 clients who ask again as soon as they are answered."""
    figures: Figures = {}
    for kind, requests in (
        (PROFILE, asks.profiles(stand.shop, again=True)),
        ("session", asks.recommendations("session", stand.shop)),
    ):
        plan = Plan(stand.service, requests, 2 * stand.seconds, CROWD_CONNECTIONS)
        outcome = ended(begun(plan))
        figures[kind] = asdict(outcome)
        tqdm.write(
            f"  {CROWD:>18}  {CROWD_CONNECTIONS} clients, {kind}: {outcome.rate:,.0f}/s, p99"
            f" {outcome.p99_ms:.0f} ms, {outcome.statuses}"
        )
    return figures


_MEASURES: dict[str, Callable[[Stand], Figures]] = {
    PROFILE: _profile,
    FAIRNESS: _fairness,
    RULED: _ruled,
    ACCESS: partial(measure_access, patience=LOAD_SECONDS),
    CROWD: _crowd,
}

if __name__ == "__main__":
    main()
