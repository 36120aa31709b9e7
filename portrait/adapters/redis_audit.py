"""The audit log on Redis.

audit   stream: `line`, as JSON; the oldest go beyond so many
"""

from collections.abc import Sequence

from pydantic import ValidationError
from redis.asyncio import Redis

from portrait.access.audit import MOST_LINES, AuditLine
from portrait.adapters.redis_common import readable, translated
from portrait.adapters.redis_damage import Damage

AUDIT, LINE = "audit", b"line"


class RedisAudit:
    """An `AuditLog`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("audit_line")

    async def add(self, line: AuditLine) -> None:
        """Write a line at the end."""
        async with translated():
            await self._redis.xadd(
                AUDIT, {LINE: line.model_dump_json()}, maxlen=MOST_LINES, approximate=True
            )

    async def newest(self, most: int) -> Sequence[AuditLine]:
        """Return the newest lines, newest first; what nobody of us wrote is left out."""
        async with translated():
            entries = await self._redis.xrevrange(AUDIT, count=most)
        lines = {id: _read((fields or {}).get(LINE)) for id, fields in entries or []}
        self._damage.say([id for id, line in lines.items() if line is None])
        return [line for line in lines.values() if line is not None]


def _read(value: object) -> AuditLine | None:
    try:
        return AuditLine.model_validate_json(readable(value) or "")
    except ValidationError:
        return None
