"""The demo, `make demo`: from nothing to live profiles of a real shop's customers.

servers ─▶ workers and service ─▶ catalogue ─▶ months before ─▶ learn ─▶ replay
        ─▶ one shopper: their profile, and every page of a visit
        ─▶ a segment: who came into it, and went
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from types import FrameType

import httpx
from aiokafka import AIOKafkaConsumer

from demo.reads import reads_of
from demo.replay import POISON, Replayed, await_folded, await_painted, replay
from demo.report import profile_text
from demo.report_visit import visit_text
from demo.reviews import Written, write_reviews
from demo.rules import put_rules
from demo.segment import Followed, follow_segment, put_segment, segment_text
from demo.shopper import most_telling
from demo.stage import (
    HELD_OUT,
    THRESHOLDS,
    Fields,
    Stage,
    await_archived,
    await_champion,
    await_ready,
    load_catalogue,
    open_stage,
    publish,
    step,
    train,
)
from demo.visit import Visit, visit
from sandbox.servers import ROOT, Servers, python
from sandbox.shop import load_shop

RATE = 2_500  # events a second: about half of what one worker does beside all the others here
MOST_VISITS = 5  # shoppers who are asked about, a second each
TRAININGS = ROOT / "build" / "training-of-demo"  # outlives a run: readers are taken again from it
GOAL_MS = 1_000.0  # DESIGN, section 10: p99 of event published → profile readable


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit when done; last line is JSON")
    parser.add_argument("--rate", type=int, default=RATE, help="events a second")
    options = parser.parse_args()
    interruptible()
    logs = clear_logs()
    try:
        with ExitStack() as stack, ending_said():
            succeeded = _run(stack, logs, check=options.check, rate=options.rate)
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.")
        succeeded = True
    sys.exit(0 if succeeded else 1)


def interruptible() -> None:
    """Let Ctrl-C and SIGTERM end everything in order; print at once into files, too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is a text stream


@contextmanager
def ending_said() -> Iterator[None]:
    """Say that an interrupt was heard, before everything is stopped."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopping everything in order; this takes some ten seconds.")
        raise


def clear_logs() -> Path:
    """Return the folder for logs, archive and models of a run, empty."""
    logs = ROOT / "build" / "demo"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    return logs


def _run(stack: ExitStack, logs: Path, *, check: bool, rate: int) -> bool:
    """Take every step in order. Returns whether everything came out as it should."""
    with step("Reading the shop's data"):
        shop = load_shop(datetime.now(UTC))
        log = write_reviews(shop)
    stage = open_stage(stack, logs)
    kafka = stage.servers.kafka
    asyncio.run(load_catalogue(stage, shop.items))
    asyncio.run(publish(kafka, log.past, "Publishing the months before"))
    stage.start("update", python("workers", "update"))
    stage.start("segments", python("workers", "segments"))
    model = asyncio.run(learn(stage, log.past))
    segment = put_segment(stage.url)
    replayed = asyncio.run(
        replay(log.events, past=log.past, kafka=kafka, service=stage.url, rate=rate)
    )
    dead = asyncio.run(dead_letters(stage.servers))
    followed = asyncio.run(follow_segment(stage.url, kafka, segment))
    _show_shopper(stage.url, most_telling([*shop.past, *shop.events], MOST_VISITS), log)
    print(f"{segment_text(followed)}\n")
    return _finish(stage, replayed, followed, dead, check=check) and model is not None


async def learn(stage: Stage, past: Sequence[Fields], trainings: Path = TRAININGS) -> str | None:
    """Fold and archive what was before, let the trainer learn from it, and await its model."""
    with step("Folding them into profiles, and into the archive"):
        await await_ready(stage)
        await await_folded(stage.url, past)
        await await_archived(stage, len(past))
    print("Learning from them: BERT's vectors, who bought what, and when they came back")
    trainer = stage.start(
        "train",
        python("workers", "train"),
        PORTRAIT_TRAIN_THREADS="2",  # nobody else has work
        PORTRAIT_TRAIN_NICE="0",
        PORTRAIT_TRAIN_FOLDER=str(trainings),
        PORTRAIT_TRAIN_EPOCHS="2",  # enough for a first look: about half a minute
        PORTRAIT_TRAIN_CRON="null",
        PORTRAIT_TRAIN_EVENTS="null",
        PORTRAIT_TRAIN_HELD_OUT=HELD_OUT,
        PORTRAIT_TRAIN_THRESHOLDS=THRESHOLDS,
    )
    job = await train(stage, trainer, "the demo")
    if job["state"] != "promoted":
        return None
    with step("Painting every profile with it"):
        await await_champion(stage, str(job["challenger"]))
        await await_painted(stage.url, past, str(job["challenger"]))
    return str(job["challenger"])


async def dead_letters(servers: Servers) -> int:
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


def _show_shopper(url: str, users: Sequence[str], log: Written) -> None:
    """Print one shopper, and what they are shown: the first to whom every page says something."""
    with httpx.Client(base_url=url, timeout=30) as http:
        with step("Telling what the shop wants: no petrol and no coupons in its lists"):
            put_rules(http)
        visited = _visit(http, users)
        profile = http.get(f"/profile/{visited.user}").raise_for_status().json()
    read = reads_of(url, profile, log.texts)
    print(f"\n{profile_text(profile)}\n\n{read}\n\n{visit_text(visited)}\n")


def _visit(http: httpx.Client, users: Sequence[str]) -> Visit:
    visits = (visit(http, user) for user in users)
    first = next(visits)
    return first if first.is_telling else next((each for each in visits if each.is_telling), first)


def _finish(
    stage: Stage, replayed: Replayed, followed: Followed, dead: int, *, check: bool
) -> bool:
    """Print the figures; serve on, or end with the JSON line. Returns whether all is well."""
    cuts = quantiles(replayed.freshness, n=100)
    p50, p99 = 1_000 * cuts[49], 1_000 * cuts[98]
    figures = {
        "events": replayed.events,
        "profiles": len(replayed.expected),
        "dead": dead,
        "freshness_p50_ms": round(p50),
        "freshness_p99_ms": round(p99),
        "events_per_second": round(replayed.live / replayed.seconds),
        "segment": followed.after,
        "segment_entered": followed.counts["entered"],
        "segment_left": followed.counts["left"],
    }
    well = not (replayed.lost or replayed.doubled) and dead == len(POISON) and followed.adds_up
    print(
        f"  {replayed.events:,} events of {len(replayed.expected)} households at"
        f" {figures['events_per_second']:,} a second; {replayed.repeated} were published twice and"
        f" counted once;\n  {dead} of {len(POISON)} unreadable ones are dead letters;"
        f" {replayed.lost} lost, {replayed.doubled} counted double.\n"
        f"  Event published → profile readable over HTTP: p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        f" ({len(replayed.freshness)} measured)."
    )
    if p99 > GOAL_MS:
        print(
            f"  That is slower than it should be (p99 {GOAL_MS:.0f} ms): this machine is slow, or"
            " busy with something else. Fewer events a second: ARGS='--rate 500'."
        )
    if check:
        print(json.dumps(figures))
        return well
    print(
        f"\n  Serving at {stage.url} (try {stage.url}/docs), Kafka at {stage.servers.kafka}, Redis"
        f" at {stage.servers.redis}.\n  Nobody is asked for a key, for all of it listens on this"
        " machine alone. Ctrl-C ends everything."
    )
    while True:
        time.sleep(3_600)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """Begin to stop, once: whoever presses again would only cut the ending short."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
