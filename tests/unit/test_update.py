"""Update: what survives a crash, a repeat, an outage and a rival."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from portrait.arrays import MISSING
from portrait.catalogue.declared_groups import groups_of
from portrait.errors import StoreUnavailableError, StreamUnavailableError
from portrait.events.columns import RING
from portrait.events.item import Item
from portrait.events.private import PRIVATE
from portrait.events.resume import Resume
from portrait.events.stream import Batch
from portrait.events.topics import DEAD, NOTICES
from portrait.profiles.facts import spend_of
from portrait.profiles.profile import decode_profile, read_facts
from portrait.profiles.searched import read_searched
from portrait.profiles.store import Own, Write
from portrait.ref import item_ref, name_ref, search_ref
from tests.support.catalogues import ITEMS
from tests.support.fakes import (
    ListPublisher,
    MemoryCatalogue,
    MemoryOffsets,
    MemoryPopularity,
    MemoryProfiles,
    MemoryProgress,
)
from tests.support.memory_registry import MemoryRegistry
from tests.support.promotions import put_in_service
from tests.support.records import FakeRecord, event_record
from tests.support.streams import MODEL, ListStream, hash_encoder, memory_updater
from workers.painter import Studio
from workers.update.updater import Updater
from workers.update.worker import update


def log_of(size: int, seed: int = 1) -> list[FakeRecord]:
    """A log of several users on several topics, offsets counted by topic."""
    random = Random(seed)  # noqa: S311 - a test
    offsets: dict[str, int] = {}
    records = []
    for number in range(size):
        action = random.choice(["click", "cart", "purchase", "search"])
        offset = offsets[action] = offsets.get(action, -1) + 1
        records.append(
            event_record(
                offset,
                event_id=f"{action}-{offset}",
                type=action,
                user_id=random.choice(["ann", "bob", "cyn"]),
                item_id=None if action == "search" else random.choice(["milk", "tuna", "beef"]),
                text="cat food" if action == "search" else None,
                occurred_at=f"2026-09-{1 + number % 20:02d}T12:00:00Z",
            )
        )
    return records


def records_of(updater: Updater) -> dict[str, bytes]:
    assert isinstance(updater.profiles, MemoryProfiles | Rival)
    return dict(updater.profiles.records)


async def run(*batches: Sequence[FakeRecord], updater: Updater | None = None) -> Updater:
    updater = updater or await memory_updater()
    await update(ListStream(*batches), updater)
    return updater


async def test_an_event_changes_the_profile_of_its_user() -> None:
    updater = await run([event_record(type="purchase", item_id="milk")])

    profile = decode_profile(records_of(updater)["ann"])
    assert profile.head["totals"].sum() == 1
    assert profile.portrait["interests"]["category"][0] == name_ref("Grocery > Dairy")


@given(st.integers(0, 40), st.integers(0, 40))
async def test_a_replay_from_any_offset_changes_nothing(size: int, start: int) -> None:
    log = log_of(size)
    once = await run(log)
    before = records_of(once)

    again = await run(log[start:], updater=once)

    assert records_of(again) == before


@given(st.lists(st.integers(0, 30), max_size=4).map(sorted))
async def test_any_batching_gives_the_same_bytes(cuts: list[int]) -> None:
    log = log_of(30)
    edges = [0, *cuts, len(log)]
    batches = [log[start:end] for start, end in pairwise(edges)]

    assert records_of(await run(*batches)) == records_of(await run(log))


async def test_a_batch_is_committed_after_it_is_stored() -> None:
    updater = await memory_updater()
    stream = ListStream([event_record(3)])

    await update(stream, updater)

    (batch,) = stream.committed
    assert batch.ends == {("events.click", 0): 4}


async def test_a_batch_that_could_not_be_stored_is_not_committed() -> None:
    updater = await memory_updater(Failing(times=1_000_000))
    stream = ListStream([event_record()])
    short = replace(updater, limits=replace(updater.limits, outage=timedelta()))

    with pytest.RaisesGroup(StoreUnavailableError):
        await update(stream, short)

    assert stream.committed == []


async def test_an_outage_pauses_the_stream_and_loses_nothing() -> None:
    log = log_of(20)
    updater = await memory_updater(Failing(times=3))
    stream = ListStream(log[:10], log[10:])

    await update(stream, updater)

    assert stream.pauses == [0.1, 0.2, 0.4]
    assert isinstance(updater.profiles, Failing)
    assert updater.profiles.records == records_of(await run(log))
    assert len(stream.committed) == 2


async def test_an_outage_does_not_keep_a_worker_that_is_told_to_stop() -> None:
    stream = ListStream([event_record()])
    stream.at_pause = stream.closing.set

    with pytest.RaisesGroup(StoreUnavailableError):
        await update(stream, await memory_updater(Failing(times=1_000_000)))

    assert stream.pauses == [0.1]
    assert stream.committed == []


@pytest.mark.parametrize("step", ["load", "save"])
async def test_a_store_that_starts_again_empty_is_read_again_from_its_offsets(step: str) -> None:
    log, offsets = [[event_record(0)], [event_record(1)]], MemoryOffsets()
    updater = await memory_updater(Restarting(offsets, step), offsets)
    stream = ListStream(*log, resume=updater.resume)

    await update(stream, updater)

    assert stream.rewinds == 1
    assert records_of(updater) == records_of(await run(*log))
    assert offsets.ends == {"update": {("events.click", 0): 2}}


class LateModel(ListStream):
    """A stream during whose pauses a model is put in service."""

    def __init__(self, registry: MemoryRegistry, resume: Resume) -> None:
        super().__init__([event_record()], resume=resume)
        self._registry = registry

    async def pause(self, seconds: float) -> bool:
        await put_in_service(self._registry, MODEL)
        return await super().pause(seconds)


async def test_after_another_life_the_catalogue_is_loaded_anew_once_a_model_serves() -> None:
    offsets, registry = MemoryOffsets(), MemoryRegistry()
    updater = await memory_updater(Restarting(offsets, "load"), offsets)
    former = updater.studio.painter
    studio = Studio(former, registry, MemoryCatalogue(), hash_encoder)
    stream = LateModel(registry, updater.resume)

    await update(stream, replace(updater, studio=studio))

    assert len(stream.pauses) == 1
    assert studio.painter is not former
    assert [item.id for item in studio.painter.mirror.catalogue.items] == ["milk"]  # of the event
    assert stream.rewinds == 1


async def test_offsets_are_stored_beside_the_profiles_before_they_are_committed() -> None:
    offsets = MemoryOffsets()

    await run([event_record(3)], updater=await memory_updater(offsets=offsets))

    assert offsets.ends == {"update": {("events.click", 0): 4}}


async def test_a_batch_whose_dead_letters_were_not_published_is_not_committed() -> None:
    updater = await memory_updater()
    assert isinstance(updater.publisher, ListPublisher)
    updater.publisher.is_down = True
    stream = ListStream([FakeRecord("events.click", b"?")])

    with pytest.RaisesGroup(StreamUnavailableError):
        await update(stream, updater)

    assert stream.committed == []


async def test_a_poison_record_is_dead_lettered_and_the_stream_goes_on() -> None:
    updater = await run([FakeRecord("events.click", b"?"), event_record(1)])

    assert isinstance(updater.publisher, ListPublisher)
    topics = [message.topic for message in updater.publisher.messages]
    assert topics == [DEAD, NOTICES]
    assert list(records_of(updater)) == ["ann"]


async def test_what_cannot_be_read_is_one_letter_in_a_row_and_counted_each() -> None:
    before = counted()

    empty = [FakeRecord("events.cart", b"", n, partition=5) for n in range(700)]
    updater = await run([event_record(0), *empty, event_record(1)])

    assert isinstance(updater.publisher, ListPublisher)
    letters = [each for each in updater.publisher.messages if each.topic == DEAD]
    assert len(letters) == 1
    assert dict(letters[0].headers)["portrait-records"] == b"700"
    assert counted() == (before[0] + 700, before[1])


def counted() -> tuple[float, float]:
    """Return how many dead records, and how many repeated ones, there were so far."""
    dead = REGISTRY.get_sample_value("portrait_dead_letters_total", {"topic": "events.cart"})
    return dead or 0, REGISTRY.get_sample_value("portrait_events_repeated_total") or 0


async def test_a_rival_that_was_faster_is_not_overwritten() -> None:
    log = log_of(40)
    rival = Rival(await run(log[:25]))
    updater = await memory_updater(rival)

    await run(log[:10], log[10:], updater=updater)

    assert rival.stepped_in
    assert rival.records == records_of(await run(log))


async def test_an_event_whose_profile_was_refused_at_first_counts_once() -> None:
    profiles = RefusingOnce()
    updater = await memory_updater(profiles)
    await run([event_record(type="search", text="cat", item_id=None)], updater=updater)
    profiles.refused = False

    await run([later(event_record(1, type="purchase"))], updater=updater)

    assert await updater.popularity.newest(1) == {"milk": 4_000}


async def test_batches_are_committed_in_their_order() -> None:
    stream = SlowStream([event_record(0)], [event_record(1)], [event_record(2)])

    await update(stream, await memory_updater())

    assert [list(batch.ends.values()) for batch in stream.committed] == [[1], [2], [3]]


async def test_every_stored_profile_is_told_of() -> None:
    updater = await run([event_record(0), event_record(1, user_id="bob")])

    assert isinstance(updater.publisher, ListPublisher)
    told = [(m.topic, m.key, m.value) for m in updater.publisher.messages]
    space = updater.studio.painter.mirror.catalogue.space_id
    assert told == [
        (
            NOTICES,
            user.encode(),
            f'{{"user_id":"{user}","events_folded":1,'
            f'"profile_as_of":"2026-09-21T14:13:20.000Z","space_id":"{space}"}}'.encode(),
        )
        for user in ("ann", "bob")
    ]


async def test_a_repeated_batch_does_not_make_items_popular() -> None:
    log = log_of(20)
    updater = await run(log)
    assert isinstance(updater.popularity, MemoryPopularity)
    before = await updater.popularity.newest(100)

    await run(log, updater=updater)

    assert before
    assert await updater.popularity.newest(100) == before


async def test_popularity_weighs_actions_and_leaves_searches_and_returns_out() -> None:
    records = [
        event_record(0, type="purchase", item_id="milk"),
        event_record(1, type="click", item_id="milk"),
        event_record(2, type="return", item_id="tuna"),
        event_record(3, type="search", text="cat", item_id=None),
    ]

    updater = await run([event_record(event_id="first")], [later(each) for each in records[1:]])

    assert await updater.popularity.newest(1) == {}  # a click on the same item is no news

    updater = await run([event_record(event_id="first", item_id="tuna")], list(map(later, records)))

    assert await updater.popularity.newest(1) == {"milk": 4_500}


async def test_what_people_want_of_whom_the_same_is_declared_is_counted_apart() -> None:
    updater = await memory_updater(declared=("region",))
    people = [f"user-{place}" for place in range(60)]
    said = {"declared": {"region": " North ", "age": "34"}}
    first = [event_record(0, user_id=name, event_id=f"{name} comes") for name in people]
    buys = [
        later(event_record(0, type="purchase", user_id=name, event_id=f"{name} buys", **said))
        for name in people
    ]
    other = later(event_record(0, type="purchase", user_id="zoe", item_id="tuna", event_id="zoe"))

    await run(first, [*buys, other], updater=updater)

    everybody = await updater.popularity.newest(1)
    (north,) = groups_of({"region": "north"}, ("region",))
    assert await updater.popularity.among() == {north: {"milk": everybody["milk"]}}
    assert everybody["milk"] == 4_000 * len(people)


async def test_of_very_many_groups_the_largest_of_a_batch_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.update.tell.MOST_AT_ONCE", 1)
    updater = await memory_updater(declared=("region",))
    people = [f"user-{place}" for place in range(60)]
    odd = [f"odd-{place}" for place in range(9)]
    first = [event_record(0, user_id=name, event_id=f"{name} comes") for name in [*people, *odd]]
    said = dict.fromkeys(people, "north") | {name: name for name in odd}
    buys = [
        later(
            event_record(
                0,
                type="purchase",
                user_id=name,
                event_id=f"{name} buys",
                declared={"region": region},
            )
        )
        for name, region in said.items()
    ]

    await run(first, buys, updater=updater)

    assert isinstance(updater.popularity, MemoryPopularity)
    assert len(updater.popularity.groups) == 1
    assert len(await updater.popularity.among()) == 1


async def test_whoever_asks_for_privacy_counts_in_no_group() -> None:
    updater = await memory_updater(declared=("region",))
    people = [f"user-{place}" for place in range(60)]
    first = [event_record(0, user_id=name, event_id=f"{name} comes") for name in people]
    buys = [
        event_record(
            0, type="purchase", user_id=name, event_id=f"{name} buys", declared={"region": "north"}
        )
        for name in people
    ]

    await run(first, [replace(later(each), headers=(PRIVATE,)) for each in buys], updater=updater)

    assert await updater.popularity.among() == {}


def later(record: FakeRecord) -> FakeRecord:
    """The same a day later, when who was here before is a regular."""
    return replace(record, timestamp=record.timestamp + 24 * 3_600_000)


async def test_made_up_users_do_not_make_an_item_popular() -> None:
    made_up = [event_record(n, type="purchase", user_id=f"x{n}") for n in range(50)]

    updater = await run(made_up)

    assert await updater.popularity.newest(1) == {}


async def test_an_item_that_only_events_know_is_neither_offered_nor_popular() -> None:
    item = {"title": "<b>Buy me</b>", "price": 1}
    known = event_record(item_id="milk", event_id="first")
    records = [event_record(n, type="purchase", item_id="scam", item=item) for n in (0, 1)]

    updater = await run([known], list(map(later, records)))

    catalogue = updater.studio.painter.mirror.catalogue
    scam = catalogue.row(item_ref("scam"))
    assert catalogue.items[scam].title == "<b>Buy me</b>"
    assert catalogue.rows["text"][scam] != MISSING
    assert not catalogue.rows["offered"][scam]
    assert await updater.popularity.newest(1) == {}


def deal(place: int, type: str, item_id: str, **fields: object) -> FakeRecord:
    """What somebody did with an item, in the order of the log and of time."""
    at = f"2026-09-01T12:00:{place:02d}Z"
    said = {"event_id": f"e{place}", "type": type, "item_id": item_id, "occurred_at": at}
    return event_record(place, **said, **fields)


def spend_of_ann(updater: Updater) -> float:
    facts, _ = read_facts([records_of(updater)["ann"]])
    return float(spend_of(facts.head)[0])


@pytest.mark.parametrize(
    ("log", "spend"),
    [
        ([deal(0, "purchase", "milk")], 1.0),
        ([deal(0, "purchase", "milk", quantity=3)], 3.0),
        ([deal(0, "purchase", "milk", price=0)], 0.0),
        ([deal(0, "purchase", "nobody knows")], 0.0),
        ([deal(0, "purchase", "new", item={"title": "new", "price": 7})], 7.0),
        ([deal(0, "cart", "milk"), deal(1, "click", "milk")], 0.0),
        ([deal(0, "purchase", "milk", price=5), deal(1, "return", "milk")], 0.0),
        ([deal(0, "purchase", "milk", price=0), deal(1, "return", "milk")], 0.0),
        ([deal(0, "purchase", "milk", price=5), deal(1, "return", "milk", price=4)], 1.0),
        ([deal(0, "purchase", "milk"), deal(1, "return", "milk", quantity=2)], -1.0),
        ([deal(0, "return", "milk")], -1.0),
        ([deal(0, "return", "milk"), deal(1, "purchase", "milk", price=5)], 4.0),
        (
            [
                deal(0, "purchase", "milk", price=5),
                deal(1, "purchase", "cheese", price=8),
                deal(2, "purchase", "milk", price=6),
                deal(3, "return", "milk"),
                deal(4, "purchase", "milk", price=7),
            ],
            20.0,
        ),
    ],
    ids=itertools.count(),
)
@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_deal_without_a_price_counts_at_its_purchase_s_or_the_catalogue_s(
    log: list[FakeRecord],
    spend: float,
    is_one_batch: bool,  # noqa: FBT001 - a case
) -> None:
    updater = await run(*([log] if is_one_batch else [[each] for each in log]))

    assert spend_of_ann(updater) == spend


async def test_a_purchase_keeps_the_price_that_the_catalogue_had_then() -> None:
    updater = await run([deal(0, "purchase", "milk")])
    mirror = updater.studio.painter.mirror
    mirror.catalogue.put(ITEMS[0].model_copy(update={"price": 9.0}))

    await run([deal(1, "return", "milk"), deal(0, "purchase", "milk")], updater=updater)

    assert spend_of_ann(updater) == 0.0


@given(st.lists(st.integers(0, 12), max_size=4).map(sorted))
async def test_any_batching_of_deals_without_prices_gives_the_same_bytes(cuts: list[int]) -> None:
    done = [("purchase", "milk", 3), ("return", "milk", None), ("purchase", "tuna", None)] * 4
    log = [
        deal(place, type, item, **({} if price is None else {"price": price + place}))
        for place, (type, item, price) in enumerate(done)
    ]
    edges = [0, *cuts, len(log)]

    batches = [log[start:end] for start, end in pairwise(edges)]

    assert records_of(await run(*batches)) == records_of(await run(log))


WHISK: dict[str, object] = {"title": "Bamboo whisk", "category": "Kitchen > Tea tools"}


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_an_item_that_one_event_only_names_has_the_title_of_a_later_one(
    is_one_batch: bool,  # noqa: FBT001 - a case
) -> None:
    said: list[dict[str, object] | None] = [None, {}, {"price": 3}, WHISK, {"price": 5}, None]
    records = [event_record(n, item_id="new-9", item=each) for n, each in enumerate(said)]

    updater = await run(*([records] if is_one_batch else [[each] for each in records]))

    catalogue = updater.studio.painter.mirror.catalogue
    row = catalogue.row(item_ref("new-9"))
    assert catalogue.items[row].title == "Bamboo whisk"
    assert catalogue.rows["text"][row] != MISSING
    assert not catalogue.rows["offered"][row]
    profile = decode_profile(records_of(updater)["ann"])
    assert profile.portrait["interests"]["category"][0] == name_ref("Kitchen > Tea tools")


async def test_a_snapshot_that_is_too_large_is_not_introduced_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    updater, introduced = await memory_updater(), []
    mirror = updater.studio.painter.mirror
    introduce = mirror.introduce

    async def counted(items: Sequence[Item]) -> None:
        introduced.append([item.title for item in items])
        await introduce(items)

    monkeypatch.setattr(mirror, "introduce", counted)
    large = {"title": "x", "attributes": {f"a{n}": "y" * 256 for n in range(20)}}
    records = [event_record(n, item_id="new-9", item=large) for n in range(5)]

    await run(*([each] for each in records), updater=updater)

    assert introduced == [[""]] * 2  # when it is new, and when it is first touched


async def test_an_item_of_which_events_say_nothing_is_not_offered_even_where_they_may() -> None:
    updater = await memory_updater()
    trusting = replace(updater, limits=replace(updater.limits, offer_unknown=True))
    records = [
        event_record(n, type="purchase", user_id=f"u-{n}", item_id="ghost-1", item={})
        for n in range(30)
    ]

    await run(records, [later(each) for each in records], updater=trusting)

    catalogue = updater.studio.painter.mirror.catalogue
    row = catalogue.row(item_ref("ghost-1"))
    assert not catalogue.rows["offered"][row]
    assert catalogue.rows["hidden"][row]
    assert await updater.popularity.newest(1) == {}


async def test_an_item_that_only_events_know_is_offered_where_the_shop_says_so() -> None:
    item = {"title": "Soap", "price": 1}
    known = event_record(item_id="milk", event_id="first")
    records = [
        event_record(0, type="purchase", item_id="soap", item=item),
        event_record(1, type="purchase", item_id="nameless"),
    ]
    updater = await memory_updater()
    trusting = replace(updater, limits=replace(updater.limits, offer_unknown=True))

    await run([known], list(map(later, records)), updater=trusting)

    catalogue = updater.studio.painter.mirror.catalogue
    rows = [catalogue.row(item_ref(id)) for id in ("soap", "nameless")]
    assert catalogue.rows["offered"][rows].tolist() == [True, False]
    assert await updater.popularity.newest(1) == {"soap": 4_000}


async def test_a_flood_of_unknown_items_leaves_bounded_traces_and_rings_that_still_work() -> None:
    updater = await memory_updater()
    mirror = updater.studio.painter.mirror
    store = mirror._store  # noqa: SLF001 - the fake behind it is what is bounded
    assert isinstance(store, MemoryCatalogue)
    store.most_introduced = 10
    flood = [
        event_record(n, item_id=f"scam-{n}", item={"title": f"scam {n}" * 30}) for n in range(100)
    ]

    await run(flood[:50], flood[50:], updater=updater)
    await mirror.catch_up()

    catalogue = mirror.catalogue
    assert len(catalogue.introduced()) == len(store.introduced) == 10
    titles = [item.title for item in catalogue.items if item.id.startswith("scam") and item.title]
    assert len(titles) == 10
    assert all(item.id in store.items for item in ITEMS)
    again = await run([event_record(100, item_id="scam-0")], updater=updater)
    assert decode_profile(records_of(again)["ann"]).head["totals"].sum() == 101
    assert "scam-0" in catalogue.introduced()


async def test_of_an_unknown_item_no_more_than_two_kilobytes_are_remembered() -> None:
    long = {"title": "t" * 1_024, "attributes": {f"a{n}": "v" * 256 for n in range(30)}}
    short = {"title": "t" * 1_024}

    updater = await run(
        [event_record(0, item_id="long", item=long), event_record(1, item_id="short", item=short)]
    )

    catalogue = updater.studio.painter.mirror.catalogue
    known = [catalogue.items[catalogue.row(item_ref(id))] for id in ("long", "short")]
    assert [len(item.title) for item in known] == [0, 1_024]
    assert known[0].attributes == {}


async def test_progress_is_marked_once_the_batch_is_stored() -> None:
    updater = await run([event_record()])

    assert isinstance(updater.progress, MemoryProgress)
    assert list(updater.progress.moments) == [0]


@given(st.lists(st.integers(0, 30), max_size=4).map(sorted), st.integers(0, 30))
async def test_what_was_searched_for_is_kept_however_the_log_comes(
    cuts: list[int], start: int
) -> None:
    log = log_of(30)
    batches = [log[begin:end] for begin, end in pairwise([0, *cuts, len(log)])]

    updater = await run(*batches, log[start:])

    assert isinstance(updater.profiles, MemoryProfiles)
    searched = {user: read_searched(of) for user, of in updater.profiles.searched.items()}
    seekers = {each.key.decode() for each in log if each.topic == "events.search" and each.key}
    assert searched == {user: {search_ref("cat food"): "cat food"} for user in seekers}


async def test_a_search_is_encoded_and_counts() -> None:
    updater = await run([event_record(type="search", text="cat pets", item_id=None)])

    profile = decode_profile(records_of(updater)["ann"])
    assert profile.portrait["interests"]["category"][0] == name_ref("Pets > Cat")


async def test_an_item_that_comes_with_its_event_is_introduced() -> None:
    snapshot = {"title": "goldfish flakes", "category": "Pets > Fish"}

    updater = await run([event_record(item_id="flakes", item=snapshot)])

    (item,) = [i for i in updater.studio.painter.mirror.catalogue.items if i.id == "flakes"]
    profile = decode_profile(records_of(updater)["ann"])
    assert item.title == "goldfish flakes"
    assert profile.portrait["interests"]["category"][0] == name_ref("Pets > Fish")


async def test_a_snapshot_does_not_overwrite_the_catalogue() -> None:
    updater = await run([event_record(item_id="milk", item={"title": "a lie"})])

    assert "a lie" not in {item.title for item in updater.studio.painter.mirror.catalogue.items}


async def test_an_item_that_nobody_described_is_remembered_by_its_id() -> None:
    updater = await run([event_record(item_id="mystery")])

    (item,) = [i for i in updater.studio.painter.mirror.catalogue.items if i.id == "mystery"]
    assert not item.available


async def test_a_burst_of_one_user_is_folded_whole() -> None:
    burst = [event_record(n) for n in range(3 * RING)]

    profile = decode_profile(records_of(await run(burst))["ann"])

    assert profile.head["totals"].sum() == 3 * RING


class Failing(MemoryProfiles):
    """Down for the first so many calls."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left = times

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        self._left -= 1
        if self._left >= 0:
            raise StoreUnavailableError
        return await super().save(writes, keep_ttl=keep_ttl)


class Restarting(MemoryProfiles):
    """Starts again at one of the steps, once, and has lost what it held; so have its offsets."""

    def __init__(self, offsets: MemoryOffsets, step: str) -> None:
        super().__init__()
        self._offsets, self._step = offsets, step

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Own]]:
        self._reach("load")
        return await super().load_living(users)

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        self._reach("save")
        return await super().save(writes, keep_ttl=keep_ttl)

    def _reach(self, step: str) -> None:
        if step == self._step and self.life != "second":
            self.life = self._offsets.life = "second"
            self.records.clear()
            self._offsets.ends.clear()


class Rival(MemoryProfiles):
    """Holds what a faster worker wrote between our load and our save."""

    def __init__(self, faster: Updater) -> None:
        super().__init__()
        self._theirs = records_of(faster)
        self.stepped_in = False

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        if not self.stepped_in:
            self.records = dict(self._theirs)
            self.stepped_in = True
        return await super().save(writes, keep_ttl=keep_ttl)


class SlowStream(ListStream):
    """Takes its time over the first commit."""

    async def commit(self, batch: Batch) -> None:
        await asyncio.sleep(0.05 if 1 in batch.ends.values() else 0)
        await super().commit(batch)


class RefusingOnce(MemoryProfiles):
    """Refuses the first write, as if a rival had been there and gone."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = False

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        if not self.refused:
            self.refused = True
            return list(range(len(writes)))
        return await super().save(writes, keep_ttl=keep_ttl)
