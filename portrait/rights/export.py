"""Exports: all that is kept of somebody, as one file that is gathered and kept for an hour."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

from portrait.errors import PortraitError

KEPT = timedelta(hours=1)
GATHERED = timedelta(minutes=10)  # at most; then it may be asked for anew
MOST_BYTES = 67_108_864  # of one file in the store; `portrait export` has no such bound


class ExportTooLargeError(PortraitError):
    """It is larger than is kept for HTTP: gather it by `portrait export`."""


class Exports(Protocol):
    """Where they are asked for, and lie until they are fetched."""

    async def ask(self, user: str) -> bool:
        """Ask for somebody's; says whether nobody had asked for it yet."""
        ...

    async def take(self) -> str | None:
        """Take whoever was asked for longest ago; None: nobody is waited for."""
        ...

    async def put(self, user: str, parts: AsyncIterator[bytes]) -> int:
        """Keep a file that comes in parts, whole or not at all. Returns its bytes."""
        ...

    async def size(self, user: str) -> int | None:
        """Return how large the file is; None: there is none.

        Raises:
            ExportTooLargeError: It could not be kept.
        """
        ...

    async def forget(self, user: str) -> None:
        """Remove a file, and that it was asked for."""
        ...

    def read(self, user: str) -> AsyncIterator[bytes]:
        """Yield a file's parts."""
        ...
