"""What has been imported, on Redis.

import:<name>  hash: owner, a token of whoever is at it; state, how far it has come, as JSON
"""

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from portrait.adapters.redis_common import readable, script, translated
from portrait.errors import StoreDamagedError
from portrait.events.history import Imported, ImportTakenError


class _State(BaseModel):
    """How far an import has come, as it is stored."""

    done: int
    ends: list[tuple[str, int, int]]
    is_finished: bool


class RedisImports:
    """An `ImportLedger`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._note = script(redis, "note_import.lua")

    async def read(self, name: str) -> Imported | None:
        """Return the state, if there is any."""
        async with translated():
            state = await self._redis.hget(_key(name), "state")
        return _read(name, state)

    async def take(self, name: str, owner: str) -> Imported:
        """Write whose it is, and read how far it has come."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_key(name), "owner", owner)
            pipe.hget(_key(name), "state")
            _, state = await pipe.execute()
        return _read(name, state) or Imported()

    async def note(self, name: str, owner: str, imported: Imported) -> None:
        """Write the state, if it is still its owner's to write."""
        ends = [(topic, at, end) for (topic, at), end in imported.ends.items()]
        state = _State(done=imported.done, ends=ends, is_finished=imported.is_finished)
        async with translated():
            is_mine = await self._note(keys=[_key(name)], args=[owner, state.model_dump_json()])
        if not is_mine:
            raise ImportTakenError


def _key(name: str) -> str:
    return f"import:{name}"


def _read(name: str, state: object) -> Imported | None:
    """Read a state. One that is damaged is not taken for none: all would be sent once more.

    Raises:
        StoreDamagedError: It is; says what to do.
    """
    if state is None:
        return None
    try:
        stored = _State.model_validate_json(readable(state) or "")
    except ValidationError:
        msg = f"{_key(name)} in Redis cannot be read. Delete it, and the import begins anew."
        raise StoreDamagedError(msg) from None
    ends = {(topic, at): end for topic, at, end in stored.ends}
    return Imported(stored.done, ends, stored.is_finished)
