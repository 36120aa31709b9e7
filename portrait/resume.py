"""Resume: reading the log goes on from where the store says it is.

Offsets lie beside the profiles, so a store that comes back with an older state (killed before its
file was written, or a replica took over) also comes back with the older offsets, and the log is
read again from there. Whoever writes to the store shows that between reading and writing it was
the same life of the store, so that nothing lost lies under anything new.
"""

from collections.abc import Mapping

from portrait.errors import StoreRestartedError
from portrait.store import OffsetStore, StoredOffsets


class Resume:
    """Where one consumer group goes on. Lives as long as its worker."""

    def __init__(self, store: OffsetStore, group: str) -> None:
        self._store = store
        self._group = group
        self._life = ""

    async def points(self) -> Mapping[tuple[str, int], int]:
        """Return the next offset of each partition; one without an entry begins at its start."""
        stored = await self._store.load(self._group)
        self._life = stored.life
        return stored.ends

    def check(self, life: str) -> None:
        """Raise StoreRestartedError unless the store still lives as when reading began."""
        if life != self._life:
            raise StoreRestartedError

    async def mark(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Say that everything before these offsets is stored; none: ask whether all still is.

        Raises:
            StoreRestartedError: It may not be any more: read again from `points`.
        """
        if not await self._store.save(self._group, StoredOffsets(self._life, ends)):
            raise StoreRestartedError
