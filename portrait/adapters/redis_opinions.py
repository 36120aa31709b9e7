"""Opinions on Redis. What tells of a person expires by itself, eight days after its day began.

opinions:revision                 one more with each write
opinion:<ref>                     hash: `head`, and a window by its name
opinion:<ref>:voices:<day>        authors and examples of a day; expires
opinion:author:<ref>              set: `<subject>:<day>` where they are named; expires
opinions:sample:<day>             list: texts that topics are found in; expires
opinions:erased                   zset: authors, until when they are forgotten
opinions:subjects, :of:<kind>     zsets: refs by their newest text
opinions:repeats                  zset: texts that were taken in, by when they were written
opinions:topics, opinions:open    topics; alerts that others may be part of
opinions:alerts, opinions:also    hashes by alert_id; opinions:alerts:at  zset
opinions:outbox:<way>             list of alert_ids still to leave
"""

from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from portrait.adapters.redis_common import number, readable, slices, text, translated
from portrait.adapters.redis_damage import Damage
from portrait.opinions.alert import JOINED_MS, Alert
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.store import (
    MOST_ALERTS,
    MOST_REPEATS,
    MOST_SUBJECTS,
    OUTBOX,
    SAMPLE_OF_DAY,
    Opened,
    OpinionsChangedError,
    Page,
)
from portrait.opinions.subject import Kind, Subject
from portrait.opinions.topics import Topics
from portrait.opinions.voices import KEPT_DAYS, Example, Voices
from portrait.opinions.windows import Window, windows_of
from portrait.opinions.written import (
    COUNTS,
    EXAMPLE,
    OPEN,
    VOICES,
    read_head,
    read_topics,
    write_counts,
    write_head,
    write_topics,
)
from portrait.times import DAY_MS

REVISION, HEAD = "opinions:revision", "head"
DAY_SECONDS = DAY_MS // 1_000
ERASED_SECONDS = 31 * DAY_SECONDS  # longer than the log tells of anybody
EVICTED_AT_ONCE = 100
MOST_TIED = 100  # subjects whose newest text is of one moment: one text has eight at most

T = TypeVar("T")


class RedisOpinions:
    """An `OpinionStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("opinion")

    async def load(self, mentions: Sequence[Mention]) -> Opened:
        """Return what is kept of subjects, texts and authors: one round trip."""
        asked = _asked(mentions)
        refs = [mention.ref for mention in mentions] or [0]
        authors = sorted({m.author for m in mentions if m.author is not None}) or [0]
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.get(REVISION)
            pipe.get("opinions:open")
            pipe.zmscore("opinions:repeats", [*map(str, refs)])
            pipe.zmscore("opinions:erased", [*map(str, authors)])
            for ref, one in asked.items():
                pipe.hmget(_key(ref), one.fields)
                pipe.mget([_voices_key(ref, day) for day in one.days])
            revision, opened, repeats, erased, *parts = await pipe.execute()
        ledgers = {}
        for (ref, one), values, voices in zip(asked.items(), parts[::2], parts[1::2], strict=True):
            fields = dict(zip(one.fields, values, strict=True))
            ledgers[ref] = self._ledger(one.subject, fields, one.days, voices)
        return Opened(
            revision=number(revision) or 0,
            ledgers=ledgers,
            open=self._read("opinions:open", OPEN.validate_json, opened) or [],
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
                _write_ledger(pipe, ref, ledger)
            if mentions:
                pipe.zadd("opinions:repeats", {str(each.ref): each.at for each in mentions})
                pipe.zremrangebyrank("opinions:repeats", 0, -MOST_REPEATS - 1)
            for alert in alerts:
                at = alert.at.timestamp()
                pipe.hset("opinions:alerts", alert.alert_id, alert.model_dump_json())
                pipe.zadd("opinions:alerts:at", {alert.alert_id: at})
            for alert_id, names in joined.items():
                pipe.sadd(f"opinions:also:{alert_id}", *names)
                pipe.expire(f"opinions:also:{alert_id}", 2 * JOINED_MS // 1_000)
            for way in OUTBOX if outbox else ():
                pipe.rpush(f"opinions:outbox:{way}", *outbox)
                pipe.ltrim(f"opinions:outbox:{way}", -MOST_ALERTS, -1)
            for example in sample:
                day = example.at // DAY_MS
                pipe.rpush(f"opinions:sample:{day}", EXAMPLE.dump_json(example))
                pipe.ltrim(f"opinions:sample:{day}", -SAMPLE_OF_DAY, -1)
                pipe.expireat(f"opinions:sample:{day}", _goes(day))
            pipe.set("opinions:open", OPEN.dump_json(opened.open))
            await self._end(pipe)
        await self._evict()

    async def forget(self, author: int, until: int) -> None:
        """Take an author out of every day that names them."""
        index = f"opinion:author:{author:016x}"
        async with translated():
            revision, places = number(await self._redis.get(REVISION)) or 0, []
            for member in await self._redis.smembers(index):
                ref, _, day = (readable(member) or "").partition(":")
                if ref and day.isdecimal():
                    places.append(_voices_key(int(ref, 16), int(day)))
        kept: dict[str, Voices] = {}
        for keys in slices(places):
            async with translated():
                values = await self._redis.mget(keys)
            for key, value in zip(keys, values, strict=True):
                voices = self._read(key, VOICES.validate_json, value)
                if voices is not None and voices.without(author):
                    kept[key] = voices
        texts = {day: await self._texts(day) for day in await self._sampled()}
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            await self._begin(pipe, revision)
            for key, voices in kept.items():
                pipe.set(key, VOICES.dump_json(voices), keepttl=True)
            for day, examples in texts.items():
                for value in [EXAMPLE.dump_json(one) for one in examples if one.author == author]:
                    pipe.lrem(day, 0, value.decode())
            pipe.delete(index)
            pipe.zadd("opinions:erased", {str(author): until})
            pipe.expire("opinions:erased", ERASED_SECONDS)
            await self._end(pipe)

    async def sample(self) -> list[Example]:
        """Return texts of the last days."""
        return [example for day in await self._sampled() for example in await self._texts(day)]

    async def topics(self) -> Topics:
        """Return the topics; damaged ones are none."""
        async with translated():
            value = await self._redis.get("opinions:topics")
        return self._read("opinions:topics", read_topics, value) or Topics.none()

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

    async def page(self, kind: Kind, since: int, after: str | None, most: int) -> Page:
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
            values, *also = await pipe.execute()
        read = [
            self._read(f"alert:{id}", Alert.model_validate_json, v)
            for id, v in zip(ids, values, strict=True)
        ]
        return [
            alert.model_copy(update={"also": tuple(sorted(map(text, names)))})
            for alert, names in zip(read, also, strict=True)
            if alert is not None
        ]

    async def _whole(self, ref: int) -> Ledger | None:
        days = _last_days()
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(_key(ref))
            pipe.mget([_voices_key(ref, day) for day in days])
            fields, voices = await pipe.execute()
        head = self._read(_key(ref), read_head, fields.get(HEAD.encode()))
        if head is None:
            return None
        named = {readable(name) or "": value for name, value in fields.items()}
        return self._ledger(head.subject, named, days, voices)

    def _ledger(
        self,
        subject: Subject,
        fields: Mapping[str, bytes | None],
        days: Sequence[int],
        voices: Sequence[bytes | None],
    ) -> Ledger:
        """Read a ledger of its parts; what cannot be read of it is not there."""
        ledger = self._read(_key(subject.ref), read_head, fields.get(HEAD)) or Ledger(subject)
        for name, value in fields.items():
            counts = None if name == HEAD else self._read(name, COUNTS.validate_json, value)
            window = None if counts is None else self._read(name, Window.named, name)
            if counts is not None and window is not None:
                ledger.counts[window] = counts
        for day, value in zip(days, voices, strict=False):
            said = self._read(_voices_key(subject.ref, day), VOICES.validate_json, value)
            if said is not None:
                ledger.voices[day] = said
        return ledger

    def _read(self, place: str, read: Callable[[Any], T], value: object) -> T | None:
        """Read a value; None if there is none, or none of our programs wrote it so."""
        if value is None:
            return None
        try:
            return read(value)
        except (ValidationError, ValueError):
            self._damage.say([place])
            return None

    async def _sampled(self) -> list[str]:
        return [f"opinions:sample:{day}" for day in _last_days()]

    async def _texts(self, key: str) -> list[Example]:
        async with translated():
            values = await self._redis.lrange(key, 0, -1)
        read = [self._read(key, EXAMPLE.validate_json, value) for value in values]
        return [example for example in read if example is not None]

    async def _begin(self, pipe: Pipeline, revision: int) -> None:
        """Begin to write, if nobody has since a revision."""
        await pipe.watch(REVISION)
        if (number(await pipe.get(REVISION)) or 0) != revision:
            raise OpinionsChangedError
        pipe.multi()  # type: ignore[no-untyped-call] # redis-py's
        pipe.set(REVISION, revision + 1)

    async def _end(self, pipe: Pipeline) -> None:
        try:
            await pipe.execute()
        except WatchError:
            raise OpinionsChangedError from None

    async def _evict(self) -> None:
        """Forget the subjects of which nothing was said for longest, and the oldest alerts."""
        refs = await self._beyond("opinions:subjects", MOST_SUBJECTS)
        ids = await self._beyond("opinions:alerts:at", MOST_ALERTS)
        if not refs and not ids:
            return
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            for ref in refs:
                pipe.delete(f"opinion:{ref}")
                for index in ("opinions:subjects", *(f"opinions:of:{kind}" for kind in Kind)):
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


def _write_ledger(pipe: Pipeline, ref: int, ledger: Ledger) -> None:
    """Write what has changed of a ledger."""
    if not ledger.touched:
        return
    written: dict[str, bytes] = {HEAD: write_head(ledger)}
    written |= {
        str(w): write_counts(ledger.counts[w]) for w in ledger.touched if w in ledger.counts
    }
    gone = [str(w) for w in ledger.touched if w not in ledger.counts]
    pipe.hset(_key(ref), mapping=written)  # type: ignore[arg-type] # bytes are as good as texts
    if gone:
        pipe.hdel(_key(ref), *gone)
    name = f"{ref:016x}"
    pipe.zadd("opinions:subjects", {name: ledger.newest})
    pipe.zadd(f"opinions:of:{ledger.subject.kind}", {name: ledger.newest})
    for day in ledger.touched_days:
        pipe.set(_voices_key(ref, day), VOICES.dump_json(ledger.voices[day]), exat=_goes(day))
        for author in ledger.voices[day].authors:
            pipe.sadd(f"opinion:author:{author:016x}", f"{name}:{day}")
            pipe.expire(f"opinion:author:{author:016x}", (KEPT_DAYS + 1) * DAY_SECONDS)


class _Asked(NamedTuple):
    """What is asked for of one subject."""

    subject: Subject
    fields: list[str]  # of its hash
    days: list[int]  # of its voices


def _asked(mentions: Sequence[Mention]) -> dict[int, _Asked]:
    """Say what some mentions need of each subject: their windows, and voices of the week before."""
    moments: dict[Subject, list[int]] = {}
    for mention in mentions:
        for subject in mention.subjects:
            moments.setdefault(subject, []).append(mention.at)
    asked: dict[int, _Asked] = {}
    for subject, ats in moments.items():
        windows = sorted({str(window) for at in ats for window in windows_of(at)})
        days = sorted({at // DAY_MS - back for at in ats for back in range(KEPT_DAYS)})
        known = asked.get(subject.ref, _Asked(subject, [HEAD], []))
        fields = [*dict.fromkeys([*known.fields, *windows])]
        asked[subject.ref] = _Asked(known.subject, fields, sorted({*known.days, *days}))
    return asked


def _last_days() -> list[int]:
    today = int(time()) // DAY_SECONDS
    return [today + 1 - back for back in range(KEPT_DAYS + 2)]


def _goes(day: int) -> int:
    """Return when what is kept of a day goes, seconds since 1970; of the past, now."""
    return (day + 1 + KEPT_DAYS) * DAY_SECONDS


def _key(ref: int) -> str:
    return f"opinion:{ref:016x}"


def _voices_key(ref: int, day: int) -> str:
    return f"opinion:{ref:016x}:voices:{day}"
