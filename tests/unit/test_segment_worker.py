"""The segment worker: who enters and leaves, told as often as it happens, whatever happens."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from portrait.catalogue.catalogue import Catalogue
from portrait.errors import OvertakenError, WebhookError
from portrait.events.consent import WITHDRAWN, Consent
from portrait.events.event import ANONYMOUS
from portrait.events.resume import Resume
from portrait.events.topics import NOTICES, SEGMENTS
from portrait.segments.segment import Change, Segment
from portrait.segments.store import Moved, Opened
from portrait.times import DAY_MS, to_moment
from tests.support.catalogues import catalogue
from tests.support.fakes import ListPublisher, MemoryOffsets, MemoryProfiles
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_segments import MemorySegments
from tests.support.records import FakeRecord
from tests.support.shop import HOUR_MS, NOW_MS, record_of
from tests.support.streams import ListStream
from workers.following import Following
from workers.segments.telling import by_topic, by_webhook, id_of, keep_telling
from workers.segments.walk import keep_walking, walk
from workers.segments.worker import Segments, follow_people
from workers.telling import TRIES

CATALOGUE = catalogue()
AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
CLICK = {"type": "click", "item_id": "milk"}
PURCHASE = {"type": "purchase", "item_id": "milk", "price": 2.0}
BUYERS = Segment(
    name="buyers",
    version=1,
    expression="purchases >= 2 && days_since_last < 14",
    webhook=True,
    author="ann",
    at=AT,
)


class Shop:
    """Some people, a segment, and the worker that keeps it; its clock is ours."""

    def __init__(self, store: MemorySegments | None = None) -> None:
        self.store = store or MemorySegments()
        self.profiles = MemoryProfiles()
        self.registry = MemoryRegistry()
        self.now_ms = NOW_MS + 10 * HOUR_MS
        self.restart()
        self.closing = asyncio.Event()

    def restart(self) -> None:
        """Forget all that a worker has in memory."""
        self.segments = Segments(
            self.store, self.profiles, self.registry, now=lambda: self.now_ms / 1_000
        )

    async def put(self, segment: Segment = BUYERS) -> None:
        await self.store.put(segment.name, lambda _: segment)

    def remember(
        self, user: str, *events: dict[str, object], painted: Catalogue = CATALOGUE
    ) -> None:
        self.profiles.records[user] = record_of(user, *events, painted=painted)

    async def notices(self, *users: str) -> None:
        """Let the worker read that these were stored."""
        records = [FakeRecord(NOTICES, b"{}", n, key=user.encode()) for n, user in enumerate(users)]
        resume = Resume(MemoryOffsets(), "s")
        following = Following(
            publisher=ListPublisher(),
            resume=resume,
            outage=timedelta(seconds=1),
            future_tolerance=timedelta(minutes=5),
        )
        await follow_people(ListStream(records, resume=resume), self.segments, following)

    async def walk(self) -> None:
        now = to_moment(self.now_ms)
        await walk(self.segments, await self.store.all(), now, self.closing)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each.user_id, each.change) for each in self.store.outbox["topic"]]

    @property
    def members(self) -> set[str]:
        return {*self.store.since["buyers"]}


async def shop_of(store: MemorySegments | None = None) -> Shop:
    shop = Shop(store)
    await shop.put()
    shop.remember("ann", PURCHASE, PURCHASE)
    shop.remember("bob", PURCHASE)
    return shop


async def test_whoever_enters_by_what_they_do_is_told_once_however_often_it_is_read() -> None:
    shop = await shop_of()

    await shop.notices("ann", "bob", "ann", "nobody")
    await shop.notices("ann", "bob")
    shop.remember("bob", PURCHASE, PURCHASE)
    await shop.notices("bob", "ann")

    assert shop.told == [("ann", "entered"), ("bob", "entered")]
    assert shop.members == {"ann", "bob"}
    assert shop.store.since["buyers"]["ann"] == shop.now_ms


async def test_whoever_leaves_by_time_alone_is_told_by_the_next_walk() -> None:
    shop = await shop_of()
    await shop.walk()
    shop.now_ms += 20 * DAY_MS

    await shop.walk()
    await shop.walk()

    assert shop.told == [("ann", "entered"), ("ann", "left")]


async def test_another_expression_moves_those_for_whom_it_differs() -> None:
    shop = await shop_of()
    await shop.walk()
    await shop.put(BUYERS.model_copy(update={"version": 2, "expression": "purchases == 1"}))

    await shop.walk()

    assert shop.told == [("ann", "entered"), ("ann", "left"), ("bob", "entered")]
    assert [each.version for each in shop.store.outbox["topic"]] == [1, 2, 2]
    assert (await shop.store.all())[0].walked_at == to_moment(shop.now_ms)


async def test_whoever_withdraws_is_erased_or_expires_leaves_and_no_visitor_enters() -> None:
    shop = await shop_of()
    for user in ("cid", "dan", f"{ANONYMOUS}eve"):
        shop.remember(user, PURCHASE, PURCHASE)
    await shop.walk()
    assert shop.members == {"ann", "cid", "dan"}
    await shop.profiles.agree({"ann": Consent(1_000, WITHDRAWN.withdrawn)})
    record = shop.profiles.records["cid"]
    shop.profiles.records["cid"] = record[:8] + b"\0" + record[9:]
    del shop.profiles.records["dan"]

    await shop.notices("cid")
    await shop.walk()

    assert shop.members == set()
    assert sorted(shop.told[3:]) == [(user, "left") for user in ("ann", "cid", "dan")]


async def test_without_segments_nobody_is_loaded() -> None:
    shop = Shop()
    shop.profiles.is_down = True  # would raise

    await shop.notices("ann")

    assert shop.store.revision == 0


async def test_a_segment_that_nobody_can_read_keeps_who_is_in_it() -> None:
    shop = await shop_of()
    await shop.walk()
    await shop.put(BUYERS.model_copy(update={"expression": "of_another_version > 1"}))

    await shop.walk()

    assert shop.members == {"ann"}


class Overtaken(MemorySegments):
    """A store in which another worker is faster, once."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    async def settle(self, opened: Opened, moved: Sequence[Moved], now_ms: int) -> Sequence[Change]:
        if not self.refused:
            self.refused += 1
            raise OvertakenError
        return await super().settle(opened, moved, now_ms)


@pytest.mark.parametrize("way", ["notices", "walk"])
async def test_whoever_was_overtaken_looks_again(way: str) -> None:
    store = Overtaken()
    shop = await shop_of(store)

    await (shop.walk() if way == "walk" else shop.notices("ann", "bob"))

    assert store.refused == 1
    assert shop.told == [("ann", "entered")]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]), st.sampled_from(["buys", "waits", "walk", "seen", "dies"])
    ),
    max_size=12,
)


@given(STEPS)
async def test_whatever_happens_in_between_changes_alternate_and_end_in_what_is_true(
    steps: Sequence[tuple[str, str]],
) -> None:
    shop, bought = Shop(), {"ann": 0, "bob": 0}
    await shop.put()
    for user, step in steps:
        if step == "buys":
            bought[user] += 1
            shop.remember(user, *[PURCHASE] * bought[user])
        elif step == "waits":
            shop.now_ms += 8 * DAY_MS
        elif step == "walk":
            await shop.walk()
        elif step == "seen":
            await shop.notices(user, user)
        else:  # all that is in memory is lost, and what was read last is read again
            shop.restart()
            await shop.notices("ann", "bob")
    await shop.walk()

    for user, times in bought.items():
        turns = [change for each, change in shop.told if each == user]
        assert turns == [("entered", "left")[n % 2] for n in range(len(turns))]
        assert (len(turns) % 2 == 1) == (user in shop.members)
        days = (shop.now_ms - NOW_MS - max(times - 1, 0) * HOUR_MS) / DAY_MS
        assert (user in shop.members) == (times >= 2 and days < 14)
    assert len({each.change_id for each in shop.store.outbox["topic"]}) == len(shop.told)


@pytest.mark.parametrize("passed", [11, -120])  # minutes; of a clock that was wrong before
async def test_a_new_segment_is_walked_at_once_and_an_old_one_when_it_is_due(passed: int) -> None:
    shop = await shop_of()
    every = timedelta(minutes=10)

    async def walked_at() -> datetime | None:
        (segment,) = await shop.store.all()
        return segment.walked_at

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(keep_walking(shop.segments, every, shop.closing))
        while await walked_at() is None:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)
        first = await walked_at()
        shop.now_ms += passed * 60_000
        while await walked_at() == first:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.01)
        shop.closing.set()
        await task

    assert await walked_at() == to_moment(shop.now_ms)


class Hour:
    """A clock of its own, on which each look at whether a walk is due takes a second."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_000.0
        self.until = self.seconds + 3_600
        self.closing = shop.closing
        monkeypatch.setattr("workers.segments.walk.monotonic", lambda: self.seconds)
        monkeypatch.setattr("workers.segments.walk.closes_within", self.wait)

    async def wait(self, _closing: asyncio.Event, seconds: float) -> bool:
        self.seconds += seconds
        return self.seconds > self.until


async def test_an_expression_that_changes_without_end_has_everybody_looked_at_half_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, walks = await shop_of(), list[float]()
    hour = Hour(shop, monkeypatch)

    async def changed_meanwhile(*_: object) -> None:
        walks.append(hour.seconds)
        hour.seconds += 120

    monkeypatch.setattr("workers.segments.walk.walk", changed_meanwhile)

    await keep_walking(shop.segments, timedelta(days=1), shop.closing)

    assert walks[0] == 1_001  # at once
    assert len(walks) == 3_600 // (120 + 120)


async def test_several_changes_while_everybody_is_looked_at_are_one_more_look_and_the_same_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, walks = await shop_of(), 0
    Hour(shop, monkeypatch)
    walked = walk

    async def counted(
        segments: Segments, known: Sequence[Segment], began: datetime, closing: asyncio.Event
    ) -> None:
        nonlocal walks
        walks += 1
        if walks == 1:
            for version in (2, 3, 4):
                await shop.put(BUYERS.model_copy(update={"version": version, "at": began}))
        elif walks == 2:  # again, as it is
            await shop.store.put("buyers", lambda known: known or BUYERS)
        await walked(segments, known, began, closing)

    monkeypatch.setattr("workers.segments.walk.walk", counted)

    await keep_walking(shop.segments, timedelta(days=1), shop.closing)

    assert walks == 2
    (segment,) = await shop.store.all()
    assert (segment.version, segment.walked_at is None) == (4, False)


class Damaged(MemorySegments):
    """A store with a segment that nobody can read."""

    async def forget_unreadable(self) -> Sequence[str]:
        """Forget who is in it."""
        return ["wine"] if self.since.pop("wine", None) else []


async def test_who_is_in_a_segment_that_nobody_can_read_is_forgotten_and_not_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop(Damaged())
    shop.store.since["wine"] = {"ann": 1}
    Hour(shop, monkeypatch)

    with structlog.testing.capture_logs() as lines:
        await keep_walking(shop.segments, timedelta(minutes=10), shop.closing)

    assert "wine" not in shop.store.since
    assert lines == [
        {"event": "segment_members_forgotten", "segments": ["wine"], "log_level": "warning"}
    ]


async def until_told(shop: Shop, way: str) -> None:
    while shop.store.outbox[way]:  # noqa: ASYNC110 - the store tells nobody
        await asyncio.sleep(0.01)


async def test_what_is_told_leaves_by_the_topic_keyed_by_user() -> None:
    shop, publisher = await shop_of(), ListPublisher()
    await shop.walk()
    (change,) = shop.store.outbox["topic"]

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        telling = keep_telling(
            "topic", shop.store, by_topic(publisher), asyncio.Event(), shop.closing
        )
        task = tasks.create_task(telling)
        await until_told(shop, "topic")
        shop.closing.set()
        await task

    ((topic, key, value, *_),) = publisher.messages
    assert (topic, key) == (SEGMENTS, b"ann")
    assert Change.model_validate_json(value or b"") == change
    assert len(shop.store.outbox["webhook"]) == 1


async def test_a_webhook_that_is_down_is_told_the_same_again_under_the_same_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.telling.FIRST_PAUSE", 0.001)
    shop, posts = await shop_of(), list[tuple[str, bytes]]()
    shop.remember("bob", PURCHASE, PURCHASE)
    await shop.walk()
    changes = [*shop.store.outbox["webhook"]]

    async def post(id: str, body: bytes) -> None:
        posts.append((id, body))
        if len(posts) < 3:
            raise WebhookError

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        telling = keep_telling(
            "webhook", shop.store, by_webhook(post), asyncio.Event(), shop.closing
        )
        task = tasks.create_task(telling)
        await until_told(shop, "webhook")
        shop.closing.set()
        await task

    assert len(posts) == 3
    assert {*posts} == {(id_of(changes), posts[0][1])}
    told = [Change.model_validate(each) for each in from_json(posts[0][1])["changes"]]
    assert told == changes
    assert len(changes) == 2


async def test_a_webhook_that_takes_nothing_is_given_up_and_the_topic_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.telling.FIRST_PAUSE", 0.001)
    monkeypatch.setattr("workers.telling.LONGEST_PAUSE", 0.001)
    shop, tries = await shop_of(), 0
    await shop.walk()

    async def refuse(_changes: Sequence[Change]) -> None:
        nonlocal tries
        tries += 1
        raise WebhookError

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        telling = keep_telling("webhook", shop.store, refuse, asyncio.Event(), shop.closing)
        task = tasks.create_task(telling)
        await until_told(shop, "webhook")
        shop.closing.set()
        await task

    assert tries == TRIES
    assert shop.told == [("ann", "entered")]
