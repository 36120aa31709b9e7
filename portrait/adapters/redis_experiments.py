"""Experiments on Redis: what shops say of them, and what has been counted (`redis_lists.py`).

experiments    hash: id to the experiment as JSON
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import WatchError

from portrait.adapters.redis_common import number, readable, translated
from portrait.adapters.redis_damage import Damage
from portrait.adapters.redis_lists import day_key, experiment_key
from portrait.errors import StoreUnavailableError
from portrait.experiments.definition import Experiment
from portrait.experiments.store import (
    MOST_EXPERIMENTS,
    Counts,
    DayFigure,
    TooManyExperimentsError,
)
from portrait.experiments.tally import Figure

EXPERIMENTS = "experiments"
TRIES = 5  # where others change experiments at the same moment


class RedisExperiments:
    """An `ExperimentStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("experiment")

    async def all(self) -> Sequence[Experiment]:
        """Return every experiment; a damaged one is none."""
        async with translated():
            return self._experiments(await self._redis.hgetall(EXPERIMENTS))

    def _experiments(self, stored: Mapping[bytes | str, bytes | str]) -> list[Experiment]:
        read = {id: _experiment(value) for id, value in stored.items()}
        self._damage.say([readable(id) for id, each in read.items() if each is None])
        return sorted((each for each in read.values() if each is not None), key=lambda e: e.id)

    async def change(
        self, id: str, change: Callable[[Sequence[Experiment]], Experiment]
    ) -> Experiment:
        """Change one in a transaction, again where somebody else was faster."""
        for _ in range(TRIES):
            async with translated(), self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(EXPERIMENTS)
                known = self._experiments(await pipe.hgetall(EXPERIMENTS))
                changed = change(known)
                gone = _gives_way(known, id)
                pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
                if gone is not None:
                    pipe.hdel(EXPERIMENTS, gone.id)
                    pipe.delete(experiment_key(gone.key))
                pipe.hset(EXPERIMENTS, id, changed.model_dump_json())
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return changed
        msg = "Others change experiments at the same moment: try again later."
        raise StoreUnavailableError(msg)

    async def counts(self, experiment: Experiment) -> Counts:
        """Return the figures of a revision."""
        async with translated():
            stored = await self._redis.hgetall(experiment_key(experiment.key))
        found: dict[str, dict[str, float]] = {}
        for field, value in stored.items():
            variant, _, metric = (readable(field) or "").partition(" ")
            try:
                found.setdefault(variant, {})[metric] = float(value)
            except ValueError:
                self._damage.say([field])
        return found

    async def figures(self, days: Sequence[int]) -> Sequence[DayFigure]:
        """Return the figures of days: one round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for day in days:
                pipe.hgetall(day_key(day))
            stored = await pipe.execute()
        found: list[DayFigure] = []
        for day, of_day in zip(days, stored, strict=True):
            for field, value in of_day.items():
                figure, amount = _figure(field), number(value)
                if figure is None or amount is None:
                    self._damage.say([field])
                else:
                    found.append(DayFigure(day, figure, amount))
        return found


def _gives_way(known: Sequence[Experiment], id: str) -> Experiment | None:
    """Return the experiment that a new one replaces; None: there is room.

    Raises:
        TooManyExperimentsError: All are under way, or still to come.
    """
    if len(known) < MOST_EXPERIMENTS or any(each.id == id for each in known):
        return None
    now = datetime.now(UTC)
    ended = [e for e in known if e.definition.ends_at is not None and e.definition.ends_at <= now]
    if not ended:
        raise TooManyExperimentsError
    return min(ended, key=lambda each: (each.definition.ends_at or now, each.id))


def _experiment(value: bytes | str) -> Experiment | None:
    try:
        return Experiment.model_validate_json(value)
    except ValidationError:
        return None


def _figure(field: bytes) -> Figure | None:
    try:
        surface, by, value, metric = json.loads(field)
    except ValueError:
        return None
    parts = surface, by, value, metric
    return Figure(*parts) if all(isinstance(each, str) for each in parts) else None
