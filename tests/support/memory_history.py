"""The ports of an import in memory, kept honest by mypy and by their contract suite."""

from collections.abc import Mapping, Sequence
from zlib import crc32

from portrait.events.history import Imported, ImportTakenError, PastEvent, Place, number_in
from portrait.events.stream import Message
from portrait.events.topics import EVENT_TOPICS, event_topic

PARTITIONS = 3


class KilledError(Exception):
    """Stands for the end of a process."""


class MemoryImports:
    """An `ImportLedger` in dicts."""

    def __init__(self) -> None:
        self.states: dict[str, Imported] = {}
        self.owners: dict[str, str] = {}

    async def read(self, name: str) -> Imported | None:
        """Return the state there is."""
        return self.states.get(name)

    async def take(self, name: str, owner: str) -> Imported:
        """Remember whose it is."""
        self.owners[name] = owner
        return self.states.get(name, Imported())

    async def note(self, name: str, owner: str, imported: Imported) -> None:
        """Remember the state, if it is its owner's."""
        if self.owners.get(name) != owner:
            raise ImportTakenError
        self.states[name] = imported


class MemoryHistory:
    """A `HistoryLog` in lists, of which some may be there already.

    Args:
        name: Of the import.
        partitions: What lies in each.
        room: So many events until it fails as `fails` says.
        fails: By the end of the process, or by an outage of one call.
    """

    def __init__(
        self,
        name: str,
        partitions: dict[Place, list[Message]] | None = None,
        room: int | None = None,
        fails: type[Exception] = KilledError,
    ) -> None:
        self.name = name
        self.partitions = {} if partitions is None else partitions
        self.room = room
        self.fails = fails

    async def ends(self) -> Mapping[Place, int]:
        """Return where they end, as a broker may: a little before."""
        empty = {(topic, at): 0 for topic in EVENT_TOPICS for at in range(PARTITIONS)}
        return empty | {place: max(0, len(some) - 2) for place, some in self.partitions.items()}

    async def append(self, events: Sequence[PastEvent]) -> None:
        """Append as many as there is room for."""
        for event in events:
            if self.room == 0:
                self.room = None
                raise self.fails
            place = event_topic(event.action), crc32(event.key) % PARTITIONS
            message = Message(place[0], event.key, event.value, event.headers(self.name), place[1])
            self.partitions.setdefault(place, []).append(message)
            if self.room is not None:
                self.room -= 1

    async def found(self, ends: Mapping[Place, int]) -> set[int]:
        """Look through what is there from the ends on."""
        said = (
            number_in(message.headers, self.name)
            for place, end in ends.items()
            for message in self.partitions.get(place, [])[end:]
        )
        return {number for number in said if number is not None}
