"""A lease: one trainer at a time, whatever happens to it.

It runs out unless its holder renews it, so a killed trainer frees it; and each holder gets a token
higher than any before, so one that was only paused, and comes back late, is told that it is too
late (fencing: Kleppmann, How to do distributed locking, 2016).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog

from portrait.errors import PortraitError, StoreUnavailableError

AGAIN_SECONDS = 0.2
RENEWALS = 3  # within the time that a lease lasts: two may fail

log = structlog.get_logger()


class LeaseLostError(PortraitError):
    """Another trainer has taken over: stop, and leave no trace."""


class Lease(Protocol):
    """The right to train. Every step is atomic."""

    @property
    def lasts(self) -> timedelta:
        """How long it is held without being renewed."""
        ...

    async def take(self) -> int | None:
        """Return a token higher than any before, or None while somebody holds it."""
        ...

    async def renew(self, token: int) -> bool:
        """Hold it for another while. False: it ran out, or somebody else has it."""
        ...

    async def give_back(self, token: int) -> None:
        """Let the next one have it, if it is still ours."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A lease in hand."""

    token: int
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def require(self) -> None:
        """Check between two steps of the work.

        Raises:
            LeaseLostError: It is no longer ours.
        """
        if self.lost.is_set():
            raise LeaseLostError


@asynccontextmanager
async def held(lease: Lease) -> AsyncIterator[Held | None]:
    """Hold the lease meanwhile, renewed in the background. None if somebody else has it.

    The work must not block the loop for as long as the lease lasts: train in a thread.
    """
    token = await lease.take()
    if token is None:
        yield None
        return
    hold = Held(token)
    heartbeat = asyncio.create_task(_renew(lease, hold))
    try:
        yield hold
    finally:
        await stopped(heartbeat)
        if not hold.lost.is_set():
            await lease.give_back(token)


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancel a task until it ends: one that talks to Redis may miss being cancelled once.

    redis-py 8.1 swallows some of those that come while it waits for an answer (Python 3.11).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)


async def _renew(lease: Lease, hold: Held) -> None:
    """Renew until it is lost; Redis being away is borne for as long as the lease lasts."""
    lasts = lease.lasts.total_seconds()
    until = time.monotonic() + lasts
    while not hold.lost.is_set():
        await asyncio.sleep(lasts / RENEWALS)
        asked = time.monotonic()
        try:
            is_ours = await lease.renew(hold.token)
        except StoreUnavailableError:
            is_ours = asked < until
        else:
            until = asked + lasts
        if not is_ours:
            hold.lost.set()
            log.warning("lease_lost", token=hold.token)
