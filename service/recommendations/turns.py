"""Turns: rankings are made one after the other, and there is an end to the waiting.

request ─▶ room among those waiting? ─▶ its turn, in time? ─▶ ranked, in the one thread for that
                  └────────── no: 503, try again ──────────┘

One ranking at a time leaves the other cores, and the interpreter's lock most of the time, to the
loop, so that whoever asks for little is answered at once whatever others ask for. The arrays that a
ranking reads fill the caches of the processor: two at a time would hinder each other.

A large request costs before it is ranked, too: to be read, and to be looked up on the loop. So only
one of them is let in at a time, and whoever asks for little waits for one of them at most. What
looks at many people takes turn after turn, for a second: of these, too, there is one at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from time import monotonic
from typing import TypeVar

from portrait.errors import BusyError

MOST_WAITING = 64  # those beyond would wait for longer than anybody does
LONGEST_WAIT = 1.0  # seconds until a turn; whoever waited for longer has gone elsewhere

Answer = TypeVar("Answer")


class Turns(AbstractContextManager["Turns"]):
    """The one thread that ranks. Lives as long as the app."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ranking")
        self._waiting = 0
        self._alone = asyncio.Lock()
        self._looking = asyncio.Lock()

    def __exit__(self, *_: object) -> None:
        """Let the thread end."""
        self._thread.shutdown(cancel_futures=True)

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Be the only one of those who ask for much, from the reading of what is asked on.

        Raises:
            BusyError: Those before took too long.
        """
        return _only(self._alone)

    def looking(self) -> AbstractAsyncContextManager[None]:
        """Be the only one of those who look at many people.

        Raises:
            BusyError: Those before took too long.
        """
        return _only(self._looking)

    async def take(self, work: Callable[[], Answer]) -> Answer:
        """Do some work in its turn.

        Raises:
            BusyError: Too many are waiting, or its turn did not come in time.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            latest = monotonic() + LONGEST_WAIT
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, _in_time, work, latest)
        finally:
            self._waiting -= 1


@asynccontextmanager
async def _only(lock: asyncio.Lock) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            await lock.acquire()
    except TimeoutError:
        raise BusyError from None
    try:
        yield
    finally:
        lock.release()


def _in_time(work: Callable[[], Answer], latest: float) -> Answer:
    """Do some work, unless its turn has come too late."""
    if monotonic() > latest:
        raise BusyError
    return work()
