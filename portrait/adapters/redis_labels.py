"""Labels on Redis, and the messages that wait for one.

assist:messages   stream: `asked` as JSON, `encoder`, `vector` as float16, `who` as hash; the oldest
                  go beyond so many, and after a month
assist:labels     stream: `label` as JSON; the oldest go beyond so many
"""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from redis.asyncio import Redis

from portrait.adapters.redis_common import readable, slices, text, translated
from portrait.adapters.redis_damage import Damage
from portrait.helpdesk.labels import (
    MESSAGE_TTL,
    MOST_LABELS,
    MOST_MESSAGES,
    Asked,
    Label,
    Message,
    MessageNotFoundError,
)
from portrait.model.space import Vectors, unit

MESSAGES, LABELS = "assist:messages", "assist:labels"
ASKED, ENCODER, VECTOR, LABEL = b"asked", b"encoder", b"vector", b"label"
WHO = b"who"
READ_AT_ONCE = 500  # messages: a megabyte

Entry = Mapping[Any, Any] | None  # as redis-py has it


class RedisLabels:
    """A `LabelStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("label")

    async def keep(
        self, asked: Asked, encoder: str, vector: Vectors | None, who: int | None = None
    ) -> str:
        """Keep a message: one round trip."""
        fields = {
            ASKED: asked.model_dump_json(),
            ENCODER: encoder,
            VECTOR: b"" if vector is None else vector.astype(np.float16).tobytes(),
        }
        if who is not None:
            fields[WHO] = f"{who:016x}"
        async with translated():
            id = await self._redis.xadd(
                MESSAGES,
                fields,  # type: ignore[arg-type] # bytes are well
                maxlen=MOST_MESSAGES,
                approximate=True,
            )
        return text(id)

    async def find(self, id: str) -> Asked:
        """Return a message that is kept."""
        async with translated():
            entries = await self._redis.xrange(MESSAGES, id, id)
        asked = [_asked(fields) for _, fields in entries or []]
        if not asked or asked[0] is None:
            raise MessageNotFoundError
        return asked[0]

    async def newest(self, most: int) -> Sequence[Message]:
        """Return the newest messages; what nobody of us wrote is left out."""
        async with translated():
            entries = await self._redis.xrevrange(MESSAGES, count=most)
        found = {id: _message(text(id), fields) for id, fields in entries or []}
        self._damage.say([id for id, message in found.items() if message is None])
        return [message for message in found.values() if message is not None]

    async def of(self, people: Collection[int]) -> Sequence[Message]:
        """Look through all messages: an export is rare."""
        found = [_message(id, fields) async for id, fields in self._theirs(people)]
        return [message for message in found if message is not None]

    async def forget(self, people: Collection[int]) -> int:
        """Look through all messages: an erasure is rare."""
        ids = [id async for id, _ in self._theirs(people)]
        for some in slices(ids):
            async with translated():
                await self._redis.xdel(MESSAGES, *some)
        return len(ids)

    async def _theirs(self, people: Collection[int]) -> AsyncIterator[tuple[str, Entry]]:
        named, after = {f"{who:016x}".encode() for who in people}, "-"
        while True:
            async with translated():
                entries = await self._redis.xrange(MESSAGES, after, count=READ_AT_ONCE)
            for id, fields in entries or []:
                after = f"({text(id)}"
                if (fields or {}).get(WHO) in named:
                    yield text(id), fields
            if not entries:
                return

    async def add(self, labels: Sequence[Label]) -> None:
        """Add labels: one round trip."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            for label in labels:
                fields = {LABEL: label.model_dump_json()}
                pipe.xadd(LABELS, fields, maxlen=MOST_LABELS, approximate=True)  # type: ignore[arg-type] # bytes are well
            await pipe.execute()

    async def since(self, id: str, most: int) -> Sequence[tuple[str, Label]]:
        """Return labels after one of them; what nobody of us wrote is left out."""
        async with translated():
            entries = await self._redis.xrange(LABELS, f"({id}", count=most)
        found = [(text(at), _label(fields)) for at, fields in entries or []]
        self._damage.say([at for at, label in found if label is None])
        return [(at, label) for at, label in found if label is not None]

    async def forget_old(self) -> None:
        """Let old messages go."""
        before = int((time.time() - MESSAGE_TTL.total_seconds()) * 1_000)
        async with translated():
            await self._redis.xtrim(MESSAGES, minid=str(before), approximate=False)


def _asked(fields: Entry) -> Asked | None:
    try:
        return Asked.model_validate_json(readable((fields or {}).get(ASKED)) or "")
    except ValidationError:
        return None


def _message(id: str, fields: Entry) -> Message | None:
    asked, held = _asked(fields), fields or {}
    encoder, vector = readable(held.get(ENCODER)), held.get(VECTOR, b"")
    if asked is None or encoder is None or len(vector) % 2:
        return None
    numbers = np.frombuffer(vector, np.float16).astype(np.float32)
    if not np.isfinite(numbers).all():
        return None
    return Message(id, asked, encoder, unit(numbers), _who(held.get(WHO)))


def _who(written: object) -> int | None:
    try:
        return int(readable(written) or "", 16)
    except ValueError:
        return None


def _label(fields: Entry) -> Label | None:
    try:
        return Label.model_validate_json(readable((fields or {}).get(LABEL)) or "")
    except ValidationError:
        return None
