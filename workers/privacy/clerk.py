"""The clerk: gathers exports that are asked for, and follows erasures until all is gone.

open jobs ─▶ look at each place ─▶ sign a receipt if anything has changed ─▶ store

Every step may be repeated, and done by several at a time: most places are only looked at, and what
removes something is elsewhere: the update worker empties profiles, the archive is swept by `tidy`.
Files of exports and messages to the help desk, which no worker minds, are removed here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import structlog
from joserfc.jwk import OKPKey

from portrait.archive.archive import Archive, ArchiveUnavailableError
from portrait.arrays import positions
from portrait.errors import PortraitError, StoreUnavailableError, StreamUnavailableError
from portrait.events.unwanted import read_unwanted
from portrait.experiments.joining import Person
from portrait.identity.keys import keys_of
from portrait.lifecycle.registry import Card, Registry
from portrait.outage import closes_within
from portrait.profiles.record import forgotten_until, is_blank, is_whole
from portrait.ref import user_ref
from portrait.rights.erasure_job import (
    TOPICS_LAST,
    ErasureJob,
    Place,
    PlaceState,
)
from portrait.rights.receipt import receipt_of, signed
from portrait.times import to_moment, to_ms
from workers.privacy.belongings import Places, letters_of
from workers.privacy.gather import gather

LOOK_EVERY = 0.5  # seconds
CAREFUL_EVERY = 30.0  # seconds between two looks at a job whose person is forgotten already

EXPORTED = {
    Place.PROFILE,
    Place.LISTS,
    Place.HELP_DESK,
    Place.SEGMENTS,
    Place.ARCHIVE,
}  # of what an export is gathered

AWAY = (StoreUnavailableError, StreamUnavailableError, ArchiveUnavailableError)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Clerk:
    """Does it. Lives as long as the process."""

    places: Places
    key: OKPKey | None  # that signs; None: no receipts
    shop: str | None = None  # whose it is, where there are several
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def run(self, closing: asyncio.Event) -> None:
        """Do whatever there is to do until told to stop; what is away is waited for."""
        looked: dict[str, datetime] = {}
        while not await closes_within(closing, LOOK_EVERY):
            try:
                await self.gather_one()
                await self._follow(looked)
            except AWAY as error:
                log.warning("privacy_delayed", reason=str(error))
                await closes_within(closing, CAREFUL_EVERY / 10)

    async def gather_one(self) -> None:
        """Gather the export that was asked for longest ago, if any.

        Whoever is forgotten meanwhile, as another worker may have seen, is not in one that stays:
        neither they nor any device of theirs, in Redis or in the archive.
        """
        user = await self.places.exports.take()
        if user is None:
            return
        keys = await keys_of(user, self.places.identities, alone=True)
        before = await self._forgotten(keys)
        try:
            size = await self.places.exports.put(user, gather(user, self.places))
        except PortraitError:
            await self.places.exports.forget(user)  # who asks again is not taken for waiting
            raise
        if await self._forgotten(keys) != before:
            await self.places.exports.forget(user)
            return
        log.info("export_gathered", bytes=size)

    async def _follow(self, looked: dict[str, datetime]) -> None:
        """Look at the open erasures; the longer one takes, the less often."""
        jobs, now = await self.places.erasures.open(), self.now()
        for job in jobs:
            since = looked.get(job.id)
            is_recent = since is not None and (now - since).total_seconds() < CAREFUL_EVERY
            if job.is_forgotten and is_recent:
                continue
            looked[job.id] = now
            await self.advance(job)
        for id in looked.keys() - {job.id for job in jobs}:
            del looked[id]

    async def advance(self, job: ErasureJob) -> ErasureJob:
        """Look at each place that is not done, and store what has changed."""
        now = self.now()
        found = await self._emptied(job, now)
        if job.user is not None and job.places[Place.DEAD_LETTERS].state == "waiting":
            found[Place.DEAD_LETTERS] = await self._letters((job.user, *job.devices), now)
        found |= await asyncio.to_thread(self._archived, job, now)
        if job.places[Place.MODEL].state != "gone":
            found |= await self._learned(job.at_places(found))
        changed = {place: each for place, each in found.items() if each != job.places[place]}
        if not changed:
            return job
        if job.user is not None and changed.keys() & EXPORTED:
            for key in (job.user, *job.devices):  # what was gathered while one was still read
                await self.places.exports.forget(key)
        after = job.at_places(changed)
        if after.is_forgotten:
            after = after.without_names()
        await self.places.erasures.save(after, self._receipt(after, now))
        states = {place.value: each.state for place, each in after.places.items()}
        log.info("erasure_advanced", job=job.id, **states)
        return after

    def _receipt(self, job: ErasureJob, now: datetime) -> str | None:
        """Sign how far it is, once nobody sees anything of the person any more."""
        if self.key is None or not job.is_forgotten:
            return None
        return signed(receipt_of(job, now, self.shop), self.key)

    async def _emptied(self, job: ErasureJob, now: datetime) -> dict[Place, PlaceState]:
        """Say which places have nothing of them any more, of those that are emptied at once."""
        looks = {
            Place.PROFILE: self._is_emptied,
            Place.LISTS: self._are_lists_gone,
            Place.OPINIONS: self._are_opinions_gone,
            Place.SEGMENTS: self._are_segments_left,
        }
        gone = PlaceState(state="gone", at=now)
        found = {
            place: gone
            for place, look in looks.items()
            if job.places[place].state != "gone" and await look(job)
        }
        after = job.at_places(found).places
        if after[Place.PROFILE].state == "gone" and after[Place.HELP_DESK].state != "gone":
            await self.places.given.forget(job.refs)  # no more is kept from now on
            forgotten = await self.places.messages.forget(job.refs)
            found[Place.HELP_DESK] = PlaceState(state="gone", at=now, found=forgotten)
        return found

    async def _is_emptied(self, job: ErasureJob) -> bool:
        """Say whether Redis has nothing of them but that they are erased.

        Of their devices: nothing that was done before it was asked for. Who was there since may
        have been somebody else.
        """
        if job.user is None:
            return False  # nobody knows any more where to look
        theirs, *of_devices = await self.places.profiles.load_whole([job.user, *job.devices])
        is_gone = theirs.record is not None and is_whole(theirs.record) and is_blank(theirs.record)
        asked_at = to_ms(job.asked_at)
        return (
            is_gone
            and not theirs.searched
            and not read_unwanted(theirs.unwanted).said
            and all(_is_forgotten(each.record, asked_at) for each in of_devices)
        )

    async def _are_lists_gone(self, job: ErasureJob) -> bool:
        """Say whether nothing is known of lists that they, or their devices, got until then.

        Who has had none is nobody there, whether or not a worker counts what comes of lists.
        """
        opened, asked_at = await self.places.lists.load((), job.refs), to_ms(job.asked_at)
        return all(
            person == Person() or opened.erased.get(ref, 0) >= asked_at
            for ref, person in opened.people.items()
        )

    async def _are_opinions_gone(self, job: ErasureJob) -> bool:
        """Say whether nothing tells any more that they, or their devices, wrote until then."""
        return not await self.places.opinions.tells_of(job.refs, to_ms(job.asked_at))

    async def _are_segments_left(self, job: ErasureJob) -> bool:
        """Say whether they are in no segment any more; devices never are in one."""
        if job.user is None:
            return False  # nobody knows any more where to look
        (segments,) = await self.places.segments.of_users([job.user])
        return not segments

    async def _forgotten(self, keys: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return up to which moments each key is forgotten, ms: in Redis, and in the archive."""
        records = await self.places.profiles.load(keys)
        erasures = await asyncio.to_thread(self.places.archive.erasures)
        known = np.append(erasures.ends, 0)
        row = positions(erasures.users, np.array([user_ref(key) for key in keys], np.uint64))
        return [_until(record) for record in records], known[row].tolist()

    async def _letters(self, keys: tuple[str, ...], now: datetime) -> PlaceState:
        """Count the dead letters that name them, and say when the last of them ends by itself."""
        places = self.places
        letters = letters_of(keys, places.naming, places.dead_letters)
        moments = [letter.timestamp async for letter in letters]
        if not moments:
            return PlaceState(state="gone", at=now, found=0)
        last = min(max(moments), to_ms(now))
        ends = to_moment(last) + TOPICS_LAST["dead"]
        return PlaceState(state="expires", at=ends, found=len(moments))

    def _archived(self, job: ErasureJob, now: datetime) -> dict[Place, PlaceState]:
        """Say whether readers of the archive see them, and whether a file may hold a row."""
        before = job.places[Place.ARCHIVE]
        if before.state == "gone":
            return {}
        if not all(_is_listed(self.places.archive, ref, job) for ref in job.refs):
            return {}
        if job.refs.isdisjoint(self.places.archive.pending().users.tolist()):
            return {Place.ARCHIVE: PlaceState(state="gone", at=now)}
        if before.state == "hidden":
            return {}
        return {Place.ARCHIVE: PlaceState(state="hidden", at=now)}

    async def _learned(self, job: ErasureJob) -> dict[Place, PlaceState]:
        """Say whether the model in service was made without them."""
        card = await _serving_without(job, self.places.registry)
        if card is None:
            return {}
        gone = PlaceState(state="gone", at=self.now(), model=card.version, began_from=card.parent)
        return {Place.MODEL: gone}


def _is_forgotten(record: bytes | None, moment: int) -> bool:
    """Say whether nothing is known of what was done before a moment, ms."""
    return record is None or _until(record) >= moment


def _until(record: bytes | None) -> int:
    return forgotten_until(record) if record is not None and is_whole(record) else 0


def _is_listed(archive: Archive, ref: int, job: ErasureJob) -> bool:
    """Say whether an erasure of this job, or of later, is on the archive's list."""
    erasures = archive.erasures()
    moment = np.array([to_ms(job.asked_at)])
    return bool(erasures.cover(np.array([ref], np.uint64), moment)[0])


async def _serving_without(job: ErasureJob, registry: Registry) -> Card | None:
    """Return the model in service, if its training knew of the erasure.

    Or if it served when that was asked for, and had learned of nobody. One that was refused, or
    has not been judged yet, is in the way of nothing that anybody is shown.
    """
    serving = [each.card for each in await registry.entries() if each.role == "champion"]
    if job.places[Place.ARCHIVE].state == "waiting" or not serving:
        return None
    (card,) = serving
    learned_of_nobody = card.version == job.champion and card.trained_on is None
    knew = card.erased_within is not None and card.erased_within.until >= job.asked_at
    return card if learned_of_nobody or knew else None
