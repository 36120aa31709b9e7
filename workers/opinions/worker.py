"""Opinions: count what is written, notice when it turns, and say so.

batch ─▶ read ─▶ forget ─▶ consent ─▶ tones, topics ─▶ ledgers ─▶ store, alerts with it
                                                    └─▶ outbox ─▶ topic, webhook (`telling.py`)

What is stored goes in one step, the ids of its texts with it, and the alerts it gives rise to: so
a crash repeats a batch and counts nothing twice, and no alert is lost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import structlog

from portrait import metrics
from portrait.catalogue.store import CatalogueStore
from portrait.events.consent import GRANTED, Consent
from portrait.events.stream import EventStream
from portrait.events.topics import OPINIONS
from portrait.opinions.alert import OLD_MS, Alert
from portrait.opinions.aspects import ReviewReader
from portrait.opinions.book import Book
from portrait.opinions.mention import Mention
from portrait.opinions.store import OUTBOX, OpinionStore
from portrait.opinions.topics import LEAST_TEXTS, Encode, Topics
from portrait.opinions.voices import Example
from portrait.profiles.store import ProfileStore
from portrait.reading.records import Heard
from portrait.times import to_ms
from workers.counted import left_out
from workers.following import Following, follow
from workers.opinions.reading import Received, Said, heard, mentions_of, parts_of, read_batch

AT_ONCE = 200  # texts that are stored in one step: some hundred ms
FOUND_ANEW = 1_000  # texts after which topics are found anew, at first after LEAST_TEXTS

log = structlog.get_logger()


Reader = Callable[[], Awaitable[ReviewReader | None]]  # of the model in service, if it has one


async def words_alone() -> None:
    """Have no reader."""


@dataclass(slots=True)
class Opinions:
    """The worker's parts, and what it has in memory."""

    store: OpinionStore
    profiles: ProfileStore
    catalogue: CatalogueStore
    following: Following
    unsaid: Consent = GRANTED  # what counts of who has said nothing of what may be done
    encode: Encode | None = None
    reader: Reader = words_alone
    news: dict[str, asyncio.Event] = field(  # by way: an alert is to leave
        default_factory=lambda: {way: asyncio.Event() for way in OUTBOX}
    )
    topics: Topics | None = None  # None: not loaded yet
    since_found: int = FOUND_ANEW - LEAST_TEXTS  # texts since topics were found


async def watch_opinions(stream: EventStream, opinions: Opinions) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart."""
    process = partial(_process, opinions=opinions)
    await follow(stream, opinions.following, OPINIONS, read_batch, process)


async def _process(said: Said, opinions: Opinions) -> None:
    started = time.monotonic()
    for author, erased in said.erased.items():
        await opinions.store.forget(author, erased.end)
    reviews = await _allowed(said.reviews, opinions)
    received = await mentions_of(reviews, said.posts, opinions.catalogue)
    if opinions.topics is None:
        opinions.topics = await opinions.store.topics()
    alerts, read = 0, await opinions.reader()
    for part in parts_of(received, AT_ONCE):
        if read is not None:
            part = await asyncio.to_thread(heard, part, read)  # noqa: PLW2901 - the same, heard
        alerts += await _store(part, opinions, opinions.topics)
    opinions.topics = await _found_anew(opinions, opinions.topics)
    if received or said.erased:
        log.info(
            "opinions_stored",
            texts=len(received),
            alerts=alerts,
            erasures=len(said.erased),
            dead=len(said.dead),
            seconds=round(time.monotonic() - started, 4),
        )


async def _allowed(reviews: Sequence[Heard], opinions: Opinions) -> list[Heard]:
    """Leave out what people do not let be counted. Of who writes elsewhere nothing is known."""
    users = [each.event.user_key for each in reviews]
    silent = await left_out(users, opinions.profiles, opinions.unsaid)
    return [each for each in reviews if each.event.user_key not in silent]


async def _store(received: Sequence[Received], opinions: Opinions, topics: Topics) -> int:
    """Store one part. Returns how many alerts it gives rise to."""
    opened = await opinions.store.load([each.mention for each in received])
    new = {
        mention.ref: mention
        for mention, at, _ in received
        if mention.ref not in opened.repeats and at > opened.erased.get(mention.author or 0, 0)
    }
    mentions = [*new.values()]
    if not mentions:
        return 0
    about = await asyncio.to_thread(
        topics.of, [mention.text for mention in mentions], opinions.encode
    )
    book = Book(opened.ledgers, opened.open, {each.id: each.name for each in topics.topics})
    book.take(mentions, about)
    opened.open, opened.told = book.open, book.told
    leaving = [alert.alert_id for alert in book.alerts if not _is_history(alert)]
    await opinions.store.save(
        opened, mentions, book.alerts, book.joined, leaving, [*map(_example, _texts(mentions))]
    )
    opinions.since_found += len(mentions)
    metrics.opinions_read.inc(len(mentions))
    for alert in book.alerts:
        metrics.opinion_alerts.labels(alert.kind).inc()
        log.info("opinion_turned", alert_id=alert.alert_id, kind=alert.kind, of=alert.subject_kind)
    if leaving:
        for news in opinions.news.values():
            news.set()
    return len(book.alerts)


def _is_history(alert: Alert) -> bool:
    """Say whether what an alert tells of lies so far back that nobody is to be called for it."""
    return time.time() * 1_000 - to_ms(alert.at) > OLD_MS


def _texts(mentions: Sequence[Mention]) -> list[Mention]:
    return [mention for mention in mentions if mention.text]


def _example(mention: Mention) -> Example:
    return Example(mention.ref, mention.at, mention.author, mention.text)


async def _found_anew(opinions: Opinions, topics: Topics) -> Topics:
    """Find topics anew, once so many texts have come; else they stay."""
    if opinions.since_found < FOUND_ANEW:
        return topics
    opinions.since_found = 0
    texts = [example.text for example in await opinions.store.sample()]
    if len(texts) < LEAST_TEXTS:
        return topics
    found = await asyncio.to_thread(
        Topics.find, texts, opinions.encode, topics, lambda: uuid4().hex[:8]
    )
    await opinions.store.put_topics(found)
    log.info("topics_found", topics=len(found.topics), texts=len(texts))
    return found
