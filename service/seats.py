"""Seats: how many requests a process holds open on purpose, and how many of them one caller.

A read that waits for a position, and a stream, take a connection for as long as they last; nobody
is sent away for somebody new, so there are only so many.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from time import perf_counter
from typing import ClassVar

from starlette.types import Scope

from portrait import metrics
from service.access.caller import ANYBODY, Caller
from service.http.middleware import HELD
from service.http.problems import ProblemError


class TooManyHeldError(ProblemError):
    """Too many requests are held open by this process: try again in a moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "too-many-held"


class CallerHoldsTooManyError(ProblemError):
    """This key or token holds too many requests open: close one first."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    name = "caller-holds-too-many"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class Seats:
    """Counts who holds a request open. Lives as long as the process."""

    def __init__(self, most: int = 400, most_of_one: int = 100) -> None:
        """Begin with all of them free.

        Args:
            most: That are held open at once.
            most_of_one: Of one key or token; without access control nobody has one.
        """
        self.taken = 0
        self._most = most
        self._most_of_one = most_of_one
        self._by_caller = Counter[tuple[str | None, str]]()

    @contextmanager
    def held(self, scope: Scope) -> Iterator[None]:
        """Hold a request open meanwhile; its time of answer is told without that.

        Raises:
            TooManyHeldError: There are as many as there may be.
            CallerHoldsTooManyError: Of this caller.
        """
        state = scope["state"]
        caller: Caller = state["caller"]
        who = caller.shop, caller.name
        if self.taken >= self._most:
            msg = f"It holds {self._most} open: streams, and reads that wait for a position."
            raise TooManyHeldError(msg)
        if caller is not ANYBODY and self._by_caller[who] >= self._most_of_one:
            msg = (
                f"It may hold {self._most_of_one} open in each process of the service: streams, "
                "and reads that wait for a position."
            )
            raise CallerHoldsTooManyError(msg)
        since = perf_counter()
        self._count(who, 1)
        try:
            yield
        finally:
            self._count(who, -1)
            state[HELD] = state.get(HELD, 0.0) + perf_counter() - since

    def _count(self, who: tuple[str | None, str], one: int) -> None:
        self.taken += one
        self._by_caller[who] += one
        if not self._by_caller[who]:
            del self._by_caller[who]
        metrics.requests_held.inc(one)
