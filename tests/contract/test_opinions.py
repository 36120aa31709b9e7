"""What all stores of opinions promise: the fake and Redis."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_opinions import RedisOpinions
from portrait.errors import OvertakenError
from portrait.opinions.alert import Alert
from portrait.opinions.book import Book
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.store import OpinionStore
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.topics import Topics
from portrait.opinions.voices import MOST_AUTHORS, Example
from portrait.opinions.windows import TEXTS, Width
from portrait.ref import user_ref
from portrait.times import to_moment
from tests.support.memory_opinions import MemoryOpinions
from tests.support.reviewers import NOW, SOAP, TEA, made_alert, said


async def stored(store: OpinionStore, *mentions: Mention, alerts: tuple[Alert, ...] = ()) -> None:
    opened = await store.load(mentions)
    opened.told = {
        alert.alert_id: [
            Example(each.ref, each.at, each.author, each.text)
            for each in mentions
            if each.text in alert.examples
        ]
        for alert in alerts
    }
    Book(opened.ledgers).take(mentions, [None] * len(mentions))
    sample = [Example(each.ref, each.at, each.author, each.text) for each in mentions]
    ids = [alert.alert_id for alert in alerts]
    await store.save(opened, mentions, alerts, {}, ids, sample)


def divided(users: list[str]) -> tuple[list[str], list[str]]:
    """Return users, and apart from them the one whose hash is the largest."""
    ranked = sorted(users, key=user_ref)
    return ranked[:-1], ranked[-1:]


def authors_of(ledger: Ledger) -> set[int | None]:
    """Return whose texts are examples."""
    days = ledger.voices.values()
    return {e.author for voices in days for some in voices.examples.values() for e in some}


class OpinionsContract:
    """Written in one step, read as it was written, forgotten at once."""

    async def test_what_is_stored_is_found(self, store: OpinionStore) -> None:
        await stored(store, said(1), said(2))
        await stored(store, said(3))

        found = await store.find(Subject(SubjectKind.ITEM, "tea"))

        assert found is not None
        assert found.subject.name == "tea"
        assert {counts[TEXTS] for counts in found.counts.values()} == {3}
        assert {window.width for window in found.counts} == {*Width}
        assert await store.find(Subject(SubjectKind.ITEM, "coffee")) is None

    async def test_a_text_that_was_taken_in_is_known_again(self, store: OpinionStore) -> None:
        await stored(store, said(1))

        opened = await store.load([said(1), said(2)])

        assert opened.repeats == {said(1).ref}

    async def test_who_was_slower_writes_nothing(self, store: OpinionStore) -> None:
        opened = await store.load([said(1)])
        await stored(store, said(2))

        with pytest.raises(OvertakenError):
            await store.save(opened, [said(1)], [], {}, [], [])

        assert (await store.load([said(1)])).repeats == set()

    async def test_pages_go_through_all_subjects_of_a_kind_the_newest_first(
        self, store: OpinionStore
    ) -> None:
        for number in range(7):
            product = replace(TEA, item=f"item-{number}")
            await stored(store, said(number // 2, product))

        names: list[str] = []
        after: str | None = None
        for _ in range(4):
            page = await store.page(SubjectKind.ITEM, NOW, after, 2)
            names += [ledger.subject.name for ledger in page.subjects]
            after = page.next
            assert (after is None) == (len(names) == 7)

        assert sorted(names) == [f"item-{number}" for number in range(7)]
        assert names[0] == "item-6"
        assert (await store.page(SubjectKind.BRAND, NOW, None, 5)).subjects[
            0
        ].subject.name == "Leaf"
        assert not (await store.page(SubjectKind.ITEM, NOW + 10, None, 5)).subjects

    async def test_an_author_is_forgotten_at_once_and_stays_so(self, store: OpinionStore) -> None:
        await stored(store, said(1, author="ann"), said(2, author="bob"), said(3, SOAP, "ann"))
        ann = user_ref("ann")

        await store.forget(ann, NOW + 10)

        for item in ("tea", "soap"):
            ledger = await store.find(Subject(SubjectKind.ITEM, item))
            assert ledger is not None
            assert not any(voices.knows(ann) for voices in ledger.voices.values())
            shown = [
                e for v in ledger.voices.values() for some in v.examples.values() for e in some
            ]
            assert {each.author for each in shown} <= {user_ref("bob")}
        assert {each.author for each in await store.sample()} == {user_ref("bob")}
        assert (await store.load([said(1, author="ann")])).erased == {ann: NOW + 10}

    async def test_of_whom_a_text_is_an_example_is_forgotten_however_many_wrote(
        self, store: OpinionStore
    ) -> None:
        rest, (ann,) = divided([f"user-{n}" for n in range(MOST_AUTHORS + 40)])
        quiet = [replace(said(n, author=each), at=NOW, text="") for n, each in enumerate(rest)]
        await stored(store, *quiet)
        await stored(store, replace(said(1_000, author=ann), at=NOW))
        shown = await store.find(Subject(SubjectKind.ITEM, "tea"))
        assert shown is not None
        assert user_ref(ann) in authors_of(shown)
        assert not any(voices.knows(user_ref(ann)) for voices in shown.voices.values())

        await store.forget(user_ref(ann), NOW + 10)

        left = await store.find(Subject(SubjectKind.ITEM, "tea"))
        assert left is not None
        assert not authors_of(left)

    async def test_whoever_is_named_anywhere_is_told_of_until_they_are_forgotten(
        self, store: OpinionStore
    ) -> None:
        ann, bob = user_ref("ann"), user_ref("bob")
        opened = await store.load([said(1)])
        example = Example(said(1).ref, NOW, ann, "text n1")
        await store.save(opened, [], [], {}, [], [example])  # in the sample alone
        assert await store.tells_of([bob, ann], NOW + 5)
        assert not await store.tells_of([bob], NOW + 5)
        assert not await store.tells_of([], NOW + 5)

        await store.forget(ann, NOW + 10)
        assert not await store.tells_of([ann], NOW + 5)
        await stored(store, said(20))
        assert not await store.tells_of([ann], NOW + 5)  # that is what they did since
        assert await store.tells_of([ann], NOW + 30)

    async def test_an_alert_is_without_the_examples_of_who_is_forgotten(
        self, store: OpinionStore
    ) -> None:
        mentions = said(1, author="ann"), said(2, author="bob")
        alert = made_alert().model_copy(
            update={"examples": tuple(each.text for each in mentions), "at": to_moment(NOW)}
        )
        await stored(store, *mentions, alerts=(alert,))
        for number in range(3, 30):  # no other text of the first day is an example any more
            await stored(store, replace(said(number, author="cyn"), at=NOW))
        ledger = await store.find(Subject(SubjectKind.ITEM, "tea"))
        assert ledger is not None
        assert authors_of(ledger) == {user_ref("cyn")}

        await store.forget(user_ref("ann"), NOW + 10)

        assert (await store.alerts(1))[0].examples == ("text n2",)
        assert (await store.outbox("webhook"))[0].examples == ("text n2",)

    async def test_an_alert_waits_for_each_way_until_it_has_left(self, store: OpinionStore) -> None:
        alert = made_alert()
        await stored(store, said(1), alerts=(alert,))

        await store.sent("topic", alert.alert_id)

        assert await store.outbox("topic") == []
        assert await store.outbox("webhook") == [alert]
        assert await store.alerts(5) == [alert]

    async def test_what_joins_an_alert_is_answered_with_it(self, store: OpinionStore) -> None:
        alert = made_alert()
        await stored(store, said(1), alerts=(alert,))
        opened = await store.load([said(2)])

        joined = {alert.alert_id: ["brand:Leaf"]}
        await store.save(opened, [said(2)], [], joined, [], [])

        assert (await store.alerts(5))[0].also == ("brand:Leaf",)

    async def test_topics_are_read_as_they_were_written(self, store: OpinionStore) -> None:
        assert (await store.topics()).topics == ()
        texts = ["the cap leaks and the bottle leaks"] * 40 + ["tracking courier parcel"] * 60
        texts += [f"plain words number {n}" for n in range(200)]
        found = Topics.find(texts, None, Topics.none(), iter("abcdefgh").__next__)

        await store.put_topics(found)

        read = await store.topics()
        assert read.topics == found.topics
        assert read.of(texts[:50], None) == found.of(texts[:50], None)


class TestMemoryOpinions(OpinionsContract):
    @pytest.fixture
    def store(self) -> OpinionStore:
        return MemoryOpinions()


class TestRedisOpinions(OpinionsContract):
    @pytest.fixture
    def store(self, redis: Redis) -> OpinionStore:
        return RedisOpinions(redis)

    async def test_what_tells_of_a_person_expires_and_nothing_else_does(self, redis: Redis) -> None:
        await stored(RedisOpinions(redis), said(1))

        ttls = {key.decode(): await redis.ttl(key) async for key in redis.scan_iter()}

        personal = {key for key in ttls if ":voices:" in key or "author" in key or "sample" in key}
        assert len(personal) > 3
        assert all(0 < ttls[key] <= 8 * 86_400 for key in personal)
        others = {key: ttl for key, ttl in ttls.items() if key not in personal}
        assert {*others.values()} == {-1}
        for key in others:
            is_hash = await redis.type(key) == b"hash"
            is_string = await redis.type(key) == b"string"
            held = (
                await redis.hgetall(key) if is_hash else await redis.get(key) if is_string else ""
            )
            assert "text n1" not in str(held)

    async def test_what_nobody_can_read_is_not_there(self, redis: Redis) -> None:
        store = RedisOpinions(redis)
        await stored(store, said(1))
        subject = Subject(SubjectKind.ITEM, "tea")
        await redis.hset(f"opinion:{subject.ref:016x}", "head", "damaged")
        await redis.set("opinions:open", b"\xff")
        await redis.set("opinions:topics", b"{}")

        assert await store.find(subject) is None
        assert (await store.topics()).topics == ()
        opened = await store.load([said(2)])
        assert opened.open == []
        await stored(store, said(2))
        assert await store.find(subject) is not None
