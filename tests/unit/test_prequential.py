"""Prequential: what the champion expected is counted once what happened is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.mirror import Mirror
from portrait.errors import StoreUnavailableError
from portrait.events.item import Item
from portrait.events.stream import Message
from portrait.events.topics import ERASURES
from portrait.model.model import Model
from portrait.monitoring.watch import Live
from portrait.profiles.profile import read_facts
from portrait.profiles.store import Write
from portrait.reading.decode import decode
from portrait.reading.records import Clock
from tests.support.catalogues import SPACE
from tests.support.fake_training import MemoryLiveCounts
from tests.support.fakes import ListPublisher, MemoryCatalogue, MemoryProfiles
from tests.support.models import learned_model
from tests.support.records import RECEIVED, FakeRecord, event_record
from tests.support.streams import ListStream, index_items, memory_updater
from workers.painter import Painter
from workers.update.prequential import QUESTIONS_AT_ONCE, SHARE, Clocks, Prequential
from workers.update.updater import Updater
from workers.update.worker import update

# Of so many with one score, the one that the user had would make a hit a miss if it stayed.
DAIRY = [Item(id=f"cheese {n}", title="cheddar cheese", category="Grocery") for n in range(19)]
PETS = [Item(id=f"food {n}", title=f"cat food {n}", category="Pets") for n in range(30)]
OTHERS = [
    Item(id="dish", title="blue dish", category="House"),
    Item(id="milk", title="cheddar cheese", category="Grocery"),  # a learned model knows these two
    Item(id="beef", title="beef dog food", category="Pets"),
    Item(id="nameless"),
]
SHOP = (*DAIRY, *PETS, *OTHERS)
PLAIN = Model("plain", SPACE)
LEARNED = learned_model("learned", bond=100)  # milk goes with beef
LIKES_CHEESE = event_record(0, item_id="cheese 0")
HIT = event_record(1, item_id="cheese 1")
MISS = event_record(1, item_id="dish")


class Times:
    """A clock that is set by hand, for moments and for intervals."""

    def __init__(self) -> None:
        self.seconds = RECEIVED / 1_000
        self.work = 0.0  # of a core, that a ranking takes
        self._worked = 0.0

    def __call__(self) -> float:
        return self.seconds

    def core(self) -> float:
        self._worked += self.work
        return self._worked


class Troubled(MemoryProfiles):
    """Refuses or fails as often as it is told to, and takes a minute each time."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = self.failures = 0
        self.clock: Times | None = None

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        if self.clock is not None and (self.refusals or self.failures):
            self.clock.seconds += 60
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError
        if self.refusals:
            self.refusals -= 1
            return list(range(len(writes)))
        return await super().save(writes, keep_ttl=keep_ttl)


class Forgetful(ListPublisher):
    """Makes room in a catalogue while a batch is told of, as the worker does."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        self._catalogue = catalogue

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        self._catalogue.forget_searches()
        return await super().publish(messages)


class Shop:
    """An updater over SHOP, its counters and its clock."""

    def __init__(self, updater: Updater, counts: MemoryLiveCounts, clock: Times) -> None:
        self.updater, self.counts, self.clock = updater, counts, clock

    async def happen(self, *batches: Sequence[FakeRecord]) -> None:
        """Fold batches, with time enough between any two to be asked again."""
        for batch in batches:
            await update(ListStream(batch), self.updater)
            self.clock.seconds += 3_600

    async def counted(self, model: Model = PLAIN) -> Live:
        return await self.counts.read(model.version)


async def open_shop(model: Model = PLAIN, profiles: MemoryProfiles | None = None) -> Shop:
    store, counts, clock = MemoryCatalogue(), MemoryLiveCounts(), Times()
    texts = await index_items(store, SHOP)
    mirror = Mirror(store, model)
    await mirror.load()
    updater = await memory_updater(profiles)
    updater.studio.painter = Painter(model, mirror, texts)
    asking = Prequential(counts, Clocks(clock, clock, clock.core))
    return Shop(replace(updater, prequential=asking), counts, clock)


def received(record: FakeRecord, seconds: float) -> FakeRecord:
    return replace(record, timestamp=RECEIVED + round(seconds * 1_000))


async def test_a_hit_and_a_miss_are_counted_under_the_model_that_painted() -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE], [HIT], [event_record(2, item_id="dish")])

    assert shop.counts.counts == {"plain": Live(trials=2, hits=1)}


@pytest.mark.parametrize(("model", "hits"), [(PLAIN, 0), (LEARNED, 1)], ids=["plain", "learned"])
async def test_what_a_model_learned_is_what_it_expects(model: Model, hits: int) -> None:
    shop = await open_shop(model)

    await shop.happen([event_record(0, item_id="milk")], [event_record(1, item_id="beef")])

    assert await shop.counted(model) == Live(trials=1, hits=hits)


async def test_a_miss_alone_is_a_miss() -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE], [MISS])

    assert await shop.counted() == Live(trials=1, hits=0)


async def test_another_champion_is_counted_for_itself() -> None:
    shop = await open_shop()
    await shop.happen([LIKES_CHEESE], [HIT])
    painter = shop.updater.studio.painter
    shop.updater.studio.painter = replace(painter, model=Model("next", SPACE))

    await shop.happen(
        [received(event_record(2, item_id="food 1"), 3_600)],  # before the next was taken up
        [received(event_record(3, item_id="dish"), 4 * 3_600)],
    )

    assert await shop.counted() == Live(trials=1, hits=1)
    assert await shop.counted(Model("next", SPACE)) == Live(trials=1, hits=0)


async def test_the_first_event_of_a_batch_is_asked_by_the_ring_as_it_was() -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE], [HIT, event_record(2, item_id="dish")])

    assert await shop.counted() == Live(trials=1, hits=1)


async def test_somebody_of_whom_nothing_is_known_is_not_asked_about() -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE], [event_record(1, item_id="dish", user_id="bob")])

    assert await shop.counted() == Live()


async def test_what_was_taken_out_of_the_cart_is_among_what_may_be_offered() -> None:
    shop = await open_shop()
    taken_out = event_record(7, item_id="cheese 0", type="remove")

    await shop.happen([LIKES_CHEESE], [taken_out])
    await shop.happen([HIT])

    assert await shop.counted() == Live(trials=1, hits=0)  # of twenty alike, now the middle


async def test_a_wish_is_a_question() -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE])
    await shop.happen([event_record(1, item_id="cheese 1", type="wish")])

    assert (await shop.counted()).trials == 1


@pytest.mark.parametrize(
    "event",
    [
        event_record(1, item_id="cheese 0"),
        event_record(1, item_id="cheese 1", type="browse"),
        event_record(1, item_id="cheese 1", type="return"),
        event_record(1, item_id="cheese 1", type="remove"),
        event_record(1, item_id=None, type="search", text="cheddar cheese"),
        event_record(1, item_id="nobody described it"),
        event_record(1, item_id="nameless"),
        event_record(1, item_id="cheese 1", occurred_at="2026-09-20T00:00:00Z"),
        received(HIT, -1),
    ],
    ids=[
        "had before",
        "browse",
        "return",
        "remove",
        "search",
        "not offered",
        "nameless",
        "late",
        "before the model",
    ],
)
async def test_what_could_not_be_expected_is_not_asked(event: FakeRecord) -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE])
    await shop.happen([event])

    assert await shop.counted() == Live()


async def test_an_item_that_the_catalogue_lacks_is_not_asked_for() -> None:
    profiles = MemoryProfiles()
    shop = await open_shop(profiles=profiles)
    await shop.happen([LIKES_CHEESE])
    (batch,) = decode(
        [received(event_record(1, item_id="elsewhere"), 7_200)],
        clock=Clock.of_system(0),
        most_tokens=1_000,
    )

    asking, painter = shop.updater.prequential, shop.updater.studio.painter
    questions = asking.choose(read_facts([profiles.records["ann"]])[0], batch.columns, painter)

    assert questions == []


async def test_of_whom_only_unknown_things_are_known_nothing_is_expected() -> None:
    shop = await open_shop()

    await shop.happen([event_record(0, item_id="nobody described it")], [HIT])

    assert await shop.counted() == Live()


async def test_a_repeat_counts_nothing() -> None:
    shop = await open_shop()
    await shop.happen([LIKES_CHEESE], [HIT])

    await shop.happen([LIKES_CHEESE, HIT], [HIT], [replace(HIT, offset=7)])

    assert await shop.counted() == Live(trials=1, hits=1)


async def test_an_event_whose_write_was_refused_is_not_counted() -> None:
    rival = Troubled()
    shop = await open_shop(profiles=rival)
    await shop.happen([LIKES_CHEESE])
    rival.refusals = 1

    await shop.happen([HIT])  # at the second try, so soon after the first, nothing is asked

    assert rival.refusals == 0
    assert await shop.counted() == Live()


@pytest.mark.parametrize("trouble", ["refusals", "failures"])
async def test_however_often_a_write_is_tried_it_counts_once(trouble: str) -> None:
    profiles = Troubled()
    shop = await open_shop(profiles=profiles)
    profiles.clock = shop.clock
    await shop.happen([LIKES_CHEESE])
    setattr(profiles, trouble, 2)

    await shop.happen([HIT])

    assert getattr(profiles, trouble) == 0
    assert await shop.counted() == Live(trials=1, hits=1)


async def test_nothing_is_asked_of_those_who_are_to_be_forgotten() -> None:
    shop = await open_shop()
    await shop.happen([LIKES_CHEESE])
    erasure = FakeRecord(ERASURES, None, 0, timestamp=RECEIVED, key=b"ann")

    await shop.happen([received(HIT, 60), erasure])

    assert await shop.counted() == Live()


async def test_a_batch_is_asked_a_few_questions_and_then_none_for_a_while() -> None:
    shop = await open_shop()
    users = [f"user {n}" for n in range(50)]
    first = [event_record(n, user_id=user, item_id="cheese 0") for n, user in enumerate(users)]
    await shop.happen(first)

    for item in range(1, 4):
        offset = 100 * item
        name = f"cheese {item}"
        batch = [event_record(offset + n, user_id=u, item_id=name) for n, u in enumerate(users)]
        await update(ListStream(batch), shop.updater)  # no time passes

    assert await shop.counted() == Live(trials=QUESTIONS_AT_ONCE, hits=QUESTIONS_AT_ONCE)


@pytest.mark.parametrize(
    ("item", "known"), [("cheese 1", False), ("cheese 0", True), ("nobody described it", True)]
)
async def test_those_of_whom_nothing_can_be_asked_take_nobodys_place(
    item: str, *, known: bool
) -> None:
    shop = await open_shop()
    users = [f"user {n}" for n in range(50)]
    crowd = users if known else []
    first = [event_record(n, user_id=u, item_id="cheese 0") for n, u in enumerate([*crowd, "ann"])]
    await shop.happen(first)
    batch = [event_record(100 + n, user_id=u, item_id=item) for n, u in enumerate(users)]
    batch.insert(5, event_record(99, user_id="ann", item_id="cheese 1"))

    await shop.happen(batch)

    assert await shop.counted() == Live(trials=1, hits=1)


async def test_what_ranking_takes_is_a_small_share_of_the_time() -> None:
    shop = await open_shop()
    await shop.happen([LIKES_CHEESE])
    shop.clock.work = 1.0
    await update(ListStream([HIT]), shop.updater)

    shop.clock.seconds += 0.9 / SHARE
    await update(ListStream([event_record(2, item_id="cheese 2")]), shop.updater)
    shop.clock.seconds += 0.2 / SHARE
    await update(ListStream([event_record(3, item_id="cheese 3")]), shop.updater)

    assert await shop.counted() == Live(trials=2, hits=2)


async def test_another_champion_ranks_by_its_own_catalogue_at_once() -> None:
    shop, other = await open_shop(), await open_shop(LEARNED)
    await shop.happen([LIKES_CHEESE])
    await update(ListStream([HIT]), shop.updater)
    shop.updater.studio.painter = other.updater.studio.painter
    shop.clock.seconds += 1

    late = received(event_record(2, item_id="cheese 2"), 24 * 3_600)
    await update(ListStream([late]), shop.updater)

    assert await shop.counted(LEARNED) == Live(trials=1, hits=1)


async def test_a_new_item_is_asked_for_a_moment_later() -> None:
    shop = await open_shop()
    limits = replace(shop.updater.limits, offer_unknown=True)
    shop.updater = replace(shop.updater, limits=limits)
    await shop.happen([LIKES_CHEESE], [HIT])
    new = {"title": "cheddar cheese", "category": "Grocery"}

    await shop.happen([event_record(2, item_id="new cheese", item=new)])

    assert await shop.counted() == Live(trials=2, hits=2)


async def test_an_item_newer_than_what_is_ranked_is_not_asked_for() -> None:
    shop = await open_shop()
    await shop.happen([LIKES_CHEESE])
    await update(ListStream([HIT]), shop.updater)
    shop.clock.seconds += 1
    new = {"title": "cheddar cheese", "category": "Grocery"}

    await update(ListStream([event_record(2, item_id="new", item=new)]), shop.updater)

    assert await shop.counted() == Live(trials=1, hits=1)


async def test_searches_that_are_forgotten_meanwhile_change_no_rank() -> None:
    shop = await open_shop(LEARNED)
    await shop.happen([LIKES_CHEESE])
    forgetful = Forgetful(shop.updater.studio.painter.mirror.catalogue)

    await update(ListStream([HIT]), replace(shop.updater, publisher=forgetful))

    assert await shop.counted(LEARNED) == Live(trials=1, hits=1)


async def test_time_brings_new_questions() -> None:
    shop = await open_shop()

    await shop.happen([LIKES_CHEESE], *([event_record(n, item_id=f"cheese {n}")] for n in (1, 2)))

    assert await shop.counted() == Live(trials=2, hits=2)


async def test_counters_that_are_away_stop_nothing() -> None:
    shop = await open_shop()
    shop.counts.is_down = True
    stream = ListStream([HIT])
    await shop.happen([LIKES_CHEESE])

    await update(stream, shop.updater)

    assert len(stream.committed) == 1
    assert shop.counts.counts == {}


async def test_a_withdrawn_item_is_not_among_those_offered() -> None:
    shop = await open_shop()
    mirror = shop.updater.studio.painter.mirror
    mirror.catalogue.put(DAIRY[1].model_copy(update={"available": False}))

    await shop.happen([LIKES_CHEESE], [HIT])

    assert await shop.counted() == Live()
