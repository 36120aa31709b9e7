"""Rejoin: make what is told of users anew from their own facts and their devices'."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portrait import metrics
from portrait.arrays import Rows
from portrait.events.columns import ERASURE
from portrait.events.consent import Consent, Purpose, consent_of
from portrait.events.event import ANONYMOUS
from portrait.identity.device import Device, decode_device
from portrait.identity.join import join, part_of
from portrait.identity.store import Person, PersonWrite, Seen
from portrait.inference.explain import search_refs
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts
from portrait.profiles.layout import portrait_dtype
from portrait.profiles.notice import notices
from portrait.profiles.profile import encode_profiles, read_facts
from portrait.profiles.searched import Texts, beside, encode_searched
from portrait.profiles.store import Stored
from workers.update.overtaken import tries
from workers.update.updater import Outcome, Updater, timed

USERS_AT_ONCE = 200  # with at most 32 devices each, of 4 KB: 26 MB


async def rejoin(users: Sequence[str], said: Texts, outcome: Outcome, updater: Updater) -> bool:
    """Join, paint and store these users as they are now. Says whether all are stored."""
    for start in range(0, len(users), USERS_AT_ONCE):
        some = users[start : start + USERS_AT_ONCE]
        if not await _rejoin_some(some, said, outcome, updater):
            return False
    return True


async def _rejoin_some(
    users: Sequence[str], said: Texts, outcome: Outcome, updater: Updater
) -> bool:
    for pause in tries():
        if not users:
            return True
        users = await _attempt(users, said, outcome, updater)
        metrics.profiles_refused.inc(len(users))
        if users:
            await asyncio.sleep(pause)
    return not users


@dataclass(frozen=True, slots=True)
class _Parts:
    """What lies on the devices of U users, as far as it is theirs: P parts."""

    seen: list[list[Seen]]  # of each user every device
    facts: Facts  # of the parts
    owner: Rows  # (P,), place among the users


async def _attempt(
    users: Sequence[str], said: Texts, outcome: Outcome, updater: Updater
) -> list[str]:
    """Join users as they are now, and store them. Returns who was refused."""
    people = await updater.identities.load_people(users)
    own, _ = read_facts([(person.own or person.served).record for person in people])
    parts = _parts(users, own, await _seen(users, updater), updater.limits.unsaid)
    is_joined = np.isin(np.arange(len(users)), parts.owner)
    concerned = np.flatnonzero(is_joined | [person.own is not None for person in people])
    if not len(concerned):
        return []
    facts = join(own, parts.facts, parts.owner)
    facts.head["revision"][~is_joined] = own.head["revision"][~is_joined]
    facts = facts.where(concerned)
    mirror = outcome.painter.mirror
    with timed("paint"):
        await mirror.fetch_texts(search_refs(facts.ring))
        records = encode_profiles(facts, paint(facts.ring, mirror.catalogue))
    stored = [(people[place].own or people[place].served).searched for place in concerned.tolist()]
    searched = encode_searched(facts.ring, said, stored, _beside(parts))
    writes = [
        PersonWrite(
            users[place],
            people[place],
            parts.seen[place],
            Person(
                Stored(record, words or None),
                _own(own, place, people[place]) if is_joined[place] else None,
            ),
        )
        for place, record, words in zip(concerned.tolist(), records, searched, strict=True)
    ]
    changed = [place for place, write in enumerate(writes) if write.person != write.read]
    with timed("store"):
        refused = await updater.identities.save_people([writes[place] for place in changed])
    kept = np.delete(np.array(changed, np.int64), refused)
    outcome.notices += notices(
        [writes[place].user for place in kept.tolist()], facts.head[kept], outcome.space_id
    )
    return [writes[changed[place]].user for place in refused]


def _own(own: Facts, place: int, person: Person) -> Stored:
    """Return what is kept of what a user did as themselves: as it is, or as it comes apart now."""
    if person.own is not None:
        return person.own
    if person.served.record is not None:
        return person.served
    return Stored(encode_own(own.where(np.array([place])))[0], None)


def encode_own(own: Facts) -> list[bytes]:
    """Write the facts of U users without a portrait: nobody is shown these."""
    return encode_profiles(own, np.zeros(len(own), portrait_dtype(0)))


def _beside(parts: _Parts) -> dict[int, bytes]:
    """Return what was searched for on the devices, and what reviews written there say."""
    stored = [seen.stored.searched for devices in parts.seen for seen in devices]
    return {ref: written for each in stored for ref, written in beside(each).items()}


async def _seen(users: Sequence[str], updater: Updater) -> list[list[Seen]]:
    """Load the devices of users, and what was done there by whoever had not logged in."""
    found = await updater.identities.seen_on(users)
    ids = list(dict.fromkeys(id for each in found for id in each))
    if not ids:
        return [[] for _ in users]
    devices = await updater.identities.load_devices(ids)
    stored = await updater.profiles.load_whole([f"{ANONYMOUS}{id}" for id in ids])
    seen = dict(zip(ids, map(Seen, ids, devices, stored), strict=True))
    return [[seen[id] for id in each] for each in found]


def _parts(users: Sequence[str], own: Facts, seen: list[list[Seen]], unsaid: Consent) -> _Parts:
    """Find what is theirs of what lies on the devices of users, as far as visitors let it count."""
    pairs = [
        (place, device, each.stored.record)
        for place, devices in enumerate(seen)
        for each in devices
        if each.stored.record is not None
        and consent_of(each.stored.consent, unsaid).allows(Purpose.PERSONALISATION)
        and users[place] in (device := decode_device(each.device)).users
    ]
    facts, _ = read_facts([record for _, _, record in pairs])
    owner = np.array([place for place, _, _ in pairs], np.int64)
    _divide(facts, owner, [device for _, device, _ in pairs], users, own)
    kept = np.flatnonzero(facts.head["count"] > 0)
    return _Parts(seen, facts.where(kept), owner[kept])


def _divide(
    facts: Facts, owner: Rows, devices: Sequence[Device], users: Sequence[str], own: Facts
) -> None:
    """Leave of each device what was its owner's, in place, and was not forgotten since."""
    until = own.head["last_id"][owner, ERASURE].astype(np.int64)
    shared = np.flatnonzero(
        [bool(end) or not device.owner for end, device in zip(until.tolist(), devices, strict=True)]
    )
    if not len(shared):
        return
    at = facts.ring["at"][shared]
    theirs = np.stack(
        [
            devices[place].whose(at[row]) == users[owner[place]]
            for row, place in enumerate(shared.tolist())
        ]
    )
    part = part_of(facts.where(shared), theirs & (at > until[shared][:, None]))
    facts.head[shared], facts.ring[shared] = part.head, part.ring
