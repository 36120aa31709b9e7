"""Port: the desk, where texts are laid that somebody waits for, for whoever has an encoder.

ask ─▶ desk ─▶ take ─▶ read into every space ─▶ tell ─▶ the vectors are in the store
 └──────────── waits for at most PATIENCE ────────┘
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

PATIENCE = timedelta(milliseconds=150)  # reading a search takes some 10 ms where nobody is before
MOST_LAID = 64  # asked for at once: those beyond push out the oldest, who wait no longer
TAKEN_AT_ONCE = 8


class ReadingRequest(NamedTuple):
    """Texts that somebody waits for."""

    id: str
    texts: tuple[str, ...]


class ReadingDesk(Protocol):
    """Brings those who need texts read together with who can read them."""

    async def ask(self, texts: Sequence[str]) -> bool:
        """Lay texts there, and wait; return whether they were read in time, as far as they can."""
        ...

    async def take(self) -> list[ReadingRequest]:
        """Take what was laid there, the oldest first; wait a while for something."""
        ...

    async def tell(self, asked: Sequence[ReadingRequest]) -> None:
        """Say that these have been read."""
        ...
