"""Identify: who anonymous visitors turn out to be, and what they did before as theirs.

logins that count ─▶ devices, and who was seen on them ─▶ whose profile that changes
       ─▶ own facts, and parts of devices ─▶ join ─▶ paint ─▶ compare-and-set

It comes after the facts of a batch are stored. Whoever changes one of the keys that are joined
reads all of them afterwards, and what was made of one that has changed since is refused: so whoever
is last has seen everything. A crash in between is mended by the replay. What is joined is made anew
every time: taking a login back, or hearing of an older one, is no different from hearing of the
first (docs/decisions/0041).

Who is forgotten is forgotten on their devices, too; and what they let be done counts there.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ERASURE
from portrait.events.event import ANONYMOUS
from portrait.events.login import Login
from portrait.events.stream import Message
from portrait.events.topics import ERASURES
from portrait.identity.device import decode_device, encode_device
from portrait.identity.store import DeviceWrite, IdentityStore
from portrait.profiles.record import forgotten_until, is_whole
from portrait.reading.decode import EventBatch
from portrait.reading.records import EXACT, UNTIL
from workers.update.overtaken import tries
from workers.update.rejoin import rejoin
from workers.update.spread import spread
from workers.update.updater import Outcome, Updater


@dataclass(frozen=True, slots=True)
class Turned:
    """What a batch says of who is who."""

    logins: frozenset[Login]
    strangers: frozenset[str]  # anonymous ids that did something, or said what they allow
    joined: frozenset[str]  # users who did something, and have more than that joined
    erased: dict[str, int] = field(default_factory=dict)  # keys, and up to when, ms


async def identify(
    batch: EventBatch, places: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> bool:
    """Join what has changed with the events in these places. Says whether all is stored."""
    said = _said(batch, places, outcome, updater)
    concerned = set(said.joined)
    counting = await _counting(said.logins, updater)
    logins = {*counting, *await _of_erased(said.erased, said.logins, updater)}
    devices: list[DeviceWrite] = []
    if logins or said.strangers:
        learned = await _learn(logins, updater.identities)
        if learned is None:
            return False
        devices = learned
        concerned |= {user for each in devices for user in decode_device(each.read).stale}
        concerned |= {each.user_id for each in logins if each.user_id}
        concerned |= await _owners(said.strangers, updater.identities)
    concerned |= {key for key in said.erased if not key.startswith(ANONYMOUS)}
    if not await rejoin(sorted(concerned), batch.searches, outcome, updater):
        return False
    if devices:
        await updater.identities.save_devices(devices)  # one that has changed since stays stale
    await spread(_speaking(counting, batch), updater)
    updater.acquainted.remember(counting)
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
        frozenset(
            key.removeprefix(ANONYMOUS)
            for key in {*users, *batch.consents}
            if key.startswith(ANONYMOUS)
        ),
        frozenset(users & outcome.joined),
        erased,
    )


def _speaking(logins: Iterable[Login], batch: EventBatch) -> set[str]:
    """Return whose devices may have to hear what they let be done: by a login, or by saying so."""
    users = {*(each.user_id for each in logins), *batch.consents}
    return {user for user in users if user and not user.startswith(ANONYMOUS)}


async def _counting(logins: Iterable[Login], updater: Updater) -> list[Login]:
    """Leave out logins of whoever is forgotten up to then; until it is lifted, for ever."""
    users = sorted({login.user_id for login in logins if login.user_id})
    records = await updater.profiles.load(users) if users else []
    until = {
        user: forgotten_until(record)
        for user, record in zip(users, records, strict=True)
        if record is not None and is_whole(record)
    }
    return [each for each in logins if each.at > until.get(each.user_id or "", 0)]


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
    identities = updater.identities
    seen = await identities.seen_on(users, every=True)
    ids = list(dict.fromkeys(id for each in seen for id in each))
    stored = await identities.load_devices(ids) if ids else []
    devices = {id: decode_device(each) for id, each in zip(ids, stored, strict=True)}
    told = {(each.user_id, each.anonymous_id) for each in logins}
    theirs = [
        Login(id, None, erased[user])
        for user, each in zip(users, seen, strict=True)
        for id in {*each, *(id for who, id in told if who == user)}
        if (user, id) in told or user in devices[id].users  # they may have been once
    ]
    await updater.publisher.publish([_erasure(each) for each in theirs])
    for user, each in zip(users, seen, strict=True):
        if each:
            await identities.forget(user, each)
    return [*forgotten, *theirs]


def _erasure(login: Login) -> Message:
    """Return what makes readers of the log forget a device as far as its user is forgotten.

    No further: a log that is read again would else forget what was done there since.
    """
    key = f"{ANONYMOUS}{login.anonymous_id}".encode()
    return Message(ERASURES, key, None, [EXACT, (UNTIL, str(login.at).encode())])


async def _learn(logins: Iterable[Login], identities: IdentityStore) -> list[DeviceWrite] | None:
    """Tell devices of logins. None if others were faster, again and again.

    Users learn of their devices first, and a device that has changed says whose profiles are to be
    made anew: what a crash leaves undone is done by the replay.

    Returns:
        What to store once they are: the devices without that.
    """
    told: dict[str, list[Login]] = {}
    for login in logins:
        told.setdefault(login.anonymous_id, []).append(login)
    if not told:
        return []
    await identities.note([login for login in logins if login.user_id])
    stale: list[DeviceWrite] = []
    pending = [*told]
    for pause in tries():
        writes: list[DeviceWrite] = []
        for id, stored in zip(pending, await identities.load_devices(pending), strict=True):
            before = decode_device(stored)
            after = before.told(told[id])
            if after != before:
                writes.append(DeviceWrite(id, stored, encode_device(after)))
            elif stored is not None and after.stale:
                stale.append(DeviceWrite(id, stored, encode_device(after.done())))
        refused = await identities.save_devices(writes) if writes else []
        pending = [writes[place].anonymous_id for place in refused]
        for place, write in enumerate(writes):
            if place not in refused:
                done = encode_device(decode_device(write.device).done())
                stale.append(DeviceWrite(write.anonymous_id, write.device, done))
        if not pending:
            return stale
        await asyncio.sleep(pause)
    return None


async def _owners(strangers: Iterable[str], identities: IdentityStore) -> set[str]:
    """Return who was seen on these devices."""
    stored = await identities.load_devices([*strangers])
    return {user for each in stored if each for user in decode_device(each).users}
