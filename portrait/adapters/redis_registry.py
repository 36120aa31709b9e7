"""Models on Redis: small enough to lie where everybody who serves them looks anyway.

model:<version> has `manifest` (JSON), `space` and `learned` (safetensors); model:champion names the
one in service. The text encoder's weights, if they were trained, lie in the artifact store.
"""

import json

from redis.asyncio import Redis
from safetensors import SafetensorError
from safetensors.numpy import load, save

from portrait.adapters.redis_common import text, translated
from portrait.errors import ModelInvalidError
from portrait.learned import Learned
from portrait.space import Space
from portrait.store import Model

Fields = dict[str | bytes | bytearray | memoryview | int | float, str | bytes]


class RedisRegistry:
    """A `ModelRegistry`. Remembers the champion it read last: a version does not change."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._last: Model | None = None

    async def champion(self) -> Model | None:
        """Return the model in service."""
        async with translated():
            version = await self._redis.get("model:champion")
        if version is None:
            return None
        if self._last is None or self._last.version != text(version):
            self._last = await self.model(text(version))
        return self._last

    async def model(self, version: str) -> Model | None:
        """Return a model that was stored."""
        async with translated():
            found = await self._redis.hmget(_key(version), ["manifest", "space", "learned"])
        manifest, space, learned = found
        if not isinstance(manifest, bytes) or not isinstance(space, bytes):
            return None
        try:
            return _model(version, manifest, space, learned)
        except (SafetensorError, KeyError, ValueError) as error:
            msg = f"{version}: its arrays are damaged, or of another layout"
            raise ModelInvalidError(msg) from error

    async def store(self, model: Model) -> None:
        """Keep a model."""
        async with translated():
            await self._redis.hset(_key(model.version), mapping=_fields(model))

    async def promote(self, model: Model) -> None:
        """Keep a model, and put it in service, in one transaction."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_key(model.version), mapping=_fields(model))
            pipe.set("model:champion", model.version)
            await pipe.execute()


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
