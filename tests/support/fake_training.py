"""Fakes of what training and promotion stand on, kept honest by mypy and the contract suites."""

from datetime import UTC, datetime, timedelta

from portrait.errors import StoreUnavailableError
from portrait.lifecycle.jobs import (
    KEPT,
    Job,
    JobCancelledError,
    JobNotFoundError,
    JobOpenError,
    JobOverError,
    Situation,
)
from portrait.lifecycle.lease import LeaseLostError
from portrait.lifecycle.model_index import (
    Card,
    Entry,
    ModelNotFoundError,
    NoFormerModelError,
    Roles,
    noted,
    require_promotable,
    role_of,
)
from portrait.lifecycle.need import Need
from portrait.monitoring.watch import Live

WITHOUT_REASONS = {"rolled_back": None, "refused": None}
UNWRITTEN: dict[str, object] = {**WITHOUT_REASONS, "history": ()}


class MemoryModels:
    """A `ModelIndex` in dicts."""

    def __init__(self) -> None:
        self.cards: dict[str, Card] = {}
        self.kept: set[str] = set()  # versions whose arrays are there
        self.retired: dict[str, datetime] = {}
        self.now = Roles()
        self.ground: str | None = None
        self.is_down = False

    async def add(self, card: Card) -> None:
        """List a card; what became of it is not forgotten."""
        self._require_up()
        known = self.cards.get(card.version, card.model_copy(update=UNWRITTEN))
        kept = {name: getattr(known, name) for name in UNWRITTEN}
        self.cards[card.version] = card.model_copy(update=kept)

    async def listed(self) -> list[Entry]:
        """Return the cards, newest first."""
        self._require_up()
        newest = sorted(self.cards.values(), key=lambda card: card.created_at, reverse=True)
        return [self._listed(card) for card in newest]

    async def get(self, version: str) -> Entry:
        """Return a card and its role."""
        self._require_up()
        if version not in self.cards:
            raise ModelNotFoundError
        return self._listed(self.cards[version])

    async def standing(self) -> Roles:
        """Return the pointers."""
        self._require_up()
        return self.now

    async def want(self, version: str, *, insist: bool = False, reason: str | None = None) -> None:
        """Point to a model that may serve, and note why."""
        listed = await self.get(version)
        if listed.role == "champion":
            self.now = self.now._replace(wanted=None)
            return
        is_kept = version in self.kept
        require_promotable(listed.card, is_kept=is_kept, insist=insist, reason=reason)
        if self.now.wanted != version:
            self._mark(version, history=noted(listed.card, reason, datetime.now(UTC)))
        self.now = self.now._replace(wanted=version)

    async def switch(self, version: str) -> bool:
        """Move the pointers."""
        self._require_up()
        if self.now.wanted != version:
            return False
        champion = self.now.champion
        if champion is not None and champion != version:
            self.retired[champion] = datetime.now(UTC)
        self.retired.pop(version, None)
        self._mark(version, **WITHOUT_REASONS)
        self.now = Roles(version, champion or self.now.former)
        return True

    async def refuse(self, version: str, reason: str) -> None:
        """Withdraw a wish."""
        self._require_up()
        if self.now.wanted == version:
            self.now = self.now._replace(wanted=None)
            self._mark(version, refused=reason)

    async def restore(self, champion: str, former: str | None, lost: str | None = None) -> bool:
        """Set the pointers where there is no champion."""
        self._require_up()
        if self.now.champion not in {None, lost}:
            return False
        self.now = self.now._replace(champion=champion, former=former or self.now.former)
        self.retired.pop(champion, None)
        if former is not None:
            self.retired[former] = datetime.now(UTC)
        return True

    async def roll_back(self, reason: str, champion: str | None = None) -> str:
        """Move the pointers back."""
        self._require_up()
        serving, former, _ = self.now
        if former is None or serving is None or champion not in {None, serving}:
            raise NoFormerModelError
        self.retired.pop(former, None)
        self.retired[serving] = datetime.now(UTC)
        self._mark(serving, rolled_back=reason)
        self.now = Roles(former)
        return former

    async def expired(self, grace: timedelta, now: datetime) -> list[str]:
        """Return whose time is over."""
        self._require_up()
        return [version for version, since in self.retired.items() if since <= now - grace]

    async def forget(self, version: str) -> None:
        """Drop the arrays of a model that neither serves nor is to."""
        self._require_up()
        if version in {self.now.champion, self.now.wanted}:
            return
        if version == self.now.former:
            self.now = self.now._replace(former=None)
        self.retired.pop(version, None)
        self.kept.discard(version)

    async def basis(self) -> str | None:
        """Return the pointer."""
        self._require_up()
        return self.ground

    async def build_on(self, version: str | None) -> None:
        """Set the pointer."""
        self._require_up()
        self.ground = version

    def _mark(self, version: str, **told: object) -> None:
        if version in self.cards:
            self.cards[version] = self.cards[version].model_copy(update=told)

    def _listed(self, card: Card) -> Entry:
        return Entry(card, role_of(card, self.now, is_kept=card.version in self.kept))

    def _require_up(self) -> None:
        if self.is_down:
            raise StoreUnavailableError


class MemoryLiveCounts:
    """A `LiveCounts` in a dict."""

    def __init__(self) -> None:
        self.counts: dict[str, Live] = {}
        self.is_down = False

    async def add(self, version: str, live: Live) -> None:
        """Add."""
        if self.is_down:
            raise StoreUnavailableError
        known = await self.read(version)
        self.counts[version] = Live(trials=known.trials + live.trials, hits=known.hits + live.hits)

    async def read(self, version: str) -> Live:
        """Return the sums."""
        return self.counts.get(version, Live())


class MemoryLease:
    """A `Lease` that runs out when told to."""

    def __init__(self, lasts: timedelta = timedelta(seconds=30)) -> None:
        self.lasts = lasts
        self.token = 0
        self.is_held = False
        self.is_down = False

    async def take(self) -> int | None:
        """Hand out the next token."""
        if self.is_held:
            return None
        self.is_held = True
        self.token += 1
        return self.token

    async def renew(self, token: int) -> bool:
        """Say whether it is still this token's."""
        if self.is_down:
            raise StoreUnavailableError
        return self.is_held and token == self.token

    async def give_back(self, token: int) -> None:
        """Free it, if it is this token's."""
        self.is_held = self.is_held and token != self.token

    def run_out(self) -> None:
        """Do what time does to a lease whose holder was killed."""
        self.is_held = False


class MemoryJobs:
    """A `Jobs` in a dict."""

    def __init__(self, lease: MemoryLease | None = None) -> None:
        self.jobs: dict[str, Job] = {}
        self.is_down = False
        self._lease = lease or MemoryLease()
        self.attended_until = datetime.min.replace(tzinfo=UTC)
        self._open: str | None = None
        self._cancelled: dict[str, str] = {}  # why, by id
        self._lack: Need | None = None
        self._lack_until = self.attended_until

    async def ask(self, job: Job) -> None:
        """Open a job."""
        self._require_up()
        if self._open is not None:
            raise JobOpenError(self._open)
        self._open = job.id
        self.jobs[job.id] = job
        for oldest in list(self.jobs)[:-KEPT]:
            del self.jobs[oldest]

    async def open(self) -> Job | None:
        """Return the job that is open."""
        self._require_up()
        return None if self._open is None else self.jobs[self._open]

    async def save(self, job: Job, token: int) -> None:
        """Replace a job, if the token is the newest."""
        self._require_up()
        if token != self._lease.token:
            raise LeaseLostError
        if self._open != job.id:
            raise JobOverError
        self.jobs[job.id] = job
        if job.is_over:
            self._open, self._cancelled = None, {}
        elif job.id in self._cancelled:
            raise JobCancelledError(self._cancelled[job.id])

    async def cancel(self, id: str, reason: str, now: datetime) -> Job:
        """Note the wish while somebody holds the lease; else end the job."""
        job = await self.get(id)
        if job.is_over:
            msg = f"Job {id} has ended: {job.state}."
            raise JobOverError(msg)
        if self._lease.is_held and self._open == id:
            self._cancelled = {id: reason}
            return job
        self.jobs[id] = job.ended("cancelled", reason, now)
        if self._open == id:
            self._open, self._cancelled = None, {}
        return self.jobs[id]

    async def get(self, id: str) -> Job:
        """Return a job."""
        self._require_up()
        if id not in self.jobs:
            raise JobNotFoundError
        return self.jobs[id]

    async def newest(self, most: int) -> list[Job]:
        """Return jobs, newest first."""
        self._require_up()
        return list(reversed(self.jobs.values()))[:most]

    async def attend(self, lasts: timedelta) -> None:
        """Believe it for so long."""
        self._require_up()
        self.attended_until = datetime.now(UTC) + lasts

    async def lack(self, need: Need, lasts: timedelta) -> None:
        """Believe it for so long."""
        self._require_up()
        self._lack, self._lack_until = need, datetime.now(UTC) + lasts

    async def situation(self) -> Situation:
        """Look at the clock and the lease."""
        self._require_up()
        is_attended = self._lease.is_held or datetime.now(UTC) < self.attended_until
        lacks = self._lack if datetime.now(UTC) < self._lack_until else None
        return Situation(is_attended, next(iter(self._cancelled), None), lacks)

    def _require_up(self) -> None:
        if self.is_down:
            raise StoreUnavailableError
