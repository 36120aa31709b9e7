"""Port: where profiles are kept."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from portrait.events.consent import Consent
from portrait.events.unwanted import Unwanted


class Write(NamedTuple):
    """A record to store, if the stored one still has the revision that was read."""

    user: str
    expected: bytes  # REVISION bytes of the record read; empty if there was none
    record: bytes
    searched: bytes | None = None  # what they searched for; empty: nothing; None: it stays
    is_joined: bool = False  # as `Own` says of what was read


class Stored(NamedTuple):
    """What is stored of one user."""

    record: bytes | None
    searched: bytes | None  # see `searched.py`
    consent: bytes | None = None  # see `consent.py`
    unwanted: bytes | None = None  # see `events/unwanted.py`


class Own(NamedTuple):
    """What is stored of what one user did as themselves."""

    record: bytes | None
    searched: bytes | None
    consent: bytes | None = None
    is_joined: bool = False  # whether what is told of them is joined with more (`identity`)


class ProfileStore(Protocol):
    """One record per user, and beside it the words of their searches, which live as long.

    A store never goes back: every write is a compare-and-set.
    """

    async def load(self, users: Sequence[str]) -> list[bytes | None]:
        """Return the users' records, in their order."""
        ...

    async def load_whole(self, users: Sequence[str]) -> list[Stored]:
        """Return all that is stored of the users, in their order."""
        ...

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Own]]:
        """Return in which life of the store this was read, and what users did as themselves."""
        ...

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        """Store both. Returns the places of those refused because a newer record is there.

        Each lives for the usual time from now on, or with `keep_ttl` no longer than before.
        """
        ...

    async def agree(self, consents: Mapping[str, Consent]) -> None:
        """Remember what users let be done, each unless what is stored was said later.

        It outlives the record: nobody's withdrawal ends by their being away.
        """
        ...

    async def refuse(self, unwanted: Mapping[str, Unwanted]) -> None:
        """Join what users do not want with what is stored. It outlives the record, too."""
        ...

    def scan(self) -> AsyncIterator[list[str]]:
        """Yield every user who is there all the while, some at a time, in no order."""
        ...
