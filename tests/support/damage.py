"""Damage: what may stand where a record should, whoever wrote it."""

from collections.abc import Callable, Mapping
from random import Random

import numpy as np

from portrait.events.columns import ERASURE, EVENT
from portrait.profiles.facts import HEAD, WIDE_LAYOUT
from portrait.profiles.head_layouts import NARROW_HEAD, head_size
from portrait.profiles.profile import decode_profile

Damage = Callable[[bytes], bytes]


def dice(seed: int) -> Random:
    """Return a source of chance that is the same in every run."""
    return Random(seed)  # noqa: S311 - nobody gains by guessing it


def with_head(field: str, value: int, place: int | None = None) -> Damage:
    """Return what sets a field of the head, or one place of it."""

    def damage(record: bytes) -> bytes:
        size = head_size(record)
        form = HEAD if size == HEAD.itemsize else NARROW_HEAD
        head = np.frombuffer(bytearray(record[:size]), form)
        at = head[field] if place is None else head[field][:, place]
        at[:] = value
        return head.tobytes() + record[size:]

    return damage


def with_event(field: str, value: float) -> Damage:
    """Return what sets a field of the newest event."""

    def damage(record: bytes) -> bytes:
        start = head_size(record)
        end = start + EVENT.itemsize
        event = np.frombuffer(bytearray(record[start:end]), EVENT)
        event[field] = value
        return record[:start] + event.tobytes() + record[end:]

    return damage


def with_portrait(field: str, value: object) -> Damage:
    """Return what sets a field of the portrait, wherever it has a place."""

    def damage(record: bytes) -> bytes:
        portrait = np.array([decode_profile(record).portrait])
        inner = portrait
        for name in field.split("."):
            inner = inner[name]
        inner[...] = value
        return record[: len(record) - portrait.itemsize] + portrait.tobytes()

    return damage


#: What nobody can tell a profile from: of each it is known that it is damaged.
FACTS: Mapping[str, Damage] = {
    "empty": lambda _: b"",
    "one byte": lambda _: b"x",
    "shorter than a revision": lambda record: record[:7],
    "a revision alone": lambda record: record[:8],
    "half a head": lambda record: record[:100],
    "a head alone": lambda record: record[: head_size(record)],
    "half a ring": lambda record: record[: head_size(record) + EVENT.itemsize // 2],
    "no portrait": lambda record: record[: head_size(record) + EVENT.itemsize],
    "a byte less": lambda record: record[:-1],
    "a byte more": lambda record: record + b"\0",
    "twice": lambda record: record + record,
    "text": lambda _: b'{"user_id": "ann"}',
    "zeros": lambda record: bytes(len(record)),
    "ones": lambda record: b"\xff" * len(record),
    "noise": lambda record: dice(5).randbytes(len(record)),
    "noise after the counts": lambda record: record[:12] + dice(5).randbytes(len(record) - 12),
    "layout 0": with_head("layout", 0),
    "layout 2 without positions": with_head("layout", 2),
    "layout 3 in a narrow head": with_head("layout", WIDE_LAYOUT),
    "layout 4": with_head("layout", 4),
    "layout 99": with_head("layout", 99),
    "more events than a ring has": with_head("count", 200),
    "more events than there are": with_head("count", 60),
    "fewer events than there are": with_head("count", 0),
    "positions that are not there": with_head("further", 9),
    "received before 1970": with_head("received_at", -1),
    "received in an absurd year": with_head("received_at", 2**62),
    "an absurd first time": with_head("first_at", -(2**63)),
    "an absurd last time": with_head("last_at", 2**63 - 1),
    "an absurd period": with_head("period", 2**31 - 1),
    "a partition below 0": with_head("partition", -5, 0),
    "an offset below 0": with_head("offset", -(2**60), 0),
    "erased in an absurd year": with_head("last_id", 2**63, ERASURE),
    "fewer events counted than held": with_head("totals", 0),
    "an absurd spend": with_head("spend", -(2**63)),
    "a price that is no number": with_event("price", float("nan")),
    "a price without end": with_event("price", float("inf")),
    "a price below 0": with_event("price", -3.0),
    "an unknown action": with_event("action", 200),
    "an absurd rating": with_event("rating", 255),
    "an absurd event": with_event("at", 2**62),
    "an event without a time": with_event("at", 0),
}
#: What only whoever shows a portrait minds: the facts are there, and it can be painted anew.
PORTRAITS: Mapping[str, Damage] = {
    "vectors that are no numbers": with_portrait("vectors", float("nan")),
    "a score that is no number": with_portrait("interests.score", float("nan")),
    "a share without end": with_portrait("brands.share", float("inf")),
    "a price that is no number": with_portrait("price", float("nan")),
    "evidence that is not there": with_portrait("interests", (7, 0.5, 0.1, [63, 255, 255], 0)),
}


def mutated(record: bytes, random: Random) -> bytes:
    """Damage a record somewhere: some bytes, its length, or all that lies behind a place."""
    way, place = random.randrange(5), random.randrange(len(record))
    if way == 0:
        return record[:place]
    if way == 1:
        return record + random.randbytes(random.choice([1, 2, 8, 24, 32, 4_096]))
    if way == 2:
        return record[:place] + random.randbytes(len(record) - place)
    changed = bytearray(record)
    reach = head_size(record) if random.random() < 0.5 else len(record)
    for _ in range(random.randint(1, 4)):
        changed[random.randrange(reach)] = random.choice([0, 1, 2, 64, 127, 128, 255])
    return bytes(changed)
