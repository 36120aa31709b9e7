"""Fakes of what training stands on, kept honest by mypy and the contract suites."""

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
from portrait.lifecycle.need import Need
from portrait.monitoring.watch import Live


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
