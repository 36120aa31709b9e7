"""A segment: good customers who will buy soon, as people come and go while events are replayed.

put over HTTP ─▶ `portrait segments` looks at everybody ─▶ the replay ─▶ the topic `segments` tells
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpx
from aiokafka import AIOKafkaConsumer
from pydantic_core import from_json

from demo.report import Answer
from demo.stage import POLL_SECONDS, START_SECONDS, step

NAME = "good-and-soon"
GOOD, SOON = "spend > 1000", "purchase_intent.probability > 0.7"
SILENT_MS = 1_000  # without a change: all has been told
TOLD_SECONDS = 20.0
MOST_NAMED = 3  # people


@dataclass(frozen=True, slots=True)
class Followed:
    """A segment, and what became of it."""

    expression: str
    before: int  # people in it, when everybody had been looked at
    after: int
    changes: Sequence[Answer]  # since, as they were told

    @property
    def counts(self) -> Counter[str]:
        """How many entered, and how many left."""
        return Counter(str(each["change"]) for each in self.changes)

    @property
    def adds_up(self) -> bool:
        """Whether who is in it is who was in it, who entered and not who left."""
        return self.before + self.counts["entered"] - self.counts["left"] == self.after


def put_segment(url: str) -> Answer:
    """Put the segment, and wait until everybody has been looked at. Returns it."""
    with httpx.Client(base_url=url, timeout=30) as http, step("Putting a segment of people"):
        body = {"expression": _meant(http)}
        http.put(f"/segments/{NAME}", json=body).raise_for_status()
        ends = time.monotonic() + START_SECONDS
        while (told := _told(http))["state"] != "live":
            if time.monotonic() > ends:
                msg = "nobody looked who is in it; see build/demo/segments.log"
                raise SystemExit(msg)
            time.sleep(POLL_SECONDS)
        return told


def _meant(http: httpx.Client) -> str:
    """Try whom to mean: good customers, and of them, if any, those who will buy soon."""
    both = f"{GOOD} && {SOON}"
    tried = http.post("/segments/preview", json={"expression": both}).raise_for_status().json()
    return both if tried["members"] else GOOD


async def follow_segment(url: str, kafka: str, put: Answer) -> Followed:
    """Read who entered and left since it was put, until nobody does any more, and who is in it."""
    consumer = AIOKafkaConsumer("segments", bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    changes, ends = dict[str, Answer](), time.monotonic() + TOLD_SECONDS  # by id: one comes twice
    while time.monotonic() < ends:
        found = await consumer.getmany(timeout_ms=SILENT_MS)
        if not found:
            break
        changes |= ours(each.value for records in found.values() for each in records)
    await consumer.stop()
    with httpx.Client(base_url=url, timeout=30) as http:
        after = _told(http)["size"]
    since = sorted(changes.values(), key=lambda each: int(each["position"]))[put["size"] :]
    return Followed(put["expression"], put["size"], after, since)


def ours(messages: Iterable[bytes]) -> dict[str, Answer]:
    """Return the changes of this segment, by their ids; somebody may have put others."""
    told = map(from_json, messages)
    return {each["change_id"]: each for each in told if each["segment"] == NAME}


def segment_text(followed: Followed) -> str:
    """Lay out whom it means, how many they are, and who came and went."""
    soon = ", and will most probably buy within 7 days" if SOON in followed.expression else ""
    entered, left = followed.counts["entered"], followed.counts["left"]
    lines = [
        f"  SEGMENT {NAME}: {followed.expression}",
        f"    Who has spent over 1,000{soon}:",
        f"    {followed.before} households before the replay, {followed.after} now. While it ran",
        f"    {entered} entered and {left} left, the newest:",
    ]
    newest = reversed(followed.changes[-MOST_NAMED:])
    return "\n".join([*lines, *(f"      {_said(each)}" for each in newest)])


def _said(change: Answer) -> str:
    return f"{change['at'][11:19]}  {change['user_id']} {change['change']}"


def _told(http: httpx.Client) -> Answer:
    told: Answer = http.get(f"/segments/{NAME}").raise_for_status().json()
    return told
