"""Runs: audiences that this process gathers, one at a time, each followed while it is."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from portrait.audiences.gather import AudienceTooNarrowError, Gathered
from portrait.audiences.job import BEAT, AudienceJob, AudienceJobs, State
from portrait.errors import BusyError, StoreUnavailableError
from portrait.lifecycle.lease import stopped

MOST_RUNS = 4  # of which one walks, and the others wait
LONGEST_SECONDS = 1_800.0  # of a walk over all profiles, both times, with those before it

log = structlog.get_logger()

Tell = Callable[[int], Awaitable[None]]
Gathering = Callable[[Tell], Awaitable[Gathered]]


class Runs:
    """Lives as long as what the service holds of a shop."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, job: AudienceJob, gathering: Gathering, jobs: AudienceJobs
    ) -> asyncio.Task[None]:
        """Begin to gather an audience.

        Raises:
            BusyError: Too many are waited for.
        """
        if len(self._tasks) >= MOST_RUNS:
            raise BusyError
        task = asyncio.create_task(self._run(job, gathering, jobs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Leave what is not ready: it is forgotten within a minute."""
        for task in [*self._tasks]:
            await stopped(task)

    async def _run(self, job: AudienceJob, gathering: Gathering, jobs: AudienceJobs) -> None:
        run = _Run(job)
        work = asyncio.create_task(self._in_turn(run, gathering))
        try:
            while not work.done():
                with suppress(StoreUnavailableError):
                    await jobs.put(run.job)
                await asyncio.wait([work], timeout=BEAT.total_seconds())
        finally:
            work.cancel()
        ended = await _end(run.job, work, jobs)
        log.info(
            "audience_gathered",
            audience_id=ended.id,
            state=ended.state,
            size=ended.size,
            looked_at=ended.looked_at,
        )

    async def _in_turn(self, run: "_Run", gathering: Gathering) -> Gathered:
        async with asyncio.timeout(LONGEST_SECONDS), self._turn:
            return await gathering(run.tell)


class _Run:
    """One audience while it is gathered."""

    def __init__(self, job: AudienceJob) -> None:
        self.job = job

    async def tell(self, looked_at: int) -> None:
        self.job = self.job.model_copy(update={"looked_at": looked_at})


async def _end(job: AudienceJob, work: asyncio.Task[Gathered], jobs: AudienceJobs) -> AudienceJob:
    """Store what came of it; while the store is away nothing can be."""
    ended: dict[str, object] = {"ended_at": datetime.now(UTC)}
    try:
        gathered = work.result()
        await jobs.write(job.id, gathered.members)
        ended |= {
            "state": State.READY,
            "leaders": gathered.leaders,
            "people": gathered.people,
            "fitting": gathered.fitting,
            "size": len(gathered.members),
            "left_out": dict(gathered.left_out),
        }
    except AudienceTooNarrowError as error:
        ended |= {"state": State.REFUSED, "reason": str(error)}
    except (StoreUnavailableError, TimeoutError) as error:
        reason = str(error) or "It took longer than half an hour."
        ended |= {"state": State.FAILED, "reason": reason}
    told = job.model_copy(update=ended)
    with suppress(StoreUnavailableError):
        await jobs.put(told)
    return told
