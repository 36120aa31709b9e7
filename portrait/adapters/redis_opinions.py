"""Opinions on Redis. What tells of a person expires by itself, eight days after its day began.

opinions:revision                 one more with each write
opinion:<ref>                     hash: `head`, and a window by its name
opinion:<ref>:voices:<day>        authors and examples of a day; expires
opinion:author:<ref>              set: `<subject>:<day>`, `sampled` and `told`, as far as they are
                                  named in days, samples or alerts; expires
opinions:sample:<day>             list: texts that topics are found in; expires
opinions:erased                   zset: authors, until when they are forgotten
opinions:subjects, :of:<kind>     zsets: refs by their newest text
opinions:repeats                  zset: texts that were taken in, by when they were written
opinions:topics, opinions:open    topics; alerts that others may be part of
opinions:alerts, :alerts:at       hash by alert_id, without examples; zset
opinions:also:<alert_id>          set: subjects that joined it; expires
opinions:examples:<alert_id>      list: its examples; expires
opinions:outbox:<way>             list of alert_ids still to leave
"""

from collections.abc import Collection, Mapping, Sequence
from time import time
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from portrait.adapters.redis_common import number, readable, slices, text, translated
from portrait.adapters.redis_opinion_parts import (
    DAY_SECONDS,
    HEAD,
    PartReader,
    asked_of,
    author_key,
    examples_key,
    goes,
    last_days,
    subject_key,
    voices_key,
    write_author,
    write_ledger,
)
from portrait.errors import OvertakenError
from portrait.opinions.alert import OPEN_MS, Alert
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.store import (
    MOST_ALERTS,
    MOST_REPEATS,
    MOST_SUBJECTS,
    OUTBOX,
    SAMPLE_OF_DAY,
    Opened,
    Page,
)
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.topics import Topics
from portrait.opinions.voices import KEPT_DAYS, Example, Voices
from portrait.opinions.written import EXAMPLE, OPEN, VOICES, read_head, read_topics, write_topics
from portrait.times import DAY_MS

REVISION = "opinions:revision"
SAMPLED, TOLD = "sampled", "told"  # where else than in days of subjects an author is named
ERASED_SECONDS = 31 * DAY_SECONDS  # longer than the log tells of anybody
EVICTED_AT_ONCE = 100
MOST_TIED = 100  # subjects whose newest text is of one moment: one text has eight at most


class RedisOpinions:
    """An `OpinionStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._parts = PartReader()

    async def load(self, mentions: Sequence[Mention]) -> Opened:
        """Return what is kept of subjects, texts and authors: one round trip."""
        asked = asked_of(mentions)
        refs = [mention.ref for mention in mentions] or [0]
        authors = sorted({m.author for m in mentions if m.author is not None}) or [0]
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.get(REVISION)
            pipe.get("opinions:open")
            pipe.zmscore("opinions:repeats", [*map(str, refs)])
            pipe.zmscore("opinions:erased", [*map(str, authors)])
            for ref, one in asked.items():
                pipe.hmget(subject_key(ref), one.fields)
                pipe.mget([voices_key(ref, day) for day in one.days])
            revision, opened, repeats, erased, *parts = await pipe.execute()
        ledgers = {}
        for (ref, one), values, voices in zip(asked.items(), parts[::2], parts[1::2], strict=True):
            fields = dict(zip(one.fields, values, strict=True))
            ledgers[ref] = self._parts.ledger(one.subject, fields, one.days, voices)
        return Opened(
            revision=number(revision) or 0,
            ledgers=ledgers,
            open=self._parts.read("opinions:open", OPEN.validate_json, opened) or [],
            repeats={ref for ref, at in zip(refs, repeats, strict=True) if at is not None},
            erased={a: int(until) for a, until in zip(authors, erased, strict=True) if until},
        )

    async def save(  # noqa: PLR0913, PLR0917 - the port's
        self,
        opened: Opened,
        mentions: Sequence[Mention],
        alerts: Sequence[Alert],
        joined: Mapping[str, Sequence[str]],
        outbox: Sequence[str],
        sample: Sequence[Example],
    ) -> None:
        """Write all of a batch in one transaction."""
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await self._begin(pipe, opened.revision)
            for ref, ledger in opened.ledgers.items():
                write_ledger(pipe, ref, ledger)
            if mentions:
                pipe.zadd("opinions:repeats", {str(each.ref): each.at for each in mentions})
                pipe.zremrangebyrank("opinions:repeats", 0, -MOST_REPEATS - 1)
            for alert in alerts:
                at = alert.at.timestamp()
                bare = alert.model_dump_json(exclude={"examples"})
                pipe.hset("opinions:alerts", alert.alert_id, bare)
                pipe.zadd("opinions:alerts:at", {alert.alert_id: at})
                shown = opened.told.get(alert.alert_id, ())
                if shown:
                    key = examples_key(alert.alert_id)
                    pipe.rpush(key, *map(EXAMPLE.dump_json, shown))
                    pipe.expire(key, KEPT_DAYS * DAY_SECONDS)
                    for example in shown:
                        write_author(pipe, example.author, TOLD)
            for alert_id, names in joined.items():
                pipe.sadd(f"opinions:also:{alert_id}", *names)
                pipe.expire(f"opinions:also:{alert_id}", OPEN_MS // 1_000)
            for way in OUTBOX if outbox else ():
                pipe.rpush(f"opinions:outbox:{way}", *outbox)
                pipe.ltrim(f"opinions:outbox:{way}", -MOST_ALERTS, -1)
            for example in sample:
                day = example.at // DAY_MS
                pipe.rpush(f"opinions:sample:{day}", EXAMPLE.dump_json(example))
                pipe.ltrim(f"opinions:sample:{day}", -SAMPLE_OF_DAY, -1)
                pipe.expireat(f"opinions:sample:{day}", goes(day))
                write_author(pipe, example.author, SAMPLED)
            pipe.set("opinions:open", OPEN.dump_json(opened.open))
            await self._end(pipe)
        await self._evict()

    async def forget(self, author: int, until: int) -> None:
        """Take an author out of every day that names them, and out of alerts."""
        index = author_key(author)
        async with translated():
            revision = number(await self._redis.get(REVISION)) or 0
        days = await self._days_of(index)
        lists = [*await self._sampled(), *map(examples_key, await self._told_of_late())]
        texts = await self._texts(lists)
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await self._begin(pipe, revision)
            for key, voices in days.items():
                if voices.without(author):
                    pipe.set(key, VOICES.dump_json(voices), keepttl=True)
            for key, examples in zip(lists, texts, strict=True):
                for value in [EXAMPLE.dump_json(one) for one in examples if one.author == author]:
                    pipe.lrem(key, 0, value.decode())
            pipe.delete(index)
            pipe.zadd("opinions:erased", {str(author): until})
            pipe.expire("opinions:erased", ERASED_SECONDS)
            await self._end(pipe)

    async def tells_of(self, authors: Collection[int], until: int) -> bool:
        """Look where they are named: one round trip."""
        if not authors:
            return False
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.zmscore("opinions:erased", [*map(str, authors)])
            for author in authors:
                pipe.exists(author_key(author))
            erased, *named = await pipe.execute()
        return any(
            is_named and (forgotten or 0) < until
            for is_named, forgotten in zip(named, erased, strict=True)
        )

    async def _days_of(self, index: str) -> dict[str, Voices]:
        """Return the voices that an author is among, by key."""
        async with translated():
            members = [readable(each) or "" for each in await self._redis.smembers(index)]
        places = [each.split(":") for each in members if each.count(":") == 1]
        keys = [voices_key(int(ref, 16), int(day)) for ref, day in places]
        found: dict[str, Voices] = {}
        for some in slices(keys):
            async with translated():
                values = await self._redis.mget(some)
            for key, value in zip(some, values, strict=True):
                voices = self._parts.read(key, VOICES.validate_json, value)
                if voices is not None:
                    found[key] = voices
        return found

    async def _told_of_late(self) -> list[str]:
        """Return the alerts that may still have examples."""
        since = time() - (KEPT_DAYS + 1) * DAY_SECONDS
        async with translated():
            found: Any = await self._redis.zrange("opinions:alerts:at", since, "+inf", byscore=True)
        return [text(id) for id in found]

    async def sample(self) -> list[Example]:
        """Return texts of the last days."""
        return [each for day in await self._texts(await self._sampled()) for each in day]

    async def topics(self) -> Topics:
        """Return the topics; damaged ones are none."""
        async with translated():
            value = await self._redis.get("opinions:topics")
        return self._parts.read("opinions:topics", read_topics, value) or Topics.none()

    async def put_topics(self, topics: Topics) -> None:
        """Keep them instead."""
        async with translated():
            await self._redis.set("opinions:topics", write_topics(topics))

    async def outbox(self, way: str) -> list[Alert]:
        """Return what is still to leave."""
        async with translated():
            ids = await self._redis.lrange(f"opinions:outbox:{way}", 0, -1)
        return await self._alerts(ids)

    async def sent(self, way: str, alert_id: str) -> None:
        """Take one out."""
        async with translated():
            await self._redis.lrem(f"opinions:outbox:{way}", 0, alert_id)

    async def page(self, kind: SubjectKind, since: int, after: str | None, most: int) -> Page:
        """Return subjects by their newest text; `after` is where the page before ended."""
        newest, _, last = (after or "").partition(":")
        top = newest if newest.isdecimal() else "+inf"
        async with translated():
            found: Any = await self._redis.zrange(
                f"opinions:of:{kind}",
                top,
                since,
                desc=True,
                byscore=True,
                offset=0,
                num=most + MOST_TIED,
                withscores=True,
            )
        placed = [(text(ref), int(at)) for ref, at in found]
        if last:  # those of the same moment go down by their refs
            placed = [(ref, at) for ref, at in placed if (at, ref) < (int(newest), last)]
        ledgers = [await self._whole(int(ref, 16)) for ref, _ in placed[:most]]
        next_page = f"{placed[most - 1][1]}:{placed[most - 1][0]}" if len(placed) > most else None
        return Page(tuple(ledger for ledger in ledgers if ledger), next_page)

    async def find(self, subject: Subject) -> Ledger | None:
        """Return one subject."""
        return await self._whole(subject.ref)

    async def alerts(self, most: int) -> list[Alert]:
        """Return the newest alerts."""
        async with translated():
            ids = await self._redis.zrange("opinions:alerts:at", 0, most - 1, desc=True)
        return await self._alerts(ids)

    async def _alerts(self, found: Any) -> list[Alert]:  # noqa: ANN401 - what Redis answers
        ids = [text(id) for id in found]
        if not ids:
            return []
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget("opinions:alerts", ids)
            for id in ids:
                pipe.smembers(f"opinions:also:{id}")
                pipe.lrange(examples_key(id), 0, -1)
            values, *beside = await pipe.execute()
        read = [
            self._parts.read(f"alert:{id}", Alert.model_validate_json, v)
            for id, v in zip(ids, values, strict=True)
        ]
        return [
            alert.model_copy(
                update={
                    "also": tuple(sorted(map(text, also))),
                    "examples": tuple(
                        each.text
                        for each in self._parts.examples(examples_key(alert.alert_id), examples)
                    ),
                }
            )
            for alert, also, examples in zip(read, beside[::2], beside[1::2], strict=True)
            if alert is not None
        ]

    async def _whole(self, ref: int) -> Ledger | None:
        days = last_days()
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(subject_key(ref))
            pipe.mget([voices_key(ref, day) for day in days])
            fields, voices = await pipe.execute()
        head = self._parts.read(subject_key(ref), read_head, fields.get(HEAD.encode()))
        if head is None:
            return None
        named = {readable(name) or "": value for name, value in fields.items()}
        return self._parts.ledger(head.subject, named, days, voices)

    async def _sampled(self) -> list[str]:
        return [f"opinions:sample:{day}" for day in last_days()]

    async def _texts(self, keys: Sequence[str]) -> list[list[Example]]:
        """Return the texts of some lists."""
        found: list[list[Example]] = []
        for some in slices(keys):
            async with translated(), self._redis.pipeline(transaction=False) as pipe:
                for key in some:
                    pipe.lrange(key, 0, -1)
                values = await pipe.execute()
            found += map(self._parts.examples, some, values)
        return found

    async def _begin(self, pipe: Pipeline, revision: int) -> None:
        """Begin to write, if nobody has since a revision."""
        await pipe.watch(REVISION)
        if (number(await pipe.get(REVISION)) or 0) != revision:
            raise OvertakenError
        pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
        pipe.set(REVISION, revision + 1)

    async def _end(self, pipe: Pipeline) -> None:
        try:
            await pipe.execute()
        except WatchError:
            raise OvertakenError from None

    async def _evict(self) -> None:
        """Forget the subjects of which nothing was said for longest, and the oldest alerts."""
        refs = await self._beyond("opinions:subjects", MOST_SUBJECTS)
        ids = await self._beyond("opinions:alerts:at", MOST_ALERTS)
        if not refs and not ids:
            return
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            for ref in refs:
                pipe.delete(f"opinion:{ref}")
                for index in (
                    "opinions:subjects",
                    *(f"opinions:of:{kind}" for kind in SubjectKind),
                ):
                    pipe.zrem(index, ref)
            for id in ids:
                pipe.hdel("opinions:alerts", id)
                pipe.zrem("opinions:alerts:at", id)
            await pipe.execute()

    async def _beyond(self, index: str, most: int) -> list[str]:
        """Return the first members of an index that has more than so many."""
        async with translated():
            many = await self._redis.zcard(index) - most
            found: Any = (
                await self._redis.zrange(index, 0, min(many, EVICTED_AT_ONCE) - 1)
                if many > 0
                else ()
            )
        return [text(member) for member in found]
