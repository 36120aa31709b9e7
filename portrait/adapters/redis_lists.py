"""What came of lists, on Redis: figures forever or for months, what tells of a person for weeks.

lists:revision              one more with every write: only one worker's writes follow each other
list:<ref>                  what is known of a recommendation; expires
list:person:<ref>           what is kept of a person; expires
lists:erased                zset: refs of who was erased, until when; expires
lists:day:<day>             hash: `[surface, by, value, metric]` to a number; expires
experiment:<id>:<revision>  hash: `variant metric` to a number
"""

import json
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from portrait.adapters.redis_common import number, slices, translated
from portrait.adapters.redis_damage import Damage
from portrait.errors import OvertakenError
from portrait.experiments.attribution import waited_for
from portrait.experiments.joining import (
    BOUGHT_WITHIN,
    JOURNEY,
    PERSON,
    TOUCHED_WITHIN,
    Journey,
    Person,
)
from portrait.experiments.store import FIGURE_DAYS, Opened
from portrait.experiments.tally import Tally
from portrait.times import DAY_MS

REVISION = "lists:revision"
ERASED = "lists:erased"
DAY_SECONDS = DAY_MS // 1_000
LIST_SECONDS = 2 * TOUCHED_WITHIN // 1_000
PERSON_SECONDS = 90 * DAY_SECONDS  # who comes back later is somebody new to an experiment
ERASED_SECONDS = 31 * DAY_SECONDS  # longer than the log tells of anybody

NOTHING, NOBODY = Journey(), Person()

T = TypeVar("T")


class RedisLists:
    """A `ListStore`, and the `ShownStore` of the same."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("list")

    async def load(self, recommendations: Collection[int], people: Collection[int]) -> Opened:
        """Return what is kept: two round trips."""
        async with translated():
            revision = number(await self._redis.get(REVISION)) or 0
        journeys = await self._read(recommendations, list_key, JOURNEY)
        found = {ref: journey or Journey() for ref, journey in journeys.items()}
        listed = {each.listed.person for each in found.values() if each.listed is not None}
        wanted = sorted({*people, *listed, *waited_for(found)} - {0})
        known = await self._read(wanted, person_key, PERSON)
        async with translated():
            erased = await self._redis.zmscore(ERASED, [*map(str, wanted)] or ["0"])
        return Opened(
            revision,
            found,
            {ref: person or Person() for ref, person in known.items()},
            {ref: int(until) for ref, until in zip(wanted, erased, strict=False) if until},
        )

    async def save(self, opened: Opened, tally: Tally) -> None:
        """Write all of a part in one transaction."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await _begin(pipe, opened.revision)
            for ref, journey in opened.journeys.items():
                if journey == NOTHING:
                    continue
                pipe.set(list_key(ref), JOURNEY.dump_json(journey), ex=LIST_SECONDS)
            for ref, person in opened.people.items():
                if person == NOBODY:
                    continue
                is_known = person.lists or person.touches or person.trials or person.shown
                expires = PERSON_SECONDS if is_known else LIST_SECONDS
                pipe.set(person_key(ref), PERSON.dump_json(_pruned(person)), ex=expires)
            for (day, figure), amount in tally.figures.items():
                pipe.hincrby(day_key(day), json.dumps(figure), amount)
            for day in {day for day, _ in tally.figures}:
                pipe.expireat(day_key(day), (day + FIGURE_DAYS) * DAY_SECONDS)
            for (experiment, variant, metric), amount in tally.trials.items():
                pipe.hincrbyfloat(experiment_key(experiment), f"{variant} {metric}", amount)
            await _end(pipe)

    async def forget(self, person: int, until: int) -> None:
        """Take a person out, with the lists that they got."""
        async with translated():
            revision = number(await self._redis.get(REVISION)) or 0
        known = (await self._read([person], person_key, PERSON))[person] or Person()
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await _begin(pipe, revision)
            pipe.delete(person_key(person), *map(list_key, known.lists))
            pipe.zadd(ERASED, {str(person): until})
            pipe.expire(ERASED, ERASED_SECONDS)
            await _end(pipe)

    async def shown(self, person: int) -> Mapping[int, int]:
        """Return it: one round trip."""
        known = await self._read([person], person_key, PERSON)
        return (known[person] or NOBODY).shown

    async def _read(
        self, refs: Collection[int], key: Callable[[int], str], adapter: TypeAdapter[T]
    ) -> dict[int, T | None]:
        """Read values by ref; None where there is none, or none of our programs wrote it."""
        found: dict[int, T | None] = {}
        for some in slices([*refs]):
            async with translated():
                values = await self._redis.mget([key(ref) for ref in some])
            for ref, value in zip(some, values, strict=True):
                found[ref] = None if value is None else self._parse(ref, adapter, value)
        return found

    def _parse(self, ref: int, adapter: TypeAdapter[T], value: bytes | str) -> T | None:
        try:
            return adapter.validate_json(value)
        except ValidationError:
            self._damage.say([ref])
            return None


def _pruned(person: Person) -> Person:
    """Let touches go that nothing is credited to any more."""
    newest = max((touch.at for touch in person.touches.values()), default=0)
    for item in [i for i, t in person.touches.items() if newest - t.at > BOUGHT_WITHIN]:
        del person.touches[item]
    return person


async def _begin(pipe: Pipeline, revision: int) -> None:
    """Begin to write, if nobody has since a revision."""
    await pipe.watch(REVISION)
    if (number(await pipe.get(REVISION)) or 0) != revision:
        raise OvertakenError
    pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
    pipe.set(REVISION, revision + 1)


async def _end(pipe: Pipeline) -> None:
    try:
        await pipe.execute()
    except WatchError:
        raise OvertakenError from None


def list_key(ref: int) -> str:
    """Name what is kept of a recommendation."""
    return f"list:{ref:016x}"


def person_key(ref: int) -> str:
    """Name what is kept of a person."""
    return f"list:person:{ref:016x}"


def day_key(day: int) -> str:
    """Name the figures of a day."""
    return f"lists:day:{day}"


def experiment_key(experiment: str) -> str:
    """Name the figures of an experiment, by its `key`."""
    return f"experiment:{experiment}"
