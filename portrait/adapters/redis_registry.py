"""Models on Redis: small enough to lie where everybody who serves them looks anyway.

model:<version> has `manifest` (JSON), `space` and `learned` (safetensors); model:champion names the
one in service. The text encoder's weights, if they were trained, lie in the artifact store.
"""

import json

from redis.asyncio import Redis
from safetensors import SafetensorError
from safetensors.numpy import load, save

from portrait.adapters.redis_common import readable, translated
from portrait.adapters.redis_damage import mended
from portrait.errors import ModelInvalidError, SpaceMismatchError, StoreDamagedError
from portrait.model.learned import Learned
from portrait.model.model import Model
from portrait.model.space import Space

CHAMPION = {"model:champion": "string"}
# What reading a damaged model's parts raises.
DAMAGED = (SafetensorError, KeyError, IndexError, TypeError, ValueError, SpaceMismatchError)

Fields = dict[str | bytes | bytearray | memoryview | int | float, str | bytes]


class RedisRegistry:
    """A `ModelRegistry`. Remembers the champion it read last: a version does not change."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._last: Model | None = None

    async def champion(self) -> Model | None:
        """Return the model in service."""
        found = await mended(self._redis, CHAMPION, lambda: self._redis.get("model:champion"))
        version = readable(found)
        if version is None:  # or no text: the index worker names who served
            return None
        if self._last is None or self._last.version != version:
            self._last = await self.model(version)
        return self._last

    async def model(self, version: str) -> Model | None:
        """Return a model that was stored."""
        try:
            async with translated():
                found = await self._redis.hmget(_key(version), ["manifest", "space", "learned"])
        except StoreDamagedError as error:
            msg = f"{version}: in Redis {_key(version)} is no hash"
            raise ModelInvalidError(msg) from error
        manifest, space, learned = found
        if not isinstance(manifest, bytes) or not isinstance(space, bytes):
            return None
        try:
            return _model(version, manifest, space, learned)
        except DAMAGED as error:
            msg = f"{version}: its arrays are damaged, or of another layout"
            raise ModelInvalidError(msg) from error

    async def store(self, model: Model) -> None:
        """Keep a model."""
        key = _key(model.version)
        fields = _fields(model)
        await mended(self._redis, {key: "hash"}, lambda: self._redis.hset(key, mapping=fields))

    async def promote(self, model: Model) -> None:
        """Keep a model, then put it in service."""
        await self.store(model)
        async with translated():
            await self._redis.set("model:champion", model.version)


def _model(version: str, manifest: bytes, space: bytes, learned: object) -> Model:
    arrays = load(space)
    return Model(
        version,
        Space(json.loads(manifest)["encoder"], arrays["mean"], arrays["axes"]),
        Learned.from_arrays(load(learned)) if isinstance(learned, bytes) else None,
    )


def _fields(model: Model) -> Fields:
    manifest = {
        "version": model.version,
        "encoder": model.space.encoder,
        "space_id": model.space_id,
        "text_space_id": model.space.id,
    }
    fields: Fields = {
        "manifest": json.dumps(manifest),
        "space": save({"mean": model.space.mean, "axes": model.space.axes}),
    }
    if model.learned is not None:
        fields["learned"] = save(model.learned.to_arrays())
    return fields


def _key(version: str) -> str:
    return f"model:{version}"
