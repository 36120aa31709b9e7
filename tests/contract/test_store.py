"""What every store promises: the same suite on the fakes and on Redis."""

import asyncio
import time
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from redis.asyncio import Redis

from portrait.adapters import redis_popularity
from portrait.adapters.redis_catalogue import Memory, RedisCatalogue
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisOffsets, RedisProgress
from portrait.adapters.redis_store import RedisProfiles
from portrait.catalogue.declared_groups import FEWEST, MOST_GROUPS, MOST_NEW
from portrait.catalogue.popularity import PopularityStore, WantedAmong, diminished
from portrait.catalogue.store import CatalogueStore
from portrait.events.columns import COLUMNS, ERASURE
from portrait.events.consent import Consent, Purpose
from portrait.events.erasure import Stance
from portrait.events.item import IntroducedItem, Item
from portrait.events.progress import LogName, OffsetStore, ProgressStore, StoredOffsets
from portrait.events.unwanted import MOST_UNWANTED, NOTHING, Unwanted, Word, read_unwanted
from portrait.model.space import unit
from portrait.profiles.facts import Facts, fold
from portrait.profiles.layout import blank_portraits
from portrait.profiles.profile import REVISION, encode_profiles
from portrait.profiles.store import Own, ProfileStore, Stored, Write
from portrait.settings import Settings
from tests.support.fakes import (
    MemoryCatalogue,
    MemoryOffsets,
    MemoryPopularity,
    MemoryProfiles,
    MemoryProgress,
)


def record(revision: int, rest: bytes = b"rest") -> bytes:
    return revision.to_bytes(8, "big") + rest


NONE = b""


class ProfileStoreContract:
    """A store never goes back."""

    async def test_what_was_saved_is_loaded_in_the_order_asked(self, store: ProfileStore) -> None:
        refused = await store.save(
            [Write("ann", NONE, record(1)), Write("bob", NONE, record(2, b"\x00\xff"))]
        )

        assert refused == []
        assert await store.load(["bob", "nobody", "ann"]) == [
            record(2, b"\x00\xff"),
            None,
            record(1),
        ]

    async def test_a_write_over_what_was_read_is_taken(self, store: ProfileStore) -> None:
        await store.save([Write("ann", NONE, record(1))])

        assert await store.save([Write("ann", record(1)[:8], record(2))]) == []
        assert await store.load(["ann"]) == [record(2)]

    @pytest.mark.parametrize("damaged", [b"", b"x", bytes(3), b"\xff" * 7, b"garbage and more"])
    async def test_a_write_over_a_damaged_record_is_taken_from_who_read_it(
        self, store: ProfileStore, damaged: bytes
    ) -> None:
        await store.save([Write("ann", NONE, damaged)])

        assert await store.save([Write("ann", damaged[REVISION], record(2))]) == []
        assert await store.save([Write("ann", damaged[REVISION], record(1))]) == [0]
        assert await store.load(["ann"]) == [record(2)]

    async def test_a_write_over_something_newer_is_refused(self, store: ProfileStore) -> None:
        await store.save([Write("ann", NONE, record(5))])

        refused = await store.save(
            [
                Write("bob", NONE, record(1)),
                Write("ann", record(4)[:8], record(6)),
                Write("ann", NONE, record(7)),
            ]
        )

        assert refused == [1, 2]
        assert await store.load(["ann", "bob"]) == [record(5), record(1)]

    async def test_an_update_of_nobody_is_refused(self, store: ProfileStore) -> None:
        assert await store.save([Write("ann", record(3)[:8], record(4))]) == [0]

    async def test_those_who_load_one_each_at_the_same_time_get_their_own(
        self, store: ProfileStore
    ) -> None:
        await store.save([Write("ann", NONE, record(1)), Write("bob", NONE, record(2))])

        loaded = await asyncio.gather(*(store.load([user]) for user in ("bob", "nobody", "ann")))

        assert loaded == [[record(2)], [None], [record(1)]]
        whole = await asyncio.gather(*(store.load_whole([user]) for user in ("bob", "eve", "ann")))
        assert whole == [[Stored(each, None)] for each in (record(2), None, record(1))]

    async def test_more_than_one_command_can_carry(self, store: ProfileStore) -> None:
        users = [f"user {n} {{}}" for n in range(1_203)]

        await store.save([Write(user, NONE, record(1)) for user in users[::2]])
        refused = await store.save([Write(user, NONE, record(2)) for user in users])

        assert refused == list(range(0, 1_203, 2))
        loaded = await store.load(users)
        assert loaded == [record(1 + place % 2) for place in range(1_203)]

    async def test_what_was_searched_for_is_kept_beside_the_record_until_it_changes(
        self, store: ProfileStore
    ) -> None:
        await store.save([Write("ann", NONE, record(1), b"words"), Write("bob", NONE, record(1))])
        assert await store.load_whole(["bob", "ann", "eve"]) == [
            Stored(record(1), None),
            Stored(record(1), b"words"),
            Stored(None, None),
        ]

        await store.save([Write("ann", record(1)[:8], record(2))])
        assert await store.load_whole(["ann"]) == [Stored(record(2), b"words")]
        await store.save([Write("ann", record(2)[:8], record(3), b"\x00\xff" * 3_360)])
        assert await store.load_whole(["ann"]) == [Stored(record(3), b"\x00\xff" * 3_360)]
        assert await store.load(["ann"]) == [record(3)]

    async def test_what_was_searched_for_goes_with_an_empty_write(
        self, store: ProfileStore
    ) -> None:
        await store.save([Write("ann", NONE, record(1), b"words")])

        await store.save([Write("ann", record(1)[:8], record(2), b"")])

        assert (await store.load_living(["ann"]))[1] == [Own(record(2), None)]

    async def test_a_refused_write_leaves_what_was_searched_for(self, store: ProfileStore) -> None:
        await store.save([Write("ann", NONE, record(2), b"words")])

        assert await store.save([Write("ann", NONE, record(3), b"others")]) == [0]
        assert await store.save([Write("ann", NONE, record(3), b"")]) == [0]
        assert await store.load_whole(["ann"]) == [Stored(record(2), b"words")]

    async def test_of_what_users_let_be_done_the_last_statement_stays(
        self, store: ProfileStore
    ) -> None:
        first, last = Consent(5, frozenset(Purpose)), Consent(6, frozenset({Purpose.TRAINING}))
        await store.save([Write("ann", NONE, record(1), b"words")])

        await store.agree({"ann": last, "bob": first})
        await store.agree({"ann": first, "bob": first})

        assert await store.load_whole(["bob", "ann", "eve"]) == [
            Stored(None, None, str(first.number).encode()),
            Stored(record(1), b"words", str(last.number).encode()),
            Stored(None, None),
        ]
        assert (await store.load_living(["ann"]))[1][0].consent == str(last.number).encode()

    async def test_what_is_unwanted_is_joined_in_any_order_as_it_is_in_memory(
        self, store: ProfileStore
    ) -> None:
        drawn = Random(5)  # noqa: S311 - a test
        said = [
            Unwanted(
                {
                    f'brand:"{drawn.randrange(150)} 茶/\\': Word(
                        drawn.randrange(1, 500), drawn.choice([0, 9, 1_790_000_000_123])
                    )
                    for _ in range(drawn.randrange(9))
                },
                drawn.choice([0, 0, 20]),
            )
            for _ in range(120)
        ]
        whole = NOTHING
        for each in said:
            whole = whole.joined(each)

        for each in [*said, *said[:5]]:
            await store.refuse({"ann": each, "bob": Unwanted(erased=3)})

        ann, bob = await store.load_whole(["ann", "bob"])
        assert read_unwanted(ann.unwanted) == whole
        assert len(whole.said) == MOST_UNWANTED
        assert read_unwanted(bob.unwanted) == Unwanted(erased=3)
        assert (ann.record, ann.searched, ann.consent) == (None, None, None)

    async def test_everybody_is_found(self, store: ProfileStore) -> None:
        users = [f"user {{{n}}}" for n in range(1_500)]
        await store.save([Write(user, b"", record(1), b"words") for user in users])

        found = [user async for some in store.scan() for user in some]

        assert sorted(set(found)) == sorted(users)

    async def test_nothing_is_no_trouble(self, store: ProfileStore) -> None:
        assert await store.load([]) == []
        assert await store.save([]) == []


class TestMemoryProfiles(ProfileStoreContract):
    @pytest.fixture
    def store(self) -> ProfileStore:
        return MemoryProfiles()


class TestRedisProfiles(ProfileStoreContract):
    @pytest.fixture
    def store(self, redis: Redis) -> ProfileStore:
        return RedisProfiles(redis, timedelta(days=1))

    async def test_profiles_expire(self, store: ProfileStore, redis: Redis) -> None:
        await store.save([Write("ann", NONE, record(1))])

        assert 86_000 < await redis.ttl("profile:{ann}") <= 86_400

    async def test_who_is_suppressed_is_for_as_long_as_it_takes(
        self, store: ProfileStore, redis: Redis
    ) -> None:
        facts = Facts.empty(2)
        until = 1_790_000_000_000
        for user, stance in enumerate((Stance.SUPPRESSED, Stance.NEW)):
            row = (0, until, 0, 0.0, int(stance), 0, 0)
            said = (user, ERASURE, 0, 0, 0, until, until, row, 0, False)
            fold(facts, np.array([said], COLUMNS))
        suppressed, erased = encode_profiles(facts, blank_portraits(2, 8))

        await store.save([Write("ann", NONE, suppressed), Write("bob", NONE, erased)])

        assert await redis.ttl("profile:{ann}") == -1
        assert await redis.ttl("profile:{bob}") > 0

    async def test_a_repainted_profile_lives_no_longer_than_before(
        self, store: ProfileStore, redis: Redis
    ) -> None:
        await store.save([Write("ann", b"", record(1))])
        await redis.expire("profile:{ann}", 100)

        await store.save([Write("ann", record(1)[REVISION], record(1))], keep_ttl=True)

        assert await redis.ttl("profile:{ann}") <= 100

    async def test_what_was_searched_for_lives_as_long_as_the_record(
        self, store: ProfileStore, redis: Redis
    ) -> None:
        words, profile = "searched:{ann}", "profile:{ann}"
        await store.save([Write("ann", NONE, record(1), b"words")])
        assert await redis.ttl(words) == await redis.ttl(profile) > 86_000

        await redis.expire(words, 100)
        await redis.expire(profile, 100)
        await store.save([Write("ann", record(1)[:8], record(1))], keep_ttl=True)
        assert await redis.ttl(words) <= 100
        await store.save([Write("ann", record(1)[:8], record(1), b"more")], keep_ttl=True)
        assert await redis.ttl(words) <= 100

        await store.save([Write("ann", record(1)[:8], record(2))])
        assert await redis.ttl(words) == await redis.ttl(profile) > 86_000

    async def test_no_string_is_no_searches_and_is_replaced(
        self, store: ProfileStore, redis: Redis
    ) -> None:
        for place, words in enumerate((b"words", b"")):
            await redis.delete("searched:{ann}")
            await redis.rpush("searched:{ann}", "garbage")
            assert (await store.load_whole(["ann"]))[0].searched is None
            before = (await store.load(["ann"]))[0] or b""

            await store.save([Write("ann", before[:8], record(place + 1), words)])

            assert (await redis.get("searched:{ann}") or b"") == words

    async def test_redis_may_forget_the_script(self, store: ProfileStore, redis: Redis) -> None:
        await store.save([Write("ann", NONE, record(1))])
        await redis.script_flush()

        assert await store.save([Write("ann", record(1)[:8], record(2))]) == []


MILK = Item(id="milk", title="Milk", category="A > B", price=2.5, attributes={"size": "1 l"})
TUNA = Item(id="tuna", title="Tuna")


class CatalogueStoreContract:
    """Items, vectors, and a log of changes."""

    async def test_items_come_back_as_they_went(self, store: CatalogueStore) -> None:
        await store.put_items([MILK, TUNA])

        assert await store.get_items(["tuna", "none", "milk"]) == [TUNA, None, MILK]
        assert sorted(await store.all_ids()) == ["milk", "tuna"]
        assert await store.get_items([]) == []

    async def test_who_follows_hears_of_items_that_changed_nothing(
        self, store: CatalogueStore
    ) -> None:
        await store.put_items([MILK])
        await store.introduce_items([TUNA])
        cursor = await store.cursor()

        await store.announce(["tuna", "milk"])
        await store.announce([])

        changes = await store.changed_since(cursor)
        assert changes is not None
        assert changes[1] == ["tuna", "milk"]
        assert await store.get_items(["milk", "tuna"]) == [MILK, introduced(TUNA)]

    async def test_what_is_read_of_an_item_lies_beside_it_until_it_has_a_category(
        self, store: CatalogueStore
    ) -> None:
        bare = Item(id="bare", title="green tea").with_read("what nobody read")
        heard = Item(id="heard", title="black tea")
        await store.put_items([bare, MILK])
        await store.introduce_items([heard])
        cursor = await store.cursor()

        await store.put_places({"bare": "Food > Tea", "heard": "Food", "milk": "Pets", "no": "A"})

        changes = await store.changed_since(cursor)
        assert changes is not None
        assert changes[1] == ["bare", "heard", "milk", "no"]
        found = await store.get_items(["bare", "milk", "heard", "no"])
        assert [None if item is None else item.category_read for item in found] == [
            "Food > Tea",
            "",
            "Food",
            None,
        ]
        assert found[1] == MILK
        await store.put_items([bare])  # as it was told again
        await store.put_places({"heard": ""})
        again = await store.get_items(["bare", "heard"])
        assert [item and item.category_read for item in again] == ["Food > Tea", ""]
        await store.put_items([bare.model_copy(update={"category": "House"})])
        (told,) = await store.get_items(["bare"])
        assert told is not None
        assert (told.category_read, told.lies_in) == ("", "House")

    async def test_a_brand_that_is_read_lies_beside_the_item_until_it_has_one(
        self, store: CatalogueStore
    ) -> None:
        bare = Item(id="bare", title="green tea").with_read("", "what nobody read")
        heard, milk = Item(id="heard", title="black tea"), MILK.model_copy(update={"brand": "Farm"})
        await store.put_items([bare, milk])
        await store.introduce_items([heard])
        await store.put_places({"bare": "Food > Tea"})
        cursor = await store.cursor()

        await store.put_brands({"bare": "Leaf", "heard": "Pot", "milk": "Cow", "no": "A"})

        changes = await store.changed_since(cursor)
        assert changes is not None
        assert changes[1] == ["bare", "heard", "milk", "no"]
        found = await store.get_items(["bare", "milk", "heard", "no"])
        read = [None if item is None else item.brand_read for item in found]
        assert read == ["Leaf", "", "Pot", None]
        assert found[1] == milk
        await store.put_items([bare])  # as it was told again
        await store.put_brands({"heard": ""})
        again = await store.get_items(["bare", "heard"])
        assert [item and item.brand_read for item in again] == ["Leaf", ""]
        assert [item and item.category_read for item in again] == ["Food > Tea", ""]
        await store.put_items([bare.model_copy(update={"brand": "Pot"})])
        (told,) = await store.get_items(["bare"])
        assert told is not None
        assert (told.brand_read, told.made_by) == ("", "Pot")

    async def test_what_names_of_brands_say_has_a_version_that_goes_by_its_content(
        self, store: CatalogueStore
    ) -> None:
        assert await store.known_brands("") is None

        await store.know_brands({"leaf": "Leaf", "b c": "", "华 为": "华为"})
        first = await store.known_brands("")
        assert first is not None
        assert first[1] == {"leaf": "Leaf", "b c": "", "华 为": "华为"}
        assert await store.known_brands(first[0]) is None

        await store.know_brands({"华 为": "华为", "b c": "", "leaf": "Leaf"})
        assert await store.known_brands(first[0]) is None

        await store.know_brands({})
        second = await store.known_brands(first[0])
        assert second is not None
        assert second[1] == {}

    async def test_a_category_is_spelled_as_it_was_first_written(
        self, store: CatalogueStore
    ) -> None:
        written = "Grocery > Tea", "Grocery>Tea", "grocery/tea/Green ", "electronics.phone", " ", ""
        items = [Item(id=f"item-{n}", category=each) for n, each in enumerate(written)]

        first = await store.spelled(items[:1], keep=True)
        spelled = await store.spelled(items, keep=True)
        again = [Item(id="item", category="GROCERY > TEA > green"), Item(id="a", category="Ab")]

        assert first == items[:1]
        assert [item.category for item in spelled] == [
            "Grocery > Tea",
            "Grocery > Tea",
            "Grocery > Tea > Green",
            "electronics.phone",
            " ",
            "",
        ]
        assert [item.category for item in await store.spelled(again, keep=False)] == [
            "Grocery > Tea > Green",
            "Ab",
        ]
        assert await store.spelled([], keep=True) == []

    async def test_what_events_say_is_nobody_s_spelling(self, store: CatalogueStore) -> None:
        scam, real = Item(id="scam", category="gROCERY > tEA"), Item(id="a", category="Grocery>Tea")

        assert await store.spelled([scam], keep=False) == [scam]
        assert await store.spelled([real, scam], keep=True) == [
            real,
            scam.model_copy(update={"category": "Grocery>Tea"}),
        ]

    async def test_the_catalogue_takes_over_an_introduced_item(self, store: CatalogueStore) -> None:
        await store.introduce_items([TUNA])

        await store.put_items([TUNA])
        await store.introduce_items([TUNA.model_copy(update={"title": "no more"})])

        assert await store.get_items(["tuna"]) == [TUNA]
        assert await store.all_ids() == ["tuna"]

    async def test_of_an_introduced_item_what_says_most_is_kept_and_of_equals_the_later(
        self, store: CatalogueStore
    ) -> None:
        nameless = Item(id="tuna", category="Pets", brand="Purr", price=2, group_id="t")
        another = TUNA.model_copy(update={"title": "Tuna 1 kg"})
        better = another.model_copy(update={"price": 0.0})
        poorer = [TUNA, nameless, Item(id="tuna"), Item(id="tuna", available=False, withdrawn=True)]
        kept: list[Item | None] = []
        announced: list[list[str]] = []
        await store.put_items([MILK])  # a log that was never written to is as good as cut

        for item in (Item(id="tuna"), nameless, TUNA, TUNA, another, better, *poorer):
            cursor = await store.cursor()
            await store.introduce_items([item])
            kept += await store.get_items(["tuna"])
            announced.append((await store.changed_since(cursor) or ("", ["cut"]))[1])

        first, second = [Item(id="tuna"), nameless, TUNA, TUNA], [another, *[better] * 5]
        assert kept == [introduced(each) for each in (*first, *second)]
        assert announced == [["tuna"]] * 3 + [[]] + [["tuna"]] * 2 + [[]] * 4

    async def test_introduced_items_do_not_overwrite_the_catalogue(
        self, store: CatalogueStore
    ) -> None:
        await store.put_items([MILK])
        cursor = await store.cursor()

        await store.introduce_items([TUNA.model_copy(update={"id": "milk"}), TUNA])

        assert await store.get_items(["milk", "tuna"]) == [MILK, introduced(TUNA)]
        assert sorted(await store.all_ids()) == ["milk", "tuna"]
        changes = await store.changed_since(cursor)
        assert changes is not None
        assert changes[1] == ["tuna"]

    async def test_items_are_counted_and_drawn_without_introduced_ones(
        self, store: CatalogueStore
    ) -> None:
        items = [Item(id=f"item-{n}", title="milk") for n in range(20)]
        await store.put_items(items)
        await store.put_items(items[:1])
        await store.withdraw_items(["item-2"])
        await store.introduce_items([Item(id="seen")])

        assert await store.count() == 20
        assert sorted(await store.sample(30)) == sorted(item.id for item in items)
        few = await store.sample(5)
        assert len({*few}) == len(few) == 5

    async def test_of_an_empty_catalogue_nothing_is_drawn(self, store: CatalogueStore) -> None:
        assert await store.count() == 0
        assert await store.sample(5) == []

    async def test_a_withdrawn_item_is_remembered_as_such(self, store: CatalogueStore) -> None:
        await store.put_items([MILK])

        await store.withdraw_items(["milk", "unknown"])

        withdrawn = MILK.model_copy(update={"withdrawn": True})
        assert await store.get_items(["milk", "unknown"]) == [withdrawn, None]

    async def test_changes_are_read_once_in_order(self, store: CatalogueStore) -> None:
        await store.put_items([TUNA])
        cursor = await store.cursor()
        await store.put_items([MILK])
        await store.withdraw_items(["tuna"])

        changes = await store.changed_since(cursor)

        assert changes is not None
        later, ids = changes
        assert ids == ["milk", "tuna"]
        assert await store.changed_since(later) == (later, [])

    async def test_vectors_come_back_as_half_floats(self, store: CatalogueStore) -> None:
        vectors = unit(np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32))

        await store.put_vectors("s", [1, 2**64 - 1], vectors)

        last, none, first = await store.get_vectors("s", [2**64 - 1, 5, 1], 8)
        assert none is None
        assert first is not None
        assert last is not None
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first, vectors[0].astype(np.float16))
        np.testing.assert_array_equal(last, vectors[1].astype(np.float16))

    async def test_a_space_can_be_forgotten_and_no_other(self, store: CatalogueStore) -> None:
        for space in ("one", "two"):
            await store.put_vectors(space, [7], np.ones((1, 4), np.float32))

        await store.forget_vectors("one")

        assert await store.get_vectors("one", [7], 4) == [None]
        assert (await store.get_vectors("two", [7], 4))[0] is not None

    async def test_spaces_do_not_mix(self, store: CatalogueStore) -> None:
        await store.put_vectors("one", [1], np.ones((1, 4), np.float32))

        assert await store.get_vectors("other", [1], 4) == [None]

    async def test_a_passing_text_does_not_replace_a_lasting_one(
        self, store: CatalogueStore
    ) -> None:
        await store.put_vectors("s", [1], np.ones((1, 4), np.float32))

        await store.put_vectors("s", [1], np.zeros((1, 4), np.float32), ttl=timedelta(days=1))

        (vector,) = await store.get_vectors("s", [1], 4)
        assert vector is not None
        assert vector.all()

    @pytest.mark.parametrize("ttl", [None, timedelta(days=1)])
    async def test_a_vector_of_another_length_is_not_there_and_is_replaced(
        self, store: CatalogueStore, ttl: timedelta | None
    ) -> None:
        await store.put_vectors("s", [1], np.zeros((1, 3), np.float32))
        assert await store.get_vectors("s", [1], 4) == [None]

        await store.put_vectors("s", [1], np.ones((1, 4), np.float32), ttl=ttl)

        (vector,) = await store.get_vectors("s", [1], 4)
        assert vector is not None
        assert vector.all()


def introduced(item: Item) -> IntroducedItem:
    return IntroducedItem(**item.model_dump())


def named(id: str) -> Item:
    return Item(id=id, title=f"A {id}")


class FewIntroduced:
    """Of a store that remembers two introduced items."""

    async def test_a_flood_of_unknown_items_evicts_the_longest_untouched_of_them_alone(
        self, store: CatalogueStore
    ) -> None:
        await store.put_items([MILK])
        for id in ("one", "two", "one"):
            await store.introduce_items([named(id)])
            await asyncio.sleep(0.002)
        cursor = await store.cursor()

        await store.introduce_items([named("three")])

        known = await store.get_items(["milk", "one", "two", "three"])
        assert [item is None for item in known] == [False, False, True, False]
        changes = await store.changed_since(cursor)
        assert changes is not None
        assert sorted(changes[1]) == ["three", "two"]

    async def test_however_many_items_are_made_up_no_more_are_remembered(
        self, store: CatalogueStore
    ) -> None:
        await store.put_items([MILK])

        for start in range(0, 3_000, 300):
            await store.introduce_items([named(f"scam-{start + n}") for n in range(300)])

        assert len(await store.all_ids()) == 1 + 2
        assert (await store.get_items(["milk"])) == [MILK]


class TestMemoryCatalogueOfFew(FewIntroduced):
    @pytest.fixture
    def store(self) -> CatalogueStore:
        store = MemoryCatalogue()
        store.most_introduced = 2
        return store


class TestRedisCatalogueOfFew(FewIntroduced):
    @pytest.fixture
    def store(self, redis: Redis) -> CatalogueStore:
        return RedisCatalogue(redis, Memory(most=2))

    async def test_ten_thousand_are_remembered_if_nobody_says_otherwise(self, redis: Redis) -> None:
        store = RedisCatalogue(redis)
        await store.put_items([MILK])

        for start in range(0, 11_000, 500):
            await store.introduce_items([named(f"scam-{start + n}") for n in range(500)])

        assert len(await store.all_ids()) == 1 + Settings().unknown_items == 10_001
        assert await store.get_items(["milk", "scam-0"]) == [MILK, None]

    async def test_what_nobody_speaks_of_any_more_is_forgotten(self, redis: Redis) -> None:
        store = RedisCatalogue(redis, Memory(ttl=timedelta(milliseconds=20)))
        await store.put_items([MILK])
        await store.introduce_items([TUNA])
        await store.put_places({"tuna": "Food"})
        await store.put_brands({"tuna": "Sea"})
        await asyncio.sleep(0.05)

        await store.introduce_items([])

        assert await store.all_ids() == ["milk"]
        assert await redis.exists("items:read", "items:brands-read") == 0
        assert await redis.zcard("items:introduced:at") == 0


class TestMemoryCatalogue(CatalogueStoreContract):
    @pytest.fixture
    def store(self) -> CatalogueStore:
        return MemoryCatalogue()

    async def test_a_log_that_was_cut_says_so(self) -> None:
        store = MemoryCatalogue()
        await store.put_items([MILK])
        cursor = await store.cursor()
        await store.put_items([TUNA])
        store.cut_log()

        assert await store.changed_since(cursor) is None


class TestRedisCatalogue(CatalogueStoreContract):
    @pytest.fixture
    def store(self, redis: Redis) -> CatalogueStore:
        return RedisCatalogue(redis)

    async def test_a_log_that_was_cut_says_so(self, store: CatalogueStore, redis: Redis) -> None:
        await store.put_items([MILK])
        cursor = await store.cursor()
        await store.put_items([TUNA, MILK])
        await redis.xtrim("items:changes", maxlen=1, approximate=False)

        assert await store.changed_since(cursor) is None

    async def test_a_log_that_was_emptied_says_so_though_its_new_clock_is_behind(
        self, store: CatalogueStore, redis: Redis
    ) -> None:
        await store.put_items([MILK])
        cursor = await store.cursor()
        await redis.flushall()

        assert await store.changed_since(cursor) is None
        await redis.xadd("items:changes", {"id": TUNA.id}, id="1-1")
        assert await store.changed_since(cursor) is None
        assert await store.changed_since(await store.cursor()) == ("1-1", [])

    async def test_the_first_changes_of_all_are_not_missed(self, store: CatalogueStore) -> None:
        cursor = await store.cursor()
        await store.put_items([MILK])

        assert await store.changed_since(cursor) is None  # so the mirror loads everything

    async def test_what_was_remembered_before_it_was_said_how_much_gives_way_to_the_next(
        self, store: CatalogueStore, redis: Redis
    ) -> None:
        for former in (TUNA.model_dump_json(), "[]", "garbage"):
            await redis.hset("items:introduced", "tuna", former)

            await store.introduce_items([Item(id="tuna", title="new")])

            assert await store.get_items(["tuna"]) == [introduced(Item(id="tuna", title="new"))]

    async def test_a_catalogue_from_before_gives_the_spellings_that_are_commonest(
        self, store: CatalogueStore
    ) -> None:
        ways = "grocery/tea", "GROCERY > TEA", "GROCERY > TEA"
        await store.put_items([Item(id=f"{n}", category=way) for n, way in enumerate(ways)])
        await store.introduce_items([Item(id=f"i-{n}", category="Grocery|Tea") for n in range(9)])
        new = Item(id="new", title="new", category="Grocery > Tea")

        (spelled,) = await store.spelled([new], keep=True)

        assert spelled == new.model_copy(update={"category": "GROCERY > TEA"})

    async def test_beyond_a_bound_no_spelling_is_kept(
        self, store: CatalogueStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portrait.adapters.redis_catalogue.MOST_CATEGORIES", 2)

        await store.spelled([Item(id=f"{n}", category=f"C{n}") for n in range(3)], keep=True)

        assert sorted(await redis.hkeys("items:categories")) == [b"c0", b"c1"]
        late = Item(id="late", category="c2")
        assert await store.spelled([late], keep=True) == [late]

    async def test_who_was_slower_takes_the_spelling_of_the_faster(
        self, store: CatalogueStore, redis: Redis
    ) -> None:
        """Between the look and the writing another process has kept its own."""
        assert isinstance(store, RedisCatalogue)
        await redis.hset("items:categories", "tea", "TEA")

        assert await store._kept({"tea": "Tea", "tea > green": "Tea > Green"}) == {  # noqa: SLF001
            "tea": "TEA",
            "tea > green": "Tea > Green",
        }

    async def test_a_text_that_becomes_an_items_no_longer_expires(
        self, store: CatalogueStore, redis: Redis
    ) -> None:
        await store.put_vectors("s", [1], np.ones((1, 4), np.float32), ttl=timedelta(days=1))
        assert await redis.ttl("text:s:0000000000000001") > 0

        await store.put_vectors("s", [1], np.ones((1, 4), np.float32))

        assert await redis.ttl("text:s:0000000000000001") == -1

    async def test_an_item_that_cannot_be_read_is_none(
        self, store: CatalogueStore, redis: Redis
    ) -> None:
        await redis.hset("items", "odd", b"{")

        assert await store.get_items(["odd"]) == [None]


MANY = [f"user-{place}" for place in range(60)]


class PopularityStoreContract:
    """How much each item is wanted, lately."""

    async def test_weights_add_up_over_the_newest_days(self, store: PopularityStore) -> None:
        await store.add(100, {"milk": 500})
        await store.add(102, {"milk": 1_000, "tuna": 4_000})
        await store.add(102, {"milk": 1})

        assert await store.newest(1) == {"milk": 1_001, "tuna": 4_000}
        assert await store.newest(2) == {"milk": 1_501, "tuna": 4_000}

    async def test_of_very_many_items_every_weight_counts_once(
        self, store: PopularityStore
    ) -> None:
        many = {f"item-{place}": 1_000 + place for place in range(5_000)}
        await store.add(1, many)
        await store.add(2, many)

        assert await store.newest(2) == {id: 2 * weight for id, weight in many.items()}

    async def test_nothing_is_popular_at_first(self, store: PopularityStore) -> None:
        assert await store.newest(7) == {}

    async def test_many_strangers_count_less_than_as_many_regulars(
        self, store: PopularityStore
    ) -> None:
        await store.add(100, {"milk": 40_000}, {"milk": 1_000})
        await store.add(101, {}, {"tuna": 1_000_000})
        await store.add(102, {}, {"tuna": 1_000_000, "beef": 100})

        found = await store.newest(3)

        assert found == {"milk": 40_970, "tuna": 77_381, "beef": 100}

    async def test_a_day_that_has_not_come_takes_no_real_day_s_place(
        self, store: PopularityStore
    ) -> None:
        today = int(time.time() // 86_400)
        await store.add(today, {"milk": 500})

        for ahead in range(2, 40):
            await store.add(today + ahead, {"scam": 9_000}, {"scam": 9_000})

        await store.add(today - 1, {"milk": 500})
        assert await store.newest(28) == {"milk": 1_000}

    async def test_groups_of_enough_people_have_their_own_weights(
        self, store: PopularityStore
    ) -> None:
        await store.add_among(
            {
                ("north", 100): WantedAmong({"milk": 500}, {}, MANY[:19]),
                ("south", 100): WantedAmong({"tuna": 700}, {}, MANY),
            }
        )
        before = await store.among()
        await store.add_among({("north", 101): WantedAmong({"milk": 20}, {"milk": 9}, MANY)})

        assert before == {"south": {"tuna": 700}}
        assert await store.among() == {"north": {"milk": 529}, "south": {"tuna": 700}}
        assert await store.newest(28) == {}

    async def test_one_person_is_one_however_often_they_come(self, store: PopularityStore) -> None:
        for week in range(FEWEST + 5):
            await store.add_among({("north", week): WantedAmong({"milk": 500}, {}, ["ann"])})

        assert await store.among() == {}

    async def test_those_of_weeks_that_are_over_do_not_count(self, store: PopularityStore) -> None:
        """Else what one person wants now would be told as what twenty want."""
        await store.add_among({("north", 100): WantedAmong({"milk": 500}, {}, MANY)})
        assert await store.among() == {"north": {"milk": 500}}

        for week in range(101, 105):
            await store.add_among({("north", week): WantedAmong({"secret": 4}, {}, ["ann"])})

        assert await store.among() == {}

    async def test_only_so_many_groups_are_told_of(self, store: PopularityStore) -> None:
        for place in range(MOST_GROUPS + 3):
            await store.add_among({(f"group {place}", 100): WantedAmong({"milk": 1}, {}, MANY)})

        found = await store.among()

        assert set(found) == {f"group {place}" for place in range(MOST_GROUPS)}

    async def test_a_thousand_made_up_groups_keep_no_real_one_out(
        self, store: PopularityStore
    ) -> None:
        for place in range(0, MOST_NEW + 50, 50):
            await store.add_among(
                {
                    (f"junk {number}", 100): WantedAmong({"milk": 1}, {}, ["mallory"])
                    for number in range(place, place + 50)
                }
            )
        await store.add_among({("north", 100): WantedAmong({"milk": 500}, {}, MANY)})

        assert await store.among() == {"north": {"milk": 500}}


class TestMemoryPopularity(PopularityStoreContract):
    @pytest.fixture
    def store(self) -> PopularityStore:
        return MemoryPopularity()


class TestRedisPopularity(PopularityStoreContract):
    @pytest.fixture
    def store(self, redis: Redis) -> PopularityStore:
        return RedisPopularity(redis)

    async def test_old_days_are_forgotten(self, store: PopularityStore, redis: Redis) -> None:
        for day in range(40):
            await store.add(day, {"milk": 1}, {"tuna": 1})

        await store.add(3, {"late": 1})
        assert await redis.zcard("{popular}:days") == 28
        assert await store.newest(100) == {"milk": 28, "tuna": 28}
        assert len(await redis.keys("{popular}:*")) == 1 + 2 * 28
        assert not await redis.exists("{popular}:0")

    @pytest.mark.parametrize("day", [1, 2, 3])
    @pytest.mark.parametrize("is_strange", [False, True])
    async def test_what_nobody_added_to_is_not_read_again_and_all_else_is(
        self,
        store: PopularityStore,
        redis: Redis,
        day: int,
        is_strange: bool,  # noqa: FBT001 - cases
    ) -> None:
        writer = RedisPopularity(redis)
        for each in (1, 2, 3):
            await writer.add(each, {"milk": 1_000}, {"tuna": 1_000})
        before = await store.newest(28)
        assert await store.newest(28) is before
        assert before == await RedisPopularity(redis).newest(28)

        await writer.add(day, *([{}, {"milk": 500}] if is_strange else [{"milk": 500}]))

        after = await store.newest(28)
        assert after["milk"] == before["milk"] + (diminished(500) if is_strange else 500)
        assert after == await RedisPopularity(redis).newest(28)
        assert await store.newest(2) == await RedisPopularity(redis).newest(2)

    async def test_what_nobody_speaks_of_makes_room_and_leaves_nothing(
        self, store: PopularityStore, redis: Redis
    ) -> None:
        wanted = WantedAmong({"milk": 1}, {"a": 1}, MANY)
        await store.add_among({(f"group {at}", 100): wanted for at in range(MOST_GROUPS)})
        of_groups = [key async for key in redis.scan_iter("{popular}:of:*")]
        assert of_groups
        for key in of_groups:
            assert 0 < await redis.ttl(key) <= 28 * 86_400

        await redis.zadd("{popular}:groups", {"group 7": time.time() - 2 * 86_400})
        await store.add_among({("new", 100): wanted})

        found = await store.among()
        assert "new" in found
        assert "group 7" not in found

    async def test_of_small_groups_the_newest_thousand_are_remembered(
        self, store: PopularityStore, redis: Redis
    ) -> None:
        wanted = WantedAmong({"milk": 1}, {"a": 1}, ["ann"])
        await store.add_among({(f"junk {number}", 100): wanted for number in range(MOST_NEW + 9)})

        assert await redis.zcard("{popular}:groups:new") == MOST_NEW
        assert len([key async for key in redis.scan_iter("{popular}:of:*")]) == 4 * MOST_NEW

    @pytest.mark.parametrize("name", [":100:people", ":100", ":days"])
    async def test_a_damaged_key_of_a_group_is_replaced(
        self, store: PopularityStore, redis: Redis, name: str
    ) -> None:
        wanted = WantedAmong({"milk": 1}, {}, MANY)
        await store.add_among({("north", 100): wanted})
        key = f"{{popular}}:of:north{name}"
        await redis.delete(key)
        await redis.lpush(key, "damaged")

        await store.add_among({("north", 100): wanted})
        await store.add_among({("north", 100): wanted})

        assert set(await store.among()) <= {"north"}
        assert await redis.type(key) != b"list"

    async def test_a_sketch_with_too_many_bytes_is_read(
        self, store: PopularityStore, redis: Redis
    ) -> None:
        await store.add_among({("north", 100): WantedAmong({"milk": 1}, {}, ["ann"])})
        await redis.set("{popular}:of:north:100:people", b"\0" * 8 + b"\xff" * 90)

        await store.add_among({("north", 100): WantedAmong({"milk": 1}, {}, ["ann"])})

        assert await store.among() == {}

    async def test_days_that_an_older_program_wrote_are_read_again(
        self, store: PopularityStore, redis: Redis
    ) -> None:
        await store.add(2, {"milk": 1_000})
        await redis.hdel("{popular}:2", "")
        assert await store.newest(1) == {"milk": 1_000}

        await redis.hincrby("{popular}:2", "milk", 7)

        assert await store.newest(1) == {"milk": 1_007}

    async def test_what_an_older_program_adds_to_a_stamped_day_is_read_within_the_hour(
        self, store: PopularityStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await store.add(2, {"milk": 1_000})
        await store.newest(1)
        await redis.hincrby("{popular}:2", "milk", 7)
        assert await store.newest(1) == {"milk": 1_000}

        monkeypatch.setattr(redis_popularity, "ANEW_SECONDS", -1.0)

        assert await store.newest(1) == {"milk": 1_007}

    async def test_a_redis_that_begins_anew_is_read_anew(
        self, store: PopularityStore, redis: Redis
    ) -> None:
        await store.add(2, {"milk": 1_000})
        assert await store.newest(1) == {"milk": 1_000}

        await redis.flushall()
        assert await store.newest(1) == {}
        await store.add(2, {"milk": 900})
        assert await store.newest(1) == {"milk": 900}


class ProgressStoreContract:
    """How far each partition has been folded."""

    async def test_the_moments_marked_are_returned(self, store: ProgressStore) -> None:
        await store.mark({0: 5, 3: 7})
        await store.mark({3: 9})
        await store.mark({})

        assert await store.reached() == {0: 5, 3: 9}


class TestMemoryProgress(ProgressStoreContract):
    @pytest.fixture
    def store(self) -> ProgressStore:
        return MemoryProgress()


class TestRedisProgress(ProgressStoreContract):
    @pytest.fixture
    def store(self, redis: Redis) -> ProgressStore:
        return RedisProgress(redis)


class OffsetStoreContract:
    """Up to where the log is in the store."""

    async def test_at_first_nothing_is_stored(self, store: OffsetStore) -> None:
        assert (await store.load("group")).ends == {}

    async def test_offsets_move_forward_and_never_back(self, store: OffsetStore) -> None:
        life = (await store.load("group")).life

        for end in (5, 9, 7):
            assert await store.save("group", StoredOffsets(life, {("a.b", 0): end, ("c", 11): 1}))

        assert (await store.load("group")).ends == {("a.b", 0): 9, ("c", 11): 1}

    async def test_any_offset_of_a_later_log_is_forward(self, store: OffsetStore) -> None:
        life = (await store.load("group")).life
        first, second = LogName(0, "0a"), LogName(1, "0b")

        for log, end in ((first, 9), (second, 0), (first, 12), (second, 2)):
            await store.save("group", StoredOffsets(life, {("a.b", 0): end}, {("a.b", 0): log}))

        stored = await store.load("group")
        assert stored == StoredOffsets(life, {("a.b", 0): 2}, {("a.b", 0): second})

    async def test_who_only_looks_sees_the_same_and_begins_no_life(
        self, store: OffsetStore
    ) -> None:
        assert isinstance(store, RedisOffsets | MemoryOffsets)
        assert await store.look("group") == StoredOffsets("", {})
        life, log = (await store.load("group")).life, LogName(1, "0b")
        stored = StoredOffsets(life, {("a.b", 0): 9, ("c", 1): 0}, {("a.b", 0): log})
        await store.save("group", stored)

        looked = await store.look("group")

        assert (looked.life, looked.ends) == ("", stored.ends)
        assert looked.logs[("a.b", 0)] == log

    async def test_groups_do_not_share_offsets(self, store: OffsetStore) -> None:
        life = (await store.load("group")).life
        await store.save("group", StoredOffsets(life, {("a", 0): 5}))

        assert (await store.load("other")).ends == {}

    async def test_what_was_true_in_another_life_is_not_taken(self, store: OffsetStore) -> None:
        assert not await store.save("group", StoredOffsets("another life", {("a", 0): 5}))
        assert (await store.load("group")).ends == {}


class TestMemoryOffsets(OffsetStoreContract):
    @pytest.fixture
    def store(self) -> OffsetStore:
        return MemoryOffsets()


class TestRedisOffsets(OffsetStoreContract):
    async def test_what_a_group_forgets_it_reads_again_and_no_other_group_does(
        self, redis: Redis
    ) -> None:
        store = RedisOffsets(redis)
        stored = await store.load("group")
        for group in ("group", "other"):
            await store.save(group, StoredOffsets(stored.life, {("a", 0): 5}))

        await store.forget("group")

        assert (await store.load("group")).ends == {}
        assert (await store.load("other")).ends == {("a", 0): 5}

    @pytest.fixture
    def store(self, redis: Redis) -> OffsetStore:
        return RedisOffsets(redis)

    async def test_what_older_versions_stored_is_read_and_moves_on(
        self, store: OffsetStore, redis: Redis
    ) -> None:
        await redis.hset("offsets:group", "a:0", "7")

        stored = await store.load("group")
        assert (stored.ends, stored.logs) == ({("a", 0): 7}, {})
        log = {("a", 0): LogName(0, "0a")}
        await store.save("group", StoredOffsets(stored.life, {("a", 0): 5}, log))
        assert (await store.load("group")).ends == {("a", 0): 7}
        await store.save("group", StoredOffsets(stored.life, {("a", 0): 8}, log))
        assert (await store.load("group")).logs == log

    async def test_profiles_are_read_in_the_same_life(
        self, store: OffsetStore, redis: Redis
    ) -> None:
        begun = (await store.load("group")).life

        life, stored = await RedisProfiles(redis, timedelta(1)).load_living(["ann", "bob"])

        assert life == begun
        assert stored == [Own(None, None)] * 2

    async def test_an_emptied_redis_is_in_another_life(
        self, store: OffsetStore, redis: Redis
    ) -> None:
        life = (await store.load("group")).life
        await store.save("group", StoredOffsets(life, {("a", 0): 5}))
        await redis.flushall()

        read_in, _ = await RedisProfiles(redis, timedelta(1)).load_living(["ann"])

        assert read_in != life
        assert not await store.save("group", StoredOffsets(life, {("a", 0): 6}))
        assert not await store.save("group", StoredOffsets(life, {}))
        again = await store.load("group")
        assert again.life not in {life, read_in}
        assert again.ends == {}

    async def test_all_groups_live_in_the_same_life(self, store: OffsetStore) -> None:
        assert (await store.load("one")).life == (await store.load("other")).life
