"""Together: what is asked for one by one in the same turn of the loop is asked for at once.

one ─┐
one ─┼─▶ one call for many ─▶ to each its own
one ─┘
"""

import asyncio
from asyncio import Future, Task
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class Together(Generic[Key, Found]):
    """Asks for those who ask in the same turn."""

    def __init__(self, ask: Callable[[Sequence[Key]], Awaitable[list[Found]]]) -> None:
        self._ask = ask
        self._wanted: list[tuple[Key, Future[Found]]] = []
        self._asking: set[Task[list[Found]]] = set()  # or nobody would hold them

    async def get(self, key: Key) -> Found:
        """Return what is found, or raise what asking for many raised."""
        loop = asyncio.get_running_loop()
        found: Future[Found] = loop.create_future()
        self._wanted.append((key, found))
        if len(self._wanted) == 1:
            task = loop.create_task(self._ask_for(self._wanted))
            self._asking.add(task)
            task.add_done_callback(partial(self._hand_out, self._wanted))
        return await found

    async def _ask_for(self, wanted: list[tuple[Key, Future[Found]]]) -> list[Found]:
        """Ask; this begins after the turn in which it was made, so all of that turn are in."""
        self._wanted = []
        return await self._ask([key for key, _ in wanted])

    def _hand_out(self, wanted: list[tuple[Key, Future[Found]]], task: Task[list[Found]]) -> None:
        """Give to each what is theirs; a failure is everybody's."""
        self._asking.discard(task)
        if self._wanted is wanted:  # it was cancelled before it began
            self._wanted = []
        waiting = [(place, found) for place, (_, found) in enumerate(wanted) if not found.done()]
        error = None if task.cancelled() else task.exception()
        for place, found in waiting:
            if task.cancelled():
                found.cancel()
            elif error is not None:
                found.set_exception(error)
            else:
                found.set_result(task.result()[place])
