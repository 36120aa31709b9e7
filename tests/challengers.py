"""Challengers: models in spaces of their own, stored as the trainer stores them."""

from datetime import UTC, datetime

import numpy as np

from portrait.adapters.redis_models import RedisModels
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.behaviour import Behaviour
from portrait.event import Action
from portrait.learned import Blend, Learned
from portrait.model_index import Card
from portrait.neighbours import Neighbours
from portrait.space import Space
from portrait.store import Model


async def add_challenger(redis_url: str, version: str, seed: int) -> Model:
    """Store a model in a space of its own: the champion's, with its axes in another order."""
    redis = await connect_redis(redis_url)
    registry, models = RedisRegistry(redis), RedisModels(redis)
    champion = await registry.champion()
    assert champion is not None
    axes = np.ascontiguousarray(np.roll(champion.space.axes, seed, axis=1))
    model = Model(version, Space(champion.space.encoder, champion.space.mean, axes), learned(seed))
    await registry.store(model)
    card = Card(
        version=version,
        created_at=datetime.now(UTC),
        encoder=model.space.encoder,
        space_id=model.space.id,
    )
    await models.add(card)
    await redis.aclose()
    return model


def learned(seed: int) -> Learned:
    """Return a model that learned nothing: its projection is random, and nobody has neighbours."""
    dim, actions = 64, len(Action)
    generator = np.random.default_rng(seed)
    ones, none = np.ones(actions, np.float32), np.zeros(0, np.uint64)
    behaviour = Behaviour(
        projection=generator.standard_normal((256, dim)).astype(np.float32),
        item_refs=none,
        item_vectors=np.zeros((0, dim), np.float32),
        action_gates=ones,
        action_vectors=np.zeros((actions, dim), np.float32),
        decay=np.full(8, 0.2, np.float32),
        gap_decay=np.zeros(8, np.float32),
        turn=np.eye(dim, dtype=np.float32)[None],
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
