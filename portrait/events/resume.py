"""Resume: reading the log goes on from where the store says it is, in the log that it says.

Offsets lie beside the profiles, so a store that comes back with an older state (killed before its
file was written, or a replica took over) also comes back with the older offsets, and the log is
read again from there. Whoever writes to the store shows that between reading and writing it was
the same life of the store, so that nothing lost lies under anything new.

Beside each offset lies which log it is of. A log begins again when its topic is deleted and made
anew, or the broker comes back empty; then another id is read from its beginning, under the next
number. The number is stored before the first record is read, so no two logs ever share one.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from portrait.errors import StoreRestartedError
from portrait.events.progress import FIRST_LOG, LogName, OffsetStore, StoredOffsets

Place = tuple[str, int]  # topic, partition


class Point(NamedTuple):
    """Where reading goes on."""

    log: LogName
    offset: int | None  # None: from the beginning
    is_new: bool = False  # another log than the one that was read before


class Resume:
    """Where one consumer group goes on. Lives as long as its worker."""

    def __init__(self, store: OffsetStore, group: str) -> None:
        self._store = store
        self._group = group
        self._life = ""
        self._logs: dict[Place, LogName] = {}

    async def points(
        self, ids: Mapping[Place, str] | None = None, gone: Collection[Place] = ()
    ) -> Mapping[Place, Point]:
        """Return where partitions go on: those of `ids`, and all that the store knows.

        Args:
            ids: What the broker calls their logs now; empty: it does not say.
            gone: Those whose log is certainly not the stored one any more if the id differs. Of
                others the stored id holds: what a broker says of ids may be late.
        """
        ids = ids or {}
        while True:
            stored = await self._store.load(self._group)
            self._life = stored.life
            points = {
                place: self._point(place, stored, ids.get(place, ""), place in gone)
                for place in {**stored.ends, **ids}
            }
            if await self._keep({place: points[place] for place in ids}, stored):
                return points

    def check(self, life: str) -> None:
        """Raise StoreRestartedError unless the store still lives as when reading began."""
        if life != self._life:
            raise StoreRestartedError

    async def mark(
        self, ends: Mapping[Place, int], numbers: Mapping[Place, int] | None = None
    ) -> None:
        """Say that everything before these offsets is stored; none: ask whether all still is.

        Args:
            ends: The next offset of each partition.
            numbers: Of which log that is, by `Batch.logs`; None: of the one that is read.

        Raises:
            StoreRestartedError: It may not be any more: read again from `points`.
        """
        if not ends and not self._life:
            return  # nothing has been read yet, so nothing can be lost
        logs = {place: self._logs.get(place, FIRST_LOG) for place in ends}
        if numbers is not None:
            logs = {place: _named(log, numbers.get(place, 0)) for place, log in logs.items()}
        if not await self._store.save(self._group, StoredOffsets(self._life, ends, logs)):
            raise StoreRestartedError

    async def cut(self, place: Place, end: int) -> LogName:
        """Say that a log has lost what it held from an offset on: what comes there is new.

        Returns its new name: the same id, the next number.

        Raises:
            StoreRestartedError: The store may not be in the same life.
        """
        log = self._logs.get(place, FIRST_LOG)
        self._logs[place] = LogName(log.number + 1, log.id)
        await self.mark({place: end})
        return self._logs[place]

    def _point(self, place: Place, stored: StoredOffsets, id: str, is_gone: bool) -> Point:  # noqa: FBT001
        known = self._logs.get(place)
        if place not in stored.ends:  # never read, or lost; Kafka's own offsets go with a topic
            log = LogName(0, id) if known is None else _followed(known, known, id)
            return Point(log, None, is_new=known not in {None, log})
        log = stored.logs.get(place, FIRST_LOG)
        if log.id and id != log.id and is_gone:
            return Point(_followed(log, known or log, id), None, is_new=True)
        return Point(LogName(log.number, log.id or id), stored.ends[place])

    async def _keep(self, points: Mapping[Place, Point], stored: StoredOffsets) -> bool:
        """Store what is new, before anything is read; false in another life of the store."""
        self._logs |= {place: point.log for place, point in points.items()}
        new = {
            place: point
            for place, point in points.items()
            if stored.logs.get(place) != point.log or place not in stored.ends
        }
        if not new:
            return True
        ends = {place: point.offset or 0 for place, point in new.items()}
        logs = {place: point.log for place, point in new.items()}
        return await self._store.save(self._group, StoredOffsets(stored.life, ends, logs))


def _named(log: LogName, number: int) -> LogName:
    """Return the name of a log of this number, of which only the newest's id is known."""
    return log if log.number == number else LogName(number)


def _followed(stored: LogName, known: LogName, id: str) -> LogName:
    """Return the name of the log with this id, which is another than the stored one's."""
    if known.id == id and (known == stored or known.number > stored.number):
        return known
    return LogName(max(stored.number, known.number) + 1, id)
