"""Gather: all that is kept of somebody, as one JSON file, part by part.

Redis ─▶ logins ─▶ lists ─▶ segments ─▶ messages ─▶ archive ─▶ dead letters ─▶ audit log

Whatever the size of the archive, one batch of it is held at a time. Format: docs/export.schema.json
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pydantic_core import to_json

from portrait.access.audit import MOST_LINES
from portrait.archive.archive import SCHEMA, numbers, scan
from portrait.events.columns import ACTION_CODE
from portrait.events.consent import GRANTED, Purpose, consent_of
from portrait.events.letter import told_by
from portrait.events.unwanted import read_unwanted
from portrait.helpdesk.labels import Message
from portrait.identity.device import decode_device
from portrait.identity.keys import keys_of
from portrait.identity.store import IdentityStore
from portrait.opinions.aspects import Aspect
from portrait.profiles.record import is_suppressed, read_sound
from portrait.profiles.reviewed import Reading
from portrait.profiles.searched import read_readings, read_searched
from portrait.profiles.store import Stored
from portrait.ref import user_ref
from portrait.times import to_moment
from workers.privacy.belongings import Places, letters_of
from workers.privacy.of_lists import told_lists
from workers.privacy.portions import Portions

FORMAT = "portrait-export/1"
PART_BYTES = 131_072
ASPECTS = (*Aspect,)
_ACTIONS = {code: action for action, code in ACTION_CODE.items()}


async def gather(user: str, places: Places, now: datetime | None = None) -> AsyncIterator[bytes]:
    """Yield the file in parts of some size."""
    held = b""
    async for piece in _pieces(user, places, now or datetime.now(UTC)):
        held += piece
        if len(held) >= PART_BYTES:
            yield held
            held = b""
    yield held


async def _pieces(user: str, places: Places, now: datetime) -> AsyncIterator[bytes]:
    keys = await keys_of(user, places.identities, alone=True)
    stored = await places.profiles.load_whole(keys)
    yield b'{"format":%b,"user_id":%b,"made_at":%b,"profiles":' % tuple(
        map(to_json, (FORMAT, user, now))
    )
    yield to_json([_profile(key, each) for key, each in zip(keys, stored, strict=True)])
    yield b',"logins":' + to_json(await _logins(user, places.identities))
    yield b',"lists":' + to_json(await told_lists(keys, places.lists, places.given))
    yield b',"segments":' + to_json(await _segments(user, places))
    messages = await places.messages.of([user_ref(key) for key in keys])
    yield b',"messages":' + to_json([*map(_message, messages)])
    yield b',"archive":['
    between = b""
    batches = _rows(keys, places)
    while (rows := await asyncio.to_thread(next, batches, None)) is not None:
        for row in rows:
            yield between + to_json(row)
            between = b","
    yield b'],"dead_letters":['
    between = b""
    portions = Portions.of(keys, places.naming)
    async for letter in letters_of(keys, places.naming, places.dead_letters):
        told = told_by(letter)
        value = portions.of_letter(letter)
        yield between + to_json(
            {"letter": None if told is None else told._asdict(), "value": value}
        )
        between = b","
    abouts = {f"user {user_ref(key):016x}" for key in keys}
    lines = await places.audit.newest(MOST_LINES)
    yield b'],"audit":' + to_json([line for line in lines if line.about in abouts]) + b"}\n"


async def _logins(user: str, identities: IdentityStore) -> list[dict[str, object]]:
    """Return where they were seen, and when; of devices of others, too, what is theirs alone."""
    (seen,) = await identities.seen_on([user], every=True)
    devices = map(decode_device, await identities.load_devices(seen) if seen else [])
    return [
        {"anonymous_id": id, "since": to_moment(visit.start), "until": to_moment(visit.end)}
        for id, device in zip(seen, devices, strict=True)
        for visit in device.visits
        if visit.user == user
    ]


async def _segments(user: str, places: Places) -> list[dict[str, object]]:
    """Return in which segments they are, since when."""
    (since,) = await places.segments.of_users([user])
    return [{"segment": name, "since": to_moment(at)} for name, at in since.items()]


def _profile(key: str, stored: Stored) -> dict[str, object]:
    """Describe what Redis has under one name. The record is beside, whole, as it is stored."""
    record = None if stored.record is None else read_sound(stored.record)
    consent = consent_of(stored.consent, GRANTED)
    return {
        "key": key,
        "suppressed": stored.record is not None and is_suppressed(stored.record),
        "consent": None
        if stored.consent is None
        else {
            "at": to_moment(consent.at),
            "purposes": {purpose: consent.allows(purpose) for purpose in Purpose},
        },
        "unwanted": [
            {
                "thing": thing,
                "at": to_moment(word.at),
                "until": to_moment(word.until) if word.until else None,
            }
            for thing, word in read_unwanted(stored.unwanted).said.items()
        ],
        "searched": [*read_searched(stored.searched).values()],
        "reviews": [_review(*each) for each in read_readings(stored.searched).items()],
        "facts": None
        if record is None
        else {
            "first_at": to_moment(record.head.first_at),
            "last_at": to_moment(record.head.last_at),
            "totals": {
                _ACTIONS[code]: total for code, total in enumerate(record.head.totals) if total
            },
            "events": [
                {
                    "at": to_moment(at),
                    "action": _ACTIONS[action],
                    "about": f"{ref:016x}",
                    "price": price,
                    "quantity": quantity,
                    "rating": rating / 10,
                }
                for at, _, ref, price, quantity, action, rating in record.events
            ],
            "interests": [
                {"category": f"{category:016x}", "score": score}
                for category, score, *_ in record.interests
            ],
        },
        "record": None if stored.record is None else b64encode(stored.record).decode(),
    }


def _review(id: int, reading: Reading) -> dict[str, object]:
    """Describe what was read in one review, of which the text lies in the archive."""
    return {
        "event": f"{id:016x}",
        "read_by": reading.by.name.lower(),
        "tone": reading.tone,
        "aspects": {ASPECTS[place]: tone for place, tone in reading.aspects},
    }


def _message(message: Message) -> dict[str, object]:
    """Describe a message to the help desk, redacted as it is kept."""
    said, _, _ = message.id.partition("-")
    return {
        "at": to_moment(int(said)),
        **message.asked.model_dump(include={"text", "language", "intent"}),
    }


def _rows(keys: Sequence[str], places: Places) -> Iterator[list[dict[str, object]]]:
    """Yield the rows of these users, a batch of the archive at a time."""
    refs = np.array([user_ref(key) for key in keys], np.uint64)
    archive = places.archive
    columns = [*SCHEMA.names]
    for batch in scan(archive, archive.segments(), columns, erasures=archive.erasures()):
        theirs = np.isin(numbers(batch["user_ref"]), refs)
        if theirs.any():
            yield batch.filter(pa.array(theirs)).to_pylist()
