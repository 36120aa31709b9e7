"""Settle: fold events into profiles, paint and store them, however many others write them, too."""

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from portrait import metrics
from portrait.arrays import Flags
from portrait.audiences.behaviour import Deeds
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.declared_groups import groups_of
from portrait.errors import PortraitError, StoreRestartedError, StoreUnavailableError
from portrait.events.columns import is_past
from portrait.events.consent import Consent, Purpose, consent_of
from portrait.inference.explain import search_refs
from portrait.inference.paint import paint
from portrait.model.heard import hear
from portrait.model.influence import wanted
from portrait.profiles.facts import Facts, fold
from portrait.profiles.notice import notices
from portrait.profiles.profile import REVISION, encode_profiles, read_facts
from portrait.profiles.searched import encode_searched
from portrait.profiles.store import Own, Write
from portrait.reading.decode import EventBatch
from workers.update.identify import identify
from workers.update.overtaken import tries
from workers.update.prequential import note
from workers.update.prices import priced
from workers.update.rejoin import encode_own
from workers.update.reviews import SaidBeside, said_of
from workers.update.updater import Among, Outcome, Updater, timed

USERS_AT_ONCE = 1_000  # of a batch; a quarter of a usual one

log = structlog.get_logger()


class ConflictError(PortraitError):
    """Other writers keep overtaking this one: is a user's log spread over many workers?"""


def require(settled: bool) -> None:  # noqa: FBT001 - it is the question
    """Raise ConflictError unless all users are stored: others were faster; all others are."""
    if not settled:
        raise ConflictError


async def settle(
    batch: EventBatch, places: NDArray[np.int64], outcome: Outcome, updater: Updater
) -> bool:
    """Fold events, (M,) places, into profiles, paint and store them. Says whether all are stored.

    Some users at a time: while Redis serves some, others are computed.
    """
    said = said_of(batch)
    slices = batch.columns["user"][places] // USERS_AT_ONCE
    order = np.argsort(slices, kind="stable")
    edges = np.flatnonzero(np.diff(slices[order])) + 1
    try:
        async with asyncio.TaskGroup() as tasks:
            settling = [
                tasks.create_task(_settle_some(batch, members, said, outcome, updater))
                for members in np.split(places[order], edges)
            ]
    except* (StoreRestartedError, StoreUnavailableError) as group:
        if group.subgroup(StoreRestartedError) is not None:
            raise StoreRestartedError from group
        raise StoreUnavailableError(str(group.exceptions[0])) from group
    if not all(task.result() for task in settling):
        return False
    return await identify(batch, places, outcome, updater)


async def _settle_some(
    batch: EventBatch,
    members: NDArray[np.int64],
    said: SaidBeside,
    outcome: Outcome,
    updater: Updater,
) -> bool:
    """Take some users' events in; again for those whose profile has moved on meanwhile.

    Args:
        batch: Where the events are.
        members: (M,), places of all events of these users, in log order.
        said: What the batch says that lies beside the records.
        outcome: Where to note what was done.
        updater: What is touched.

    Returns:
        Whether all are stored; false if others were faster every time.
    """
    columns = batch.columns[members]
    pending = np.unique(columns["user"])
    if not len(pending):
        return True
    for pause in tries():
        users = [batch.users[place] for place in pending.tolist()]
        theirs = columns[np.isin(columns["user"], pending)]
        theirs["user"] = np.searchsorted(pending, theirs["user"])
        pending = pending[await _attempt(users, theirs, said, outcome, updater)]
        metrics.profiles_refused.inc(len(pending))
        if not len(pending):
            return True
        await asyncio.sleep(pause)
    return False


async def _attempt(
    users: list[str],
    columns: NDArray[np.void],
    said: SaidBeside,
    outcome: Outcome,
    updater: Updater,
) -> NDArray[np.int64]:
    """Fold events into the profiles as they are now, and store them. Returns who was refused."""
    with timed("load"):
        life, before = await updater.profiles.load_living(users)
        updater.resume.check(life)
    with timed("fold"):
        facts, lost = read_facts([each.record for each in before])
        columns = priced(facts, columns, outcome.painter.mirror.catalogue)
        counted = _counted(columns, before, updater.limits.unsaid)
        questions = updater.prequential.choose(facts, columns, outcome.painter)
        regular = updater.regulars.among(users, facts.head, columns)
        voices = wanted(facts, columns, regular)
        voices["weight"][~counted] = 0
        accepted = fold(facts, columns)
        written = [each.searched for each in before]
        searched = encode_searched(facts.ring, said.searches, written, said.readings)
        hear(facts, searched, said.heard)
    is_joined = np.array([each.is_joined for each in before])
    with timed("paint"):
        catalogue = outcome.painter.mirror.catalogue
        await outcome.painter.mirror.fetch_texts(search_refs(facts.ring))
        records = _painted(facts, is_joined, catalogue)
    with timed("store"):
        writes = [
            Write(user, (old.record or b"")[REVISION], record, words, old.is_joined)
            for user, old, record, words in zip(users, before, records, searched, strict=True)
        ]
        changed = _changed(before, writes)
        refused = await updater.profiles.save([writes[place] for place in changed.tolist()])
    stored = np.delete(changed, refused)
    _say_damaged(int(lost[stored].sum()))
    kept = accepted & ~np.isin(columns["user"], changed[refused])
    outcome.new.append(columns["event"][kept])
    outcome.wanted.append(voices[kept])
    names = [users[place] for place in columns["user"][kept].tolist()]
    outcome.among += _among(names, voices[kept], said, updater.limits.declared)
    asked = kept & counted
    outcome.deeds.append(Deeds(users, columns, asked, facts.head["first_at"].copy()))
    outcome.noted += [note(question, catalogue) for question in questions if asked[question.place]]
    outcome.users += len(stored)
    outcome.joined |= {users[place] for place in np.flatnonzero(is_joined).tolist()}
    told = np.intersect1d(stored[~is_joined[stored]], columns["user"][~is_past(columns)])
    outcome.notices += notices(
        [users[place] for place in told.tolist()], facts.head[told], catalogue.space_id
    )
    return changed[refused]


def _among(
    names: Sequence[str], voices: NDArray[np.void], said: SaidBeside, counted: Sequence[str]
) -> list[Among]:
    """Part what is wanted, (E,) of WANTED, by what is declared of whoever wants it, (E,) names."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names if said.declared else ()):
        for group in groups_of(said.declared.get(name, {}), counted):
            places.setdefault(group, []).append(place)
    return [
        Among(group, voices[some], [names[place] for place in some])
        for group, some in places.items()
    ]


def _counted(
    columns: NDArray[np.void], stored: Sequence[Own], unsaid: Consent
) -> NDArray[np.bool_]:
    """Say which events, (E,), may count in what is said of everybody."""
    consents = [consent_of(each.consent, unsaid) for each in stored]
    allowed = np.array([each.allows(Purpose.ANALYTICS) for each in consents], np.bool_)
    counted: NDArray[np.bool_] = allowed[columns["user"]] & ~columns["private"]
    return counted


def _painted(facts: Facts, is_joined: Flags, catalogue: Catalogue) -> list[bytes]:
    """Write records: with a portrait, but of whom more is told than this is (`rejoin`)."""
    if not is_joined.any():
        return encode_profiles(facts, paint(facts.ring, catalogue))
    alone, rest = np.flatnonzero(~is_joined), np.flatnonzero(is_joined)
    shown = facts.where(alone)
    written = encode_profiles(shown, paint(shown.ring, catalogue))
    written += encode_own(facts.where(rest))
    return [written[place] for place in np.argsort(np.concatenate([alone, rest])).tolist()]


def _say_damaged(users: int) -> None:
    """Say of how many users the record was damaged, and is begun anew."""
    if users:
        metrics.profiles_damaged.inc(users)
        log.warning("profiles_damaged", users=users)


def _changed(before: Sequence[Own], writes: Sequence[Write]) -> NDArray[np.int64]:
    """Return the places of the users of whom not all is stored yet as it should be.

    A repeat changes no facts, but perhaps a portrait: that a text has been read meanwhile.
    """
    return np.array(
        [
            place
            for place, (old, new) in enumerate(zip(before, writes, strict=True))
            if old.record != new.record or (old.searched or b"") != new.searched
        ],
        np.int64,
    )
