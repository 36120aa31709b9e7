"""Port: which devices users were seen on, and what is joined of theirs."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from portrait.events.login import Login
from portrait.profiles.store import Stored


class Person(NamedTuple):
    """What is stored of one user."""

    served: Stored  # what is told of them: joined, if anything is
    own: Stored | None  # of what is joined, what they did as themselves; None: nothing is joined


class DeviceWrite(NamedTuple):
    """A device to store, if what is stored is still what was read."""

    anonymous_id: str
    read: bytes | None
    device: bytes


class Seen(NamedTuple):
    """A device that a user was seen on, and what was done there by whoever had not logged in."""

    anonymous_id: str
    device: bytes | None
    stored: Stored


class PersonWrite(NamedTuple):
    """What to store of one user, if all that it is made of is still as it was read."""

    user: str
    read: Person
    seen: Sequence[Seen]  # every device of theirs
    person: Person


class IdentityStore(Protocol):
    """Devices, by anonymous id, and people. All of it lives as long as profiles do."""

    async def load_devices(self, anonymous_ids: Sequence[str]) -> list[bytes | None]:
        """Return devices, in their order."""
        ...

    async def save_devices(self, writes: Sequence[DeviceWrite]) -> list[int]:
        """Store each, if it is still as it was read. Returns the places of those refused."""
        ...

    async def note(self, logins: Sequence[Login]) -> None:
        """Note on which devices users were seen: of each user the newest `MOST_KNOWN`."""
        ...

    async def forget(self, user: str, anonymous_ids: Sequence[str]) -> None:
        """Forget that a user was seen on these devices."""
        ...

    async def seen_on(self, users: Sequence[str], *, every: bool = False) -> list[list[str]]:
        """Return the anonymous ids of each user's devices: the newest, or all that are known."""
        ...

    async def load_people(self, users: Sequence[str]) -> list[Person]:
        """Return what is stored of users, in their order."""
        ...

    async def save_people(self, writes: Sequence[PersonWrite]) -> list[int]:
        """Store each, if nobody has been faster. Returns the places of those refused.

        What is known of their devices lives on for as long as what is stored.
        """
        ...
