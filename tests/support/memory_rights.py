"""What people ask of what is kept of them, in memory."""

from collections.abc import AsyncIterator, Sequence

from portrait.rights.erasure_job import ErasureJob, ErasureNotFoundError, ReceiptMissingError
from portrait.rights.export import MOST_BYTES, ExportTooLargeError

TOO_LARGE = -1


class MemoryErasures:
    """An `ErasureJobs` in dicts."""

    def __init__(self) -> None:
        self.jobs: dict[str, ErasureJob] = {}
        self.receipts: dict[str, str] = {}

    async def ask(self, job: ErasureJob) -> None:
        """Open one."""
        self.jobs[job.id] = job

    async def get(self, id: str) -> ErasureJob:
        """Return one."""
        if id not in self.jobs:
            raise ErasureNotFoundError
        return self.jobs[id]

    async def open(self) -> Sequence[ErasureJob]:
        """Return those that are not over."""
        jobs = [job for job in self.jobs.values() if not job.is_over]
        return sorted(jobs, key=lambda job: (job.asked_at, job.id))

    async def save(self, job: ErasureJob, receipt: str | None) -> None:
        """Store how far it is."""
        self.jobs[job.id] = job
        if receipt is not None:
            self.receipts[job.id] = receipt

    async def receipt(self, id: str) -> str:
        """Return its receipt."""
        await self.get(id)
        if id not in self.receipts:
            raise ReceiptMissingError
        return self.receipts[id]


class MemoryExports:
    """An `Exports` in dicts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: set[str] = set()
        self.files: dict[str, list[bytes] | None] = {}

    async def ask(self, user: str) -> bool:
        """List it, unless it is."""
        if user in self.waiting:
            return False
        self.waiting.add(user)
        self.asked.append(user)
        return True

    async def take(self) -> str | None:
        """Take the oldest."""
        return self.asked.pop(0) if self.asked else None

    async def put(self, user: str, parts: AsyncIterator[bytes]) -> int:
        """Keep a file, unless it is too large."""
        whole = [part async for part in parts]
        size = sum(map(len, whole))
        self.files[user] = whole if size <= MOST_BYTES else None
        self.waiting.discard(user)
        return size if size <= MOST_BYTES else TOO_LARGE

    async def size(self, user: str) -> int | None:
        """Return how large it is."""
        if user not in self.files:
            return None
        whole = self.files[user]
        if whole is None:
            raise ExportTooLargeError
        return sum(map(len, whole))

    async def forget(self, user: str) -> None:
        """Remove it."""
        self.files.pop(user, None)
        self.waiting.discard(user)
        self.asked = [each for each in self.asked if each != user]

    async def read(self, user: str) -> AsyncIterator[bytes]:
        """Yield its parts."""
        for part in self.files.get(user) or []:
            yield part
