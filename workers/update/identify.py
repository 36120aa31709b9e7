"""Identify: who anonymous visitors turn out to be, and what they did before as theirs.

logins ─▶ devices, and who was seen on them ─▶ whose profile that changes
       ─▶ own facts, and parts of devices ─▶ join ─▶ paint ─▶ compare-and-set

It comes after the facts of a batch are stored. Whoever changes one of the keys that are joined
reads all of them afterwards, and what was made of one that has changed since is refused: so whoever
is last has seen everything. A crash in between is mended by the replay. What is joined is made anew
every time: taking a login back, or hearing of an older one, is no different from hearing of the
first (docs/decisions/0041).

Who is forgotten is forgotten on their devices, too.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from random import random

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ERASURE
from portrait.events.event import ANONYMOUS
from portrait.events.login import Login
from portrait.events.stream import Message
from portrait.events.topics import ERASURES
from portrait.identity.device import decode_device, encode_device
from portrait.identity.store import DeviceWrite, IdentityStore
from portrait.outage import pauses
from portrait.reading.decode import EventBatch
from portrait.reading.records import EXACT, UNTIL
from workers.update.rejoin import rejoin
from workers.update.updater import Outcome, Updater

CONFLICTS = 20  # times in a row that a device has moved on is tried
YIELD = (0.002, 0.1)  # seconds, as in `settle`


@dataclass(frozen=True, slots=True)
class Turned:
    """What a batch says of who is who."""

    logins: frozenset[Login]
    strangers: frozenset[str]  # anonymous ids that something was done by
    joined: frozenset[str]  # users who did something, and have more than that joined
    erased: dict[str, int] = field(default_factory=dict)  # keys, and up to when, ms


async def identify(
    batch: EventBatch, places: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> bool:
    """Join what has changed with the events in these places. Says whether all is stored."""
    said = _said(batch, places, outcome, updater)
    concerned = set(said.joined)
    logins = {*said.logins, *await _of_erased(said.erased, said.logins, updater)}
    if logins or said.strangers:
        changed = await _learn(logins, updater.identities)
        if changed is None:
            return False
        concerned |= changed | {each.user_id for each in logins if each.user_id}
        concerned |= await _owners(said.strangers, updater.identities)
    concerned |= {key for key in said.erased if not key.startswith(ANONYMOUS)}
    if not await rejoin(sorted(concerned), batch.searches, outcome, updater):
        return False
    updater.acquainted.remember(said.logins)
    return True


def _said(
    batch: EventBatch, places: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> Turned:
    columns = batch.columns[places]
    users = {batch.users[place] for place in np.unique(columns["user"]).tolist()}
    erasures = columns[columns["topic"] == ERASURE]
    erased: dict[str, int] = {}
    for place, until in zip(
        erasures["user"].tolist(), erasures["event"]["id"].tolist(), strict=True
    ):
        user = batch.users[place]
        erased[user] = max(until, erased.get(user, 0))
    return Turned(
        frozenset(updater.acquainted.new(batch.logins)),
        frozenset(key.removeprefix(ANONYMOUS) for key in users if key.startswith(ANONYMOUS)),
        frozenset(users & outcome.joined),
        erased,
    )


async def _of_erased(
    erased: dict[str, int], logins: Iterable[Login], updater: Updater
) -> list[Login]:
    """Let the devices of those who are forgotten be nobody's up to then, and be forgotten, too.

    The log learns of it before anything else does: a crash replays the erasure, not the rest.
    """
    forgotten = [
        Login(key.removeprefix(ANONYMOUS), None, until)
        for key, until in erased.items()
        if key.startswith(ANONYMOUS)
    ]
    users = [key for key in erased if not key.startswith(ANONYMOUS)]
    if not users:
        return forgotten
    seen = await updater.identities.seen_on(users)
    theirs = [
        Login(id, None, erased[user])
        for user, ids in zip(users, seen, strict=True)
        for id in {*ids, *(each.anonymous_id for each in logins if each.user_id == user)}
    ]
    await updater.publisher.publish([_erasure(each) for each in theirs])
    return [*forgotten, *theirs]


def _erasure(login: Login) -> Message:
    """Return what makes readers of the log forget a device as far as its user is forgotten.

    No further: a log that is read again would else forget what was done there since.
    """
    key = f"{ANONYMOUS}{login.anonymous_id}".encode()
    return Message(ERASURES, key, None, [EXACT, (UNTIL, str(login.at).encode())])


async def _learn(logins: Iterable[Login], identities: IdentityStore) -> set[str] | None:
    """Tell devices of logins. Returns whom that changes anything for; None if others were faster.

    Users learn of their devices first: what a crash leaves undone is done by the replay.
    """
    told: dict[str, list[Login]] = {}
    for login in logins:
        told.setdefault(login.anonymous_id, []).append(login)
    if not told:
        return set()
    await identities.note([login for login in logins if login.user_id])
    changed: set[str] = set()
    pending = [*told]
    for pause in islice(pauses(*YIELD), CONFLICTS):
        writes: list[DeviceWrite] = []
        for id, stored in zip(pending, await identities.load_devices(pending), strict=True):
            before = decode_device(stored)
            after = before.told(told[id])
            if after != before:
                writes.append(DeviceWrite(id, stored, encode_device(after)))
                changed |= before.users | after.users
        refused = await identities.save_devices(writes) if writes else []
        pending = [writes[place].anonymous_id for place in refused]
        if not pending:
            return changed
        await asyncio.sleep(pause * random())  # noqa: S311 - nobody gains by guessing it
    return None


async def _owners(strangers: Iterable[str], identities: IdentityStore) -> set[str]:
    """Return who was seen on these devices."""
    stored = await identities.load_devices([*strangers])
    return {user for each in stored if each for user in decode_device(each).users}
