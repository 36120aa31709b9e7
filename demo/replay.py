"""Replay: publish events at a steady rate, and watch over HTTP how soon each is in its profile."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

import httpx
from aiokafka import AIOKafkaProducer
from tqdm import tqdm

from portrait.events.event import Action
from portrait.events.topics import event_topic
from sandbox.planted.life import profile_key

Fields = dict[str, object]

TICK_SECONDS = 0.02  # between two handfuls of events
PROBES_PER_SECOND = 20  # events whose freshness is measured
POLL_SECONDS = 0.005
LOST_SECONDS = 60.0  # after which an event counts as lost
REPEAT_EVERY = 100  # every so many events one is published twice, as producers do when they retry
POISON = (  # what no consumer should stumble over: dead letters, all of them
    b"not json",
    b'{"event_id": "p1", "type": "teleport", "user_id": "x", "item_id": "1"}',
    b'{"event_id": "p2", "type": "purchase", "item_id": "1", "occurred_at": "2017-12-01T00:00Z"}',
    b'{"event_id": "p3", "type": "purchase", "user_id": "x", "occurred_at": "2017-12-01T00:00Z"}',
    b'{"event_id": "p4", "type": "purchase", "user_id": "x", "item_id": "1", "occurred_at": "?"}',
)


@dataclass(slots=True)
class Replayed:
    """What was sent, and how soon it was to be read."""

    expected: Counter[str] = field(default_factory=Counter)  # distinct valid events by user
    live: int = 0  # those of the replay
    freshness: list[float] = field(default_factory=list)  # seconds
    lost: int = 0
    doubled: int = 0  # counted more often than they were sent
    repeated: int = 0
    seconds: float = 0.0

    @property
    def events(self) -> int:
        """Distinct valid events, those before the replay included."""
        return self.expected.total()


async def replay(  # noqa: PLR0913 - where, what, how fast
    events: Sequence[Fields],
    *,
    past: Sequence[Fields],
    kafka: str,
    service: str,
    rate: int,
    poison: Sequence[bytes] = POISON,
) -> Replayed:
    """Publish events in their order, `rate` a second, with some repeats and some poison.

    Args:
        events: To publish.
        past: What was published before: profiles hold it already.
        kafka: The broker's address.
        service: The service's URL.
        rate: Events a second.
        poison: Payloads to spread among them.
    """
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=2, acks="all")
    await producer.start()
    try:
        async with httpx.AsyncClient(base_url=service, timeout=10) as http:
            replayer = Replayer(producer, http, rate)
            replayer.replayed.expected.update(_by_user(past))
            await replayer.publish(events, poison)
            await replayer.await_all()
    finally:
        await producer.stop()
    return replayer.replayed


class Replayer:
    """Publishes a log, and watches for its effect. Lives as long as one replay."""

    def __init__(self, producer: AIOKafkaProducer, http: httpx.AsyncClient, rate: int) -> None:
        self.replayed = Replayed()
        self._producer = producer
        self._http = http
        self._rate = rate

    async def publish(self, events: Sequence[Fields], poison: Sequence[bytes]) -> None:
        """Send the events, a handful at every tick, and probe some of them."""
        size = max(1, int(self._rate * TICK_SECONDS))
        poison_every = max(1, len(events) // size // max(1, len(poison)))  # handfuls
        left = iter(poison)
        started = time.monotonic()
        with progress_bar("Replaying", len(events), " events") as bar:
            async with asyncio.TaskGroup() as probes:
                for number, start in enumerate(range(0, len(events), size)):
                    due = started + number * TICK_SECONDS
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    if number % poison_every == 0:
                        with suppress(StopIteration):
                            await self._producer.send("events.purchase", next(left), b"x")
                    for event in events[start : start + size]:
                        await self._send(event, probes)
                    bar.update(len(events[start : start + size]))
                self.replayed.seconds = time.monotonic() - started
        await self._producer.flush()

    async def _send(self, event: Fields, probes: asyncio.TaskGroup) -> None:
        """Send one event; some twice, as producers do when they retry; some with a probe behind."""
        user, payload = profile_key(event), json.dumps(event).encode()
        self.replayed.expected[user] += 1
        self.replayed.live += 1
        repeat = self.replayed.live % REPEAT_EVERY == 0
        self.replayed.repeated += repeat
        for _ in range(1 + repeat):
            topic = event_topic(Action(str(event["type"])))
            await self._producer.send(topic, payload, user.encode())
        if self.replayed.live % max(1, self._rate // PROBES_PER_SECOND) == 0:
            await self._producer.flush()
            probes.create_task(self._probe(user))

    async def _probe(self, user: str) -> None:
        """Measure until the profile over HTTP holds everything sent so far of this user."""
        sent, wanted = time.monotonic(), self.replayed.expected[user]
        while time.monotonic() - sent < LOST_SECONDS:
            if await folded(self._http, user) >= wanted:
                self.replayed.freshness.append(time.monotonic() - sent)
                return
            await asyncio.sleep(POLL_SECONDS)
        self.replayed.lost += 1

    async def await_all(self) -> None:
        """Wait until every profile holds its user's events; count what is missing or too much."""
        ends = time.monotonic() + LOST_SECONDS
        missing = dict(self.replayed.expected)
        while missing and time.monotonic() < ends:
            for user, wanted in list(missing.items()):
                count = await folded(self._http, user)
                if count >= wanted:
                    self.replayed.doubled += count - wanted
                    del missing[user]
        self.replayed.lost += len(missing)


async def await_folded(service: str, events: Sequence[Fields]) -> None:
    """Wait until every profile holds its user's events."""
    ends = time.monotonic() + LOST_SECONDS
    async with httpx.AsyncClient(base_url=service, timeout=10) as http:
        for user, count in _by_user(events).items():
            while await folded(http, user) < count:
                if time.monotonic() > ends:
                    msg = "events were not folded; see build/demo/update.log"
                    raise SystemExit(msg)
                await asyncio.sleep(POLL_SECONDS)


async def await_painted(service: str, events: Sequence[Fields], model_version: str) -> None:
    """Wait until a model has painted every profile."""
    ends = time.monotonic() + LOST_SECONDS
    async with httpx.AsyncClient(base_url=service, timeout=10) as http:
        for user in _by_user(events):
            while (await http.get(f"/profile/{user}")).json()["model_version"] != model_version:
                if time.monotonic() > ends:
                    msg = "profiles were not painted anew; see build/demo/update.log"
                    raise SystemExit(msg)
                await asyncio.sleep(POLL_SECONDS)


def _by_user(events: Sequence[Fields]) -> Counter[str]:
    return Counter(map(profile_key, events))


async def folded(http: httpx.AsyncClient, user: str) -> int:
    """Return how many events a profile holds."""
    answer = await http.get(f"/profile/{user}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return 0
    answer.raise_for_status()
    return int(answer.json()["events_folded"])


def progress_bar(title: str, total: int, unit: str) -> "tqdm[NoReturn]":
    """Show progress: a moving bar in a terminal, a line every ten seconds in a log."""
    live = sys.stderr.isatty()
    return tqdm(total=total, desc=title, unit=unit, mininterval=0.1 if live else 10)
