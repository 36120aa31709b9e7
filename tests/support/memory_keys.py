"""Keys, buckets and the audit log in memory."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from portrait.access.audit import MOST_LINES, AuditLine, Placed
from portrait.access.buckets import BURST_SECONDS, Taken
from portrait.access.key import MOST_KEYS, ApiKey
from portrait.access.store import KeyNotFoundError, TooManyKeysError
from portrait.errors import StoreUnavailableError
from portrait.times import to_moment, to_ms


class MemoryKeys:
    """A `KeyStore` in a dict."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.used: dict[str, datetime] = {}
        self.is_down = False

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        self._require_up()
        useless = [each for each in await self.all() if not each.is_good(key.created_at)]
        if len(self.keys) >= MOST_KEYS and useless:
            del self.keys[useless[0].id]
        if len(self.keys) >= MOST_KEYS:
            raise TooManyKeysError
        self.keys.setdefault(key.id, key)

    async def all(self) -> Sequence[ApiKey]:
        """Return every key, by when it was made."""
        self._require_up()
        return sorted(self.keys.values(), key=lambda key: (key.created_at, key.id))

    async def revoke(self, id: str, now: datetime) -> ApiKey:
        """Write when it was revoked."""
        self._require_up()
        if id not in self.keys:
            raise KeyNotFoundError
        if self.keys[id].revoked_at is None:
            self.keys[id] = self.keys[id].model_copy(update={"revoked_at": now})
        return self.keys[id]

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Remember when keys were used last."""
        self._require_up()
        for id, at in uses.items():
            moment = to_moment(to_ms(at))
            if id in self.keys and moment > self.used.get(id, to_moment(0)):
                self.used[id] = moment

    async def uses(self) -> Mapping[str, datetime]:
        """Return when each was used last."""
        self._require_up()
        return dict(self.used)

    def _require_up(self) -> None:
        if self.is_down:
            raise StoreUnavailableError


class MemoryBuckets:
    """`Buckets` in a dict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.held: dict[str, tuple[float, float]] = {}
        self.asked = 0
        self.is_down = False

    async def take(self, name: str, rate: float, least: int, most: int) -> Taken:
        """Take tokens."""
        self.asked += 1
        if self.is_down:
            raise StoreUnavailableError
        now, size = self.clock(), max(least, rate * BURST_SECONDS)
        tokens, at = self.held.get(name, (size, now))
        tokens = min(size, tokens + (now - at) * rate)
        taken = int(min(tokens, most)) if tokens >= least else 0
        self.held[name] = tokens - taken, now
        return Taken(taken, 0.0 if taken else (least - tokens) / rate)


def stopped_buckets() -> MemoryBuckets:
    """Return buckets that nothing comes into, however long a busy machine takes."""
    return MemoryBuckets(lambda: 0.0)


class MemoryAudit:
    """An `AuditLog` in a list."""

    def __init__(self) -> None:
        self.lines: list[AuditLine] = []
        self.is_down = False

    async def add(self, line: AuditLine) -> None:
        """Write a line at the end."""
        if self.is_down:
            raise StoreUnavailableError
        self.lines = [*self.lines, line][-MOST_LINES:]

    async def newest(self, most: int) -> Sequence[AuditLine]:
        """Return the newest lines, newest first."""
        return self.lines[::-1][:most]

    async def after(self, place: str | None, most: int) -> Sequence[Placed]:
        """Return lines by their number."""
        if self.is_down:
            raise StoreUnavailableError
        start = 0 if place is None else int(place.split("-")[1]) + 1
        return [Placed(f"0-{at}", self.lines[at]) for at in range(len(self.lines))][start:][:most]
