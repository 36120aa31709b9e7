"""Standing: how a process that serves is doing, for whoever asks and shows no key."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

from portrait.errors import PortraitError
from portrait.events.stream import Publisher
from service.live import Live
from service.parts import Parts

PATIENCE = 2.0  # seconds that a dependency may take to answer a probe


class Standing(Protocol):
    """What probes ask for."""

    is_shared: bool  # whether it serves several shops, of which none is to learn of another

    @property
    def is_running(self) -> bool:
        """Whether the tasks that keep the process current run."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What stops nothing here, and somebody should see to."""
        ...

    async def states(self) -> Mapping[str, bool]:
        """Ask everything it stands on whether it is up."""
        ...


class OfOne:
    """A `Standing` of a process that serves but one."""

    is_shared = False

    def __init__(self, parts: Parts, live: Live) -> None:
        self._parts = parts
        self._live = live

    @property
    def is_running(self) -> bool:
        """Whether its tasks run."""
        return self._live.is_running

    @property
    def notes(self) -> tuple[str, ...]:
        """What somebody should see to."""
        return self._live.notes

    async def states(self) -> Mapping[str, bool]:
        """Ask both servers, and look whether there is a model."""
        servers = await servers_of(self._parts.ping_store, self._parts.publisher)
        return {**servers, "model": self._live.view is not None}


async def servers_of(ping: "Ping", publisher: Publisher) -> Mapping[str, bool]:
    """Ask Redis and Kafka at once."""
    redis, kafka = await asyncio.gather(_answers(ping()), _answers(publisher.check()))
    return {"redis": redis, "kafka": kafka}


class Ping(Protocol):
    """Asks a store whether it is there."""

    def __call__(self) -> Awaitable[None]:
        """Raise StoreUnavailableError if it is not."""
        ...


async def _answers(check: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await check
    except (PortraitError, TimeoutError):
        return False
    return True
