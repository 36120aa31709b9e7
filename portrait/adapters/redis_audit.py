"""The audit log on Redis.

audit   stream: `line`, as JSON; the oldest go beyond so many
"""

from collections.abc import Sequence

from pydantic import ValidationError
from redis.asyncio import Redis

from portrait.access.audit import MOST_LINES, AuditLine, Placed
from portrait.adapters.redis_common import readable
from portrait.adapters.redis_damage import Damage, mended

AUDIT, LINE = "audit", b"line"
KEPT = {AUDIT: "stream"}


class RedisAudit:
    """An `AuditLog`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("audit_line")

    async def add(self, line: AuditLine) -> None:
        """Write a line at the end."""
        written = line.model_dump_json()
        await mended(
            self._redis,
            KEPT,
            lambda: self._redis.xadd(AUDIT, {LINE: written}, maxlen=MOST_LINES, approximate=True),
        )

    async def newest(self, most: int) -> Sequence[AuditLine]:
        """Return the newest lines, newest first; what nobody of us wrote is left out."""
        entries = await mended(self._redis, KEPT, lambda: self._redis.xrevrange(AUDIT, count=most))
        lines = {id: _read((fields or {}).get(LINE)) for id, fields in entries or []}
        self._damage.say([id for id, line in lines.items() if line is None])
        return [line for line in lines.values() if line is not None]

    async def after(self, place: str | None, most: int) -> Sequence[Placed]:
        """Return lines by their ids in the stream."""
        since = "-" if place is None else f"({place}"
        entries = await mended(
            self._redis, KEPT, lambda: self._redis.xrange(AUDIT, min=since, count=most)
        )
        return [
            Placed(readable(id) or "", _read((fields or {}).get(LINE)))
            for id, fields in entries or []
        ]


def _read(value: object) -> AuditLine | None:
    try:
        return AuditLine.model_validate_json(readable(value) or "")
    except ValidationError:
        return None
