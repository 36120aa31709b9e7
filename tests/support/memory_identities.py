"""Identities in dicts, beside the profiles that they join."""

from collections.abc import Callable, Sequence

from portrait.adapters.redis_identities import MOST_DEVICES, MOST_KNOWN
from portrait.events.event import ANONYMOUS
from portrait.events.login import Login
from portrait.identity.store import DeviceWrite, Person, PersonWrite, Seen
from portrait.profiles.profile import REVISION
from portrait.profiles.store import Stored
from tests.support.fakes import MemoryProfiles


class MemoryIdentities:
    """An `IdentityStore` over `MemoryProfiles`."""

    def __init__(self, profiles: MemoryProfiles) -> None:
        self.profiles = profiles
        self.devices: dict[str, bytes] = {}
        self.seen: dict[str, dict[str, int]] = {}

    async def load_devices(self, anonymous_ids: Sequence[str]) -> list[bytes | None]:
        """Return devices."""
        return [self.devices.get(id) for id in anonymous_ids]

    async def save_devices(self, writes: Sequence[DeviceWrite]) -> list[int]:
        """Store those that are as they were read."""
        refused = []
        for place, write in enumerate(writes):
            if self.devices.get(write.anonymous_id) == write.read:
                self.devices[write.anonymous_id] = write.device
            else:
                refused.append(place)
        return refused

    async def note(self, logins: Sequence[Login]) -> None:
        """Keep the newest devices of each user."""
        for login in logins:
            seen = self.seen.setdefault(str(login.user_id), {})
            seen[login.anonymous_id] = max(login.at, seen.get(login.anonymous_id, 0))
            newest = sorted(seen, key=_by_moment(seen))[-MOST_KNOWN:]
            self.seen[str(login.user_id)] = {id: seen[id] for id in newest}

    async def forget(self, user: str, anonymous_ids: Sequence[str]) -> None:
        """Forget devices of a user."""
        for id in anonymous_ids:
            self.seen.get(user, {}).pop(id, None)

    async def seen_on(self, users: Sequence[str], *, every: bool = False) -> list[list[str]]:
        """Return the devices of users, in the order in which they were seen there."""
        most = MOST_KNOWN if every else MOST_DEVICES
        found = [self.seen.get(user, {}) for user in users]
        return [sorted(seen, key=_by_moment(seen))[-most:] for seen in found]

    async def load_people(self, users: Sequence[str]) -> list[Person]:
        """Return people, all as they are at one moment."""
        await self.profiles.load(users)
        return [self._person(user) for user in users]

    def _person(self, user: str) -> Person:
        records, searched = self.profiles.records, self.profiles.searched
        served = Stored(records.get(user), searched.get(user))
        return Person(served, self.profiles.own.get(user))

    async def save_people(self, writes: Sequence[PersonWrite]) -> list[int]:
        """Store those that are made of what is still there; nothing expires here."""
        refused = []
        await self.profiles.load([write.user for write in writes])
        for place, write in enumerate(writes):
            there = self._person(write.user)
            if revisions(there) != revisions(write.read) or not self._are_there(write.seen):
                refused.append(place)
                continue
            served, own = write.person
            self.profiles.records[write.user] = served.record or b""
            self.profiles.searched.pop(write.user, None)
            if served.searched:
                self.profiles.searched[write.user] = served.searched
            self.profiles.own.pop(write.user, None)
            if own is not None:
                self.profiles.own[write.user] = own
        return refused

    def _are_there(self, seen: Sequence[Seen]) -> bool:
        return all(
            self.devices.get(each.anonymous_id) == each.device
            and (self.profiles.records.get(f"{ANONYMOUS}{each.anonymous_id}") or b"")[REVISION]
            == revision(each.stored)
            for each in seen
        )


def revision(stored: Stored | None) -> bytes:
    return ((stored or Stored(None, None)).record or b"")[REVISION]


def _by_moment(seen: dict[str, int]) -> Callable[[str], tuple[int, str]]:
    return lambda anonymous_id: (seen[anonymous_id], anonymous_id)


def revisions(person: Person) -> list[bytes]:
    """Return what a write compares."""
    return [*map(revision, person)]
