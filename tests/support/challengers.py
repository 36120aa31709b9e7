"""Challengers: models in spaces of their own, stored as the trainer stores them."""

from datetime import UTC, datetime

import numpy as np

from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.lifecycle.registry import Card
from portrait.model.behaviour import Behaviour
from portrait.model.kinds import KINDS
from portrait.model.learned import Blend, Learned
from portrait.model.model import Model
from portrait.model.neighbours import Neighbours
from portrait.model.space import Space


async def add_challenger(
    redis_url: str, version: str, seed: int, *, base: str | None = None
) -> Model:
    """Store a model in a space of its own: its base's, with its axes in another order.

    Its base is the champion, unless another is named.
    """
    redis = await connect_redis(redis_url)
    registry = RedisRegistry(redis)
    ground = await (registry.champion() if base is None else registry.model(base))
    assert ground is not None
    axes = np.ascontiguousarray(np.roll(ground.space.axes, seed, axis=1))
    space = Space(ground.space.encoder, ground.space.mean, axes)
    model = Model(version, space, learned(seed, axes.shape[1]))
    await registry.store(model)
    stands_on = (await registry.entry(ground.version)).card
    card = Card(
        version=version,
        parent=ground.version,
        created_at=datetime.now(UTC),
        encoder=model.space.encoder,
        encoder_source=stands_on.encoder_source,
        space_id=model.space.id,
    )
    await registry.add(card)
    await redis.aclose()
    return model


def learned(seed: int, width: int = 256) -> Learned:
    """Return a model that learned nothing: its projection is random, and nobody has neighbours."""
    dim = 64
    generator = np.random.default_rng(seed)
    ones, none = np.ones(KINDS, np.float32), np.zeros(0, np.uint64)
    behaviour = Behaviour(
        projection=generator.standard_normal((width, dim)).astype(np.float32),
        item_refs=none,
        item_vectors=np.zeros((0, dim), np.float32),
        action_gates=ones,
        action_vectors=np.zeros((KINDS, dim), np.float32),
        decay=np.full(8, 0.2, np.float32),
        gap_decay=np.zeros(8, np.float32),
        turn=np.eye(dim, dtype=np.float32),
    )
    nobody = Neighbours(
        refs=none,
        starts=np.zeros(1, np.int64),
        others=np.zeros(0, np.int32),
        strengths=np.zeros((0, 1), np.float32),
        action_gates=ones,
        decay=np.ones(1, np.float32),
        gap_decay=np.zeros(1, np.float32),
        kinds=np.ones(1, np.float32),
    )
    return Learned(behaviour, nobody, Blend(1, 0, 0.2))
