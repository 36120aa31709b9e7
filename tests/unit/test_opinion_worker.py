"""The opinion worker: what of the log it takes in, once, and what it tells."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from portrait.errors import (
    OvertakenError,
    StoreUnavailableError,
    StreamUnavailableError,
    WebhookError,
)
from portrait.events.consent import Consent, Purpose
from portrait.events.erasure import LIFTING, SUPPRESSING
from portrait.events.item import Item
from portrait.events.private import PRIVATE
from portrait.events.resume import Resume
from portrait.events.stream import Headers, Record
from portrait.events.tone import Tone
from portrait.events.topics import DEAD, ERASURES, OPINION_ALERTS, OPINIONS
from portrait.opinions.alert import Alert
from portrait.opinions.aspects import (
    Aspect,
    AspectSaid,
    ClauseRead,
    ReviewReader,
    aspects_of,
)
from portrait.opinions.book import Book
from portrait.opinions.mention import Mention
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.topics import Topics
from portrait.opinions.windows import TEXTS, Width
from portrait.ref import user_ref
from portrait.times import DAY_MS, HOUR_MS, to_moment
from tests.support.fakes import ListPublisher, MemoryCatalogue, MemoryOffsets, MemoryProfiles
from tests.support.memory_opinions import MemoryOpinions
from tests.support.records import FakeRecord, event_record
from tests.support.reviewers import made_alert, said
from tests.support.streams import ListStream, memory_updater
from workers.following import Following
from workers.opinions.telling import by_topic, keep_telling
from workers.opinions.worker import Opinions, watch_opinions
from workers.telling import TRIES
from workers.update.worker import update

NOW = round(time.time() * 1_000)
THINGS = ["cap", "bottle", "zip", "strap", "lamp", "screen", "courier", "parcel", "dye", "fabric"]
FAULTS = ["leaks", "breaks", "jams", "rips", "dims", "hangs", "delays", "goes", "fades", "shrinks"]
TEA = Subject(SubjectKind.ITEM, "tea")


def review(offset: int, user: str = "ann", **changes: object) -> FakeRecord:
    at = to_moment(NOW - DAY_MS).isoformat()
    fields = {"type": "review", "user_id": user, "item_id": "tea", "text": "terrible, broken"}
    record = event_record(offset, **{**fields, "occurred_at": at, **changes})
    return FakeRecord(record.topic, record.value, offset, timestamp=NOW - 1_000, key=user.encode())


def post(offset: int, **changes: object) -> FakeRecord:
    fields = {"post_id": f"p{offset}", "source": "forum", "item_id": "tea", "text": "I like it"}
    moment = {"occurred_at": to_moment(NOW - DAY_MS).isoformat()}
    value = {k: v for k, v in {**fields, **moment, **changes}.items() if v is not None}
    return FakeRecord(OPINIONS, json.dumps(value).encode(), offset, timestamp=NOW - 1_000)


async def read(
    store: MemoryOpinions,
    *records: Record,
    by: ReviewReader | None = None,
    profiles: MemoryProfiles | None = None,
) -> ListPublisher:
    async def reader() -> ReviewReader | None:
        return by

    publisher, catalogue, resume = ListPublisher(), MemoryCatalogue(), Resume(MemoryOffsets(), "o")
    await catalogue.put_items([Item(id="tea", title="Tea", brand="Leaf", category="Food > Tea")])
    opinions = Opinions(
        store=store,
        profiles=profiles or MemoryProfiles(),
        catalogue=catalogue,
        following=Following(
            publisher=publisher,
            resume=resume,
            outage=timedelta(seconds=1),
            future_tolerance=timedelta(minutes=5),
        ),
        reader=reader,
    )
    await watch_opinions(ListStream(records, resume=resume), opinions)
    return publisher


async def texts_of(store: MemoryOpinions, subject: Subject = TEA) -> int:
    ledger = await store.find(subject)
    counts = [] if ledger is None else [*ledger.counts.items()]
    return sum(some[TEXTS] for window, some in counts if window.width is Width.DAY)


async def test_reviews_and_posts_count_for_what_the_catalogue_says_their_item_is() -> None:
    store = MemoryOpinions()

    await read(store, review(0), post(0), post(1, item_id=None, subject="Leaf Ltd."))

    names = {str(each.subject.kind): set[str]() for each in store.ledgers.values()}
    for ledger in store.ledgers.values():
        names[ledger.subject.kind].add(ledger.subject.name)
    assert names == {
        "item": {"tea"},
        "brand": {"Leaf"},
        "category": {"Food", "Food > Tea"},
        "source": {"reviews", "forum"},
        "subject": {"Leaf Ltd."},
    }
    assert await texts_of(store) == 2


async def test_a_repeat_counts_once_in_one_batch_and_in_two() -> None:
    store = MemoryOpinions()

    await read(store, review(0), review(1, event_id="e0"), post(0), post(1, post_id="p0"))
    await read(store, review(0), post(0))

    assert await texts_of(store) == 2


async def test_what_is_no_post_is_a_dead_letter_without_its_text() -> None:
    store = MemoryOpinions()
    broken = FakeRecord(OPINIONS, b'{"text": "secret"}', 1, timestamp=NOW - 1_000)

    publisher = await read(store, broken, post(2, occurred_at="2999-01-01T00:00:00Z"), post(3))

    assert {message.topic for message in publisher.messages} == {DEAD}
    assert len(publisher.messages) == 2
    headers = b"".join(value or b"" for m in publisher.messages for _, value in m.headers)
    assert b"secret" not in headers
    assert await texts_of(store) == 1


async def test_a_review_that_cannot_be_read_is_left_to_who_folds_it() -> None:
    broken = FakeRecord("events.review", b"no json", 0, timestamp=NOW - 1_000)

    assert (await read(MemoryOpinions(), broken)).messages == []


async def test_an_erased_user_is_forgotten_and_their_reviews_of_before_do_not_come_back() -> None:
    store = MemoryOpinions()
    await read(store, review(0), review(1, "bob"))
    erasure = FakeRecord(ERASURES, None, 0, timestamp=NOW - 500, key=b"ann")

    await read(store, erasure)
    await read(store, review(5, event_id="late"))

    ledger = await store.find(TEA)
    assert ledger is not None
    assert not any(voices.knows(user_ref("ann")) for voices in ledger.voices.values())
    assert await texts_of(store) == 2  # the count stays; nobody is behind it


def erasure(value: bytes | None, user: str = "ann", headers: Headers = ()) -> FakeRecord:
    """Ask for it an hour before anything is received."""
    at = NOW - HOUR_MS
    return FakeRecord(ERASURES, value, 0, timestamp=at, key=user.encode(), headers=headers)


async def test_who_is_not_to_be_known_any_more_is_not_shown_whoever_hears_of_it_first() -> None:
    heard, unheard, profiles = MemoryOpinions(), MemoryOpinions(), MemoryProfiles()
    suppression = erasure(SUPPRESSING)
    await update(ListStream([suppression]), await memory_updater(profiles=profiles))

    await read(heard, suppression, review(0))  # the profile is not emptied yet
    await read(heard, review(1))
    await read(unheard, review(0), profiles=profiles)  # what the log said went long ago

    assert await texts_of(heard) == await texts_of(unheard) == 0
    assert not await heard.sample()


async def test_who_comes_back_counts_again() -> None:
    store = MemoryOpinions()

    await read(store, erasure(SUPPRESSING))
    await read(store, erasure(SUPPRESSING), erasure(None, headers=(LIFTING,)))
    await read(store, review(0), erasure(SUPPRESSING, "bob"))
    await read(store, review(1, "bob"))

    assert await texts_of(store) == 1


async def test_who_withdrew_consent_is_not_shown() -> None:
    store, profiles = MemoryOpinions(), MemoryProfiles()
    await profiles.agree({"ann": Consent(5, frozenset({Purpose.ANALYTICS}))})

    await read(store, review(0), review(1, "bob"), profiles=profiles)

    assert await texts_of(store) == 1
    assert [each.author for each in await store.sample()] == [user_ref("bob")]


async def test_private_reviews_are_not_shown() -> None:
    store, plain = MemoryOpinions(), review(0)

    await read(
        store,
        FakeRecord(plain.topic, plain.value, 0, timestamp=NOW - 1, key=b"ann", headers=(PRIVATE,)),
        review(1, "bob"),
    )

    assert await texts_of(store) == 1


async def test_text_is_redacted_before_it_is_kept() -> None:
    store = MemoryOpinions()

    await read(store, post(0, text="Terrible! Call me: anna@example.com"))

    (example,) = await store.sample()
    assert example.text == "Terrible! Call me: [email]"


class Contended(MemoryOpinions):
    """A store where another worker is faster once."""

    is_faster = True

    async def load(self, mentions: list[Mention]) -> object:  # type: ignore[override]
        opened = await super().load(mentions)
        if self.is_faster:
            self.is_faster = False
            other = await super().load([said(99)])
            Book(other.ledgers).take([said(99)], [None])
            await self.save(other, [said(99)], [], {}, [], [])
        return opened


async def test_who_was_slower_loads_again_and_nothing_is_lost() -> None:
    store = Contended()

    await read(store, review(0))

    assert await texts_of(store) == 2
    with pytest.raises(OvertakenError):
        await store.save(await MemoryOpinions().load([]), [], [], {}, [], [])


class Away(MemoryOpinions):
    """A store that is away the first time that anything is asked."""

    is_away = True

    async def topics(self) -> Topics:
        if self.is_away:
            self.is_away = False
            raise StoreUnavailableError
        return await super().topics()


async def test_a_store_that_is_away_is_waited_for_from_the_first_batch_on() -> None:
    store = Away()

    await read(store, review(0), review(1, "bob"))

    assert await texts_of(store) == 2


async def test_topics_are_found_once_enough_was_said_and_then_counted() -> None:
    store = MemoryOpinions()
    about = [f"the {what} {how} again" for what, how in zip(THINGS, FAULTS, strict=True)]

    await read(store, *[post(n, text=f"{about[n % 10]}, number {n}") for n in range(200)])
    await read(store, *[post(200 + n, text=about[n % 10]) for n in range(10)])

    named = {topic.id: topic.name for topic in (await store.topics()).topics}
    assert named
    assert all({*THINGS, *FAULTS} & {*name.split()} for name in named.values())
    ledger = await store.find(TEA)
    assert ledger is not None
    slots = {slot for counts in ledger.counts.values() for slot in counts}
    assert {slot.split(":")[1] for slot in slots if slot.startswith("topic:")} <= {*named}
    assert any(slot.startswith("topic:") for slot in slots)


async def test_an_alert_leaves_by_the_topic_and_is_done_with() -> None:
    store, publisher, closing = await with_alert(), ListPublisher(), asyncio.Event()

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            keep_telling("topic", store, by_topic(publisher), asyncio.Event(), closing)
        )
        await until_empty(store, "topic")
        closing.set()
        await task

    ((topic, key, value, *_),) = publisher.messages
    assert (topic, key) == (OPINION_ALERTS, b"item:tea")
    assert Alert.model_validate_json(value or b"") == made_alert()
    assert len(await store.outbox("webhook")) == 1


async def test_a_webhook_is_tried_so_often_and_then_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.telling.FIRST_PAUSE", 0.001)
    monkeypatch.setattr("workers.telling.LONGEST_PAUSE", 0.001)
    store, closing, tries = await with_alert(), asyncio.Event(), 0

    async def refuse(_alert: Alert) -> None:
        nonlocal tries
        tries += 1
        raise WebhookError

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(keep_telling("webhook", store, refuse, asyncio.Event(), closing))
        await until_empty(store, "webhook")
        closing.set()
        await task

    assert tries == TRIES
    assert len(await store.outbox("topic")) == 1


async def test_while_kafka_is_away_an_alert_waits() -> None:
    store, publisher, closing = await with_alert(), ListPublisher(), asyncio.Event()
    publisher.is_down = True
    telling = keep_telling("topic", store, by_topic(publisher), asyncio.Event(), closing)

    with pytest.raises(StreamUnavailableError):
        await publisher.publish([])
    async with asyncio.timeout(10):
        task = asyncio.create_task(telling)
        await asyncio.sleep(0.05)
        closing.set()
        await task

    assert len(await store.outbox("topic")) == 1


async def until_empty(store: MemoryOpinions, way: str) -> None:
    while await store.outbox(way):  # noqa: ASYNC110 - the store tells nobody
        await asyncio.sleep(0.01)


async def with_alert() -> MemoryOpinions:
    store = MemoryOpinions()
    opened = await store.load([])
    await store.save(opened, [], [made_alert()], {}, [made_alert().alert_id], [])
    return store


async def test_a_reader_says_the_tone_where_it_is_sure_and_stars_and_words_elsewhere() -> None:
    store = MemoryOpinions()
    asked: list[str] = []

    class Reads:
        def __call__(self, texts: Sequence[str]) -> list[Tone | None]:
            asked.extend(texts)
            return [Tone.NEGATIVE if "warm" in text else None for text in texts]

        def aspects(self, texts: Sequence[str]) -> list[tuple[AspectSaid, ...]]:
            read = {"it keeps nothing warm": ClauseRead(Aspect.USE, Tone.NEGATIVE)}
            return [aspects_of(text, read) for text in texts]

    await read(
        store,
        review(0, text="it keeps nothing warm", rating=5.0),
        review(1, "bob", text="it keeps nothing warm", rating=5.0),
        review(2, "cyn", text="terrible, broken"),
        post(0),
        by=Reads(),
    )

    ledger = await store.find(TEA)
    assert ledger is not None
    counts = sum(
        (Counter(some) for window, some in ledger.counts.items() if window.width is Width.DAY),
        Counter(),
    )
    assert counts["negative"] == 3  # not the post, which likes it
    assert counts["aspect:use:negative"] == 2  # no word says what it is about
    assert len(asked) == len(set(asked)) == 3
