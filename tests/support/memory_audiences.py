"""Audiences in memory."""

from collections.abc import AsyncIterator, Sequence

from portrait.audiences.best import Member
from portrait.audiences.job import MEMBERS_AT_ONCE, AudienceJob, AudienceNotFoundError


class MemoryAudiences:
    """An `AudienceJobs` in dicts."""

    def __init__(self) -> None:
        self.jobs: dict[str, AudienceJob] = {}
        self.members: dict[str, list[Member]] = {}

    async def put(self, job: AudienceJob) -> None:
        """Store how far one is."""
        self.jobs[job.id] = job

    async def get(self, id: str) -> AudienceJob:
        """Return one."""
        if id not in self.jobs:
            raise AudienceNotFoundError
        return self.jobs[id]

    async def write(self, id: str, members: Sequence[Member]) -> None:
        """Store who is in it."""
        self.members[id] = [*members]

    async def read(self, id: str) -> AsyncIterator[list[Member]]:
        """Yield them, some at a time."""
        members = self.members.get(id, [])
        for start in range(0, len(members), MEMBERS_AT_ONCE):
            yield members[start : start + MEMBERS_AT_ONCE]
