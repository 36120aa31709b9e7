"""What the registry of models promises: the same suite on the fake and on Redis."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from safetensors.numpy import save

from portrait.adapters.redis_registry import RedisRegistry
from portrait.errors import ModelInvalidError
from portrait.lifecycle.registry import (
    MOST_NOTES,
    ModelNotFoundError,
    ModelNotPromotableError,
    NoFormerModelError,
    Registry,
    Roles,
)
from portrait.model.model import Model
from tests.support.cards import card
from tests.support.catalogues import SPACE
from tests.support.memory_registry import MemoryRegistry
from tests.support.models import learned, learned_model

Lose = Callable[[], Awaitable[None]]  # the name of the champion, as damage does


class RegistryContract:
    """Arrays that come back, and every way that a model can take."""

    async def serve(self, registry: Registry, *versions: str) -> None:
        for version in versions:
            await registry.add(card(version, age=9 - int(version[1:])))
            await registry.store(Model(version, SPACE))
            await registry.want(version)
            assert await registry.switch(version)

    async def test_at_first_there_is_nothing(self, registry: Registry) -> None:
        assert await registry.entries() == []
        assert await registry.roles() == Roles()
        assert await registry.champion() is None
        with pytest.raises(ModelNotFoundError):
            await registry.entry("v1")
        with pytest.raises(NoFormerModelError):
            await registry.roll_back("why not")

    async def test_the_first_model_is_kept_listed_and_in_service_at_once(
        self, registry: Registry
    ) -> None:
        assert await registry.begin(Model("v1", SPACE), card("v1"))

        champion = await registry.champion()
        assert champion is not None
        assert (champion.version, champion.space.id) == ("v1", SPACE.id)
        assert await registry.entries() == [(card("v1"), "champion")]
        assert await registry.roles() == Roles("v1")

    async def test_where_a_model_serves_no_other_is_the_first(self, registry: Registry) -> None:
        await registry.begin(Model("v1", SPACE), card("v1"))

        assert not await registry.begin(Model("v2", SPACE), card("v2"))
        assert not await registry.begin(Model("v2", SPACE), card("v2"), lost="v3")

        assert await registry.roles() == Roles("v1")
        assert [each.card.version for each in await registry.entries()] == ["v1"]
        assert await registry.model("v2") is None

    async def test_a_first_model_takes_the_place_of_one_whose_arrays_are_gone(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1", "v2")

        assert await registry.begin(Model("v1", SPACE), card("v1"), lost="v2")

        assert (await registry.roles()).champion == "v1"
        later = datetime.now(UTC) + timedelta(days=2)
        assert await registry.expired(timedelta(days=1), later) == []

    async def test_another_champion_is_read_at_once(self, registry: Registry) -> None:
        await self.serve(registry, "v1")
        before = await registry.champion()
        await self.serve(registry, "v2")

        after = await registry.champion()

        assert before is not None
        assert after is not None
        assert (before.version, after.version) == ("v1", "v2")

    async def test_a_model_that_is_stored_is_there_and_not_in_service(
        self, registry: Registry
    ) -> None:
        await registry.store(learned_model("learned"))

        found = await registry.model("learned")

        assert found is not None
        assert found.space_id == learned_model().space_id
        assert await registry.champion() is None
        assert await registry.entries() == []
        assert await registry.model("nobody") is None

    async def test_what_a_model_learned_comes_back(self, registry: Registry) -> None:
        await registry.begin(learned_model("learned"), card("learned"))

        champion = await registry.champion()

        assert champion is not None
        assert champion.learned is not None
        assert champion.learned.digest == learned().digest
        assert champion.learned.blend == learned().blend
        assert champion.space_id != SPACE.id

    async def test_a_champion_without_arrays_is_none(self, registry: Registry) -> None:
        assert await registry.restore("v1", None)

        assert await registry.champion() is None

    async def test_models_are_listed_newest_first_with_their_roles(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1", "v2")
        for version, promote in {"v3": None, "v4": True, "v5": False, "v6": True}.items():
            await registry.add(card(version, age=int(version[1]), promote=promote))
            await registry.store(Model(version, SPACE))
        await registry.want("v4")
        await registry.add(card("v0", age=-1))

        entries = await registry.entries()

        assert [(each.card.version, each.role) for each in entries] == [
            ("v0", "retired"),  # its arrays are not there
            ("v3", "candidate"),
            ("v4", "wanted"),
            ("v5", "refused"),
            ("v6", "candidate"),
            ("v2", "champion"),
            ("v1", "former"),
        ]

    async def test_models_of_one_moment_are_listed_by_version(self, registry: Registry) -> None:
        for version in ("v2", "v3", "v1"):
            await registry.add(card(version))

        assert [each.card.version for each in await registry.entries()] == ["v3", "v2", "v1"]

    async def test_a_card_comes_back_as_it_went(self, registry: Registry) -> None:
        await registry.add(card("v1"))
        await registry.add(card("v1", promote=True))

        assert (await registry.entry("v1")).card == card("v1", promote=True)
        assert len(await registry.entries()) == 1

    async def test_a_wish_changes_nothing_in_service(self, registry: Registry) -> None:
        await self.serve(registry, "v1")
        await registry.add(card("v2", promote=True))
        await registry.store(Model("v2", SPACE))

        await registry.want("v2")

        assert await registry.roles() == Roles("v1", None, "v2")

    async def test_the_wanted_becomes_champion_and_the_champion_the_former(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1", "v2", "v3")

        assert await registry.roles() == Roles("v3", "v2", None)

    async def test_what_the_next_training_stands_on_is_named_and_taken_back(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1")
        nothing = await registry.basis()

        await registry.build_on("basis")
        named = await registry.basis()
        await registry.build_on(None)

        assert (nothing, named, await registry.basis()) == (None, "basis", None)
        assert await registry.roles() == Roles("v1")

    async def test_a_model_no_longer_wanted_is_not_switched_to(self, registry: Registry) -> None:
        await self.serve(registry, "v1")
        for version in ("v2", "v3"):
            await registry.add(card(version))
            await registry.store(Model(version, SPACE))
            await registry.want(version)

        assert not await registry.switch("v2")
        assert await registry.roles() == Roles("v1", None, "v3")

    async def test_a_switch_to_the_champion_itself_withdraws_the_wish_and_nothing_else(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1", "v2")
        await registry.roll_back("it fell")
        await registry.want("v2", reason="it may again")
        assert await registry.restore("v2", None, lost="v1")  # the wish is not asked for

        assert await registry.switch("v2")

        assert await registry.roles() == Roles("v2")
        assert (await registry.entry("v2")).card.rolled_back == "it fell"
        assert not await registry.switch("v2")

    async def test_wanting_the_champion_withdraws_the_wish(self, registry: Registry) -> None:
        await self.serve(registry, "v1", "v2")
        await registry.want("v1")

        await registry.want("v2")

        assert await registry.roles() == Roles("v2", "v1", None)

    async def test_what_cannot_or_should_not_serve_is_not_wanted(self, registry: Registry) -> None:
        await self.serve(registry, "v1")
        await registry.add(card("gone"))
        await registry.add(card("bad", promote=False))
        await registry.store(Model("bad", SPACE))

        with pytest.raises(ModelNotFoundError):
            await registry.want("unheard of")
        for insist in (False, True):
            with pytest.raises(ModelNotPromotableError, match="no longer kept"):
                await registry.want("gone", insist=insist)
        with pytest.raises(ModelNotPromotableError, match="refused: it is so"):
            await registry.want("bad")
        assert await registry.roles() == Roles("v1")
        await registry.want("bad", insist=True)
        assert await registry.roles() == Roles("v1", None, "bad")

    async def test_a_rollback_is_at_once_and_withdraws_wishes(self, registry: Registry) -> None:
        await self.serve(registry, "v1", "v2")
        await registry.add(card("v3"))
        await registry.store(Model("v3", SPACE))
        await registry.want("v3")

        assert await registry.roll_back("it fell") == "v1"

        assert await registry.roles() == Roles("v1")
        bad = await registry.entry("v2")
        assert (bad.role, bad.card.rolled_back) == ("rolled back", "it fell")
        with pytest.raises(NoFormerModelError):
            await registry.roll_back("again")

    async def test_a_rollback_of_somebody_else_is_none(self, registry: Registry) -> None:
        await self.serve(registry, "v1", "v2", "v3")

        with pytest.raises(NoFormerModelError):
            await registry.roll_back("it fell", champion="v2")

        assert await registry.roles() == Roles("v3", "v2")
        assert await registry.roll_back("it fell", champion="v3") == "v2"

    async def test_without_a_champion_nothing_is_rolled_back(
        self, registry: Registry, lose: Lose
    ) -> None:
        await self.serve(registry, "v1", "v2")
        await lose()

        with pytest.raises(NoFormerModelError):
            await registry.roll_back("it fell")

        assert await registry.roles() == Roles(None, "v1")
        assert await registry.restore("v2", "v1")
        assert await registry.roll_back("it fell") == "v1"

    async def test_what_was_rolled_back_serves_again_only_by_a_persons_word(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1", "v2")
        await registry.roll_back("it fell")

        for insist in (False, True):
            with pytest.raises(ModelNotPromotableError, match=r'it fell\. .* send {"reason": "'):
                await registry.want("v2", insist=insist)
        assert (await registry.roles()).wanted is None
        await registry.want("v2", reason="the texts of 鞋 are repaired")
        await registry.want("v2", reason="asked twice, noted once")
        waiting = (await registry.entry("v2")).card
        await registry.switch("v2")
        await registry.add(card("v2"))  # what the trainer writes again forgets nothing

        again = await registry.entry("v2")
        assert (again.role, again.card.rolled_back) == ("champion", None)
        (note,) = again.card.history
        assert (note.reason, note.rolled_back) == ("the texts of 鞋 are repaired", "it fell")
        assert abs(datetime.now(UTC) - note.at) < timedelta(hours=1)
        assert (again.card.is_by_word, waiting.history) == (True, (note,))

    async def test_a_reason_for_any_promotion_is_noted(self, registry: Registry) -> None:
        await self.serve(registry, "v1")
        await registry.add(card("v2"))
        await registry.store(Model("v2", SPACE))

        await registry.want("v2", reason="before the sale begins")

        (note,) = (await registry.entry("v2")).card.history
        assert (note.reason, note.rolled_back) == ("before the sale begins", None)
        assert not (await registry.entry("v2")).card.is_by_word
        assert (await registry.entry("v1")).card.history == ()

    async def test_only_the_newest_notes_are_kept(self, registry: Registry) -> None:
        await self.serve(registry, "v1", "v2")

        for time in range(MOST_NOTES + 3):
            await registry.roll_back(f"it fell {time}")
            await registry.want("v2", reason=f"again {time}")
            await registry.switch("v2")

        history = (await registry.entry("v2")).card.history
        assert len(history) == MOST_NOTES
        assert [note.reason for note in history[:1]] == ["again 3"]
        assert history[-1].rolled_back == f"it fell {MOST_NOTES + 2}"

    async def test_a_wish_that_cannot_be_fulfilled_is_withdrawn_with_its_reason(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1")
        await registry.add(card("v2"))
        await registry.store(Model("v2", SPACE))
        await registry.want("v2")

        await registry.refuse("v1", "nobody wants it")
        await registry.refuse("v2", "no encoder")

        assert await registry.roles() == Roles("v1")
        bad = await registry.entry("v2")
        assert (bad.role, bad.card.refused) == ("refused", "no encoder")
        assert (await registry.entry("v1")).card.refused is None
        with pytest.raises(ModelNotPromotableError, match="could not be loaded: no encoder"):
            await registry.want("v2")
        await registry.want("v2", insist=True)
        await registry.switch("v2")
        assert (await registry.entry("v2")).card.refused is None

    async def test_pointers_are_restored_only_where_there_are_none(
        self, registry: Registry
    ) -> None:
        for version in ("v1", "v2"):
            await registry.add(card(version))
            await registry.store(Model(version, SPACE))

        assert await registry.restore("v2", "v1")
        assert await registry.roles() == Roles("v2", "v1")
        assert not await registry.restore("v1", None)
        assert not await registry.restore("v1", None, lost="v3")
        assert await registry.roles() == Roles("v2", "v1")
        assert await registry.expired(timedelta(days=1), datetime.now(UTC)) == []
        assert await registry.roll_back("it fell") == "v1"

    async def test_a_champion_without_arrays_gives_way(self, registry: Registry) -> None:
        await self.serve(registry, "v1", "v2")

        assert await registry.restore("v3", None, lost="v2")

        assert await registry.roles() == Roles("v3", "v1")

    async def test_a_former_whose_arrays_are_lost_may_be_wanted(self, registry: Registry) -> None:
        """Who is to load it refuses it, with a reason that is seen."""
        await registry.add(card("v1"))
        await registry.restore("v2", "v1")

        await registry.want("v1")

        assert await registry.roles() == Roles("v2", "v1", "v1")

    async def test_what_became_of_a_model_is_known_though_its_card_comes_later(
        self, registry: Registry
    ) -> None:
        await registry.restore("v2", "v1")
        await registry.roll_back("it fell")

        await registry.add(card("v2"))

        assert (await registry.entry("v2")).card.rolled_back == "it fell"

    async def test_arrays_are_let_go_of_after_a_grace_and_never_those_in_service(
        self, registry: Registry
    ) -> None:
        await self.serve(registry, "v1", "v2", "v3")
        grace, now = timedelta(days=1), datetime.now(UTC)

        assert await registry.expired(grace, now) == []
        later = now + grace + timedelta(minutes=1)
        assert sorted(await registry.expired(grace, later)) == ["v1", "v2"]
        for version in ("v2", "v3"):
            await registry.forget(version)

        assert await registry.expired(grace, later) == ["v1"]
        assert await registry.roles() == Roles("v3")
        assert [(await registry.entry(v)).role for v in ("v2", "v3")] == ["retired", "champion"]
        assert await registry.model("v2") is None

    async def test_who_returns_to_service_does_not_expire(self, registry: Registry) -> None:
        await self.serve(registry, "v1", "v2")
        await registry.roll_back("it fell")

        later = datetime.now(UTC) + timedelta(days=2)
        assert await registry.expired(timedelta(days=1), later) == ["v2"]
        await registry.want("v2", reason="it may again")
        await registry.switch("v2")
        assert await registry.expired(timedelta(days=1), later) == ["v1"]


class TestMemoryRegistry(RegistryContract):
    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        return MemoryRegistry()

    @pytest.fixture
    def lose(self, registry: MemoryRegistry) -> Lose:
        async def lose() -> None:
            registry.now = registry.now._replace(champion=None)

        return lose


class TestRedisRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, redis: Redis) -> Registry:
        return RedisRegistry(redis)

    @pytest.fixture
    def lose(self, redis: Redis) -> Lose:
        async def lose() -> None:
            await redis.delete("model:champion")

        return lose

    async def test_what_an_earlier_version_stored_is_read(
        self, redis: Redis, registry: Registry
    ) -> None:
        manifest = {"version": "v1", "encoder": "hash", "space_id": "x", "text_space_id": SPACE.id}
        arrays = {"mean": SPACE.mean, "axes": SPACE.axes}
        old = {"version": "v1", "created_at": "2026-11-24T12:00:00Z", "encoder": "hash"}
        await redis.hset("model:v1", "manifest", json.dumps(manifest))
        await redis.hset("model:v1", "space", save(arrays))
        await redis.hset("model:v1", "card", json.dumps(old | {"space_id": SPACE.id}))
        await redis.hset("model:v1", "refused", "no encoder")
        await redis.zadd("model:index", {"v1": 1_795_521_600_000})
        await redis.zadd("model:retired", {"v1": 1_795_521_600_000})
        for pointer in ("previous", "basis"):
            await redis.set(f"model:{pointer}", "v1")

        (entry,) = await registry.entries()

        assert (entry.role, entry.card.refused) == ("former", "no encoder")
        model = await registry.model("v1")
        assert model is not None
        assert (model.version, model.space_id) == ("v1", SPACE.id)
        assert await registry.basis() == "v1"
        assert await registry.expired(timedelta(0), datetime(2027, 1, 1, tzinfo=UTC)) == ["v1"]
        await redis.set("model:champion", "v1")
        champion = await registry.champion()
        assert champion is not None
        assert champion.space_id == SPACE.id

    @pytest.fixture
    def _in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let a small model be too large for one value."""
        monkeypatch.setattr("portrait.adapters.redis_model_arrays.PART", 1_000)

    @pytest.mark.usefixtures("_in_parts")
    async def test_a_large_model_lies_in_parts_and_comes_back_whole(
        self, redis: Redis, registry: Registry
    ) -> None:
        first, second = learned_model("v1"), learned_model("v2", seed=8)
        await registry.begin(first, card("v1"))
        await registry.add(card("v2"))
        await registry.store(second)

        for model in (first, second):
            stored = await registry.model(model.version)
            assert stored is not None
            assert stored.space_id == model.space_id
            assert await redis.hexists(f"model:{model.version}", "learned:2")
        await registry.forget("v2")

        assert await registry.model("v2") is None
        assert [*await redis.hkeys("model:v2")] == [b"card"]

    @pytest.mark.usefixtures("_in_parts")
    @pytest.mark.parametrize("lost", ["learned", "learned:1"])
    async def test_a_large_model_that_lacks_a_part_is_damaged(
        self, redis: Redis, registry: Registry, lost: str
    ) -> None:
        await registry.begin(learned_model("v1"), card("v1"))
        await redis.hdel("model:v1", lost)

        with pytest.raises(ModelInvalidError, match="damaged"):
            await registry.model("v1")

    @pytest.mark.parametrize("damage", [b"\xff", b"[", b"7", b'[{"at": 1}]', b'{"reason": "x"}'])
    async def test_notes_that_nobody_can_read_are_none_and_are_begun_anew(
        self, redis: Redis, registry: Registry, damage: bytes
    ) -> None:
        await self.serve(registry, "v1", "v2")
        await registry.roll_back("it fell")
        await redis.hset("model:v2", "history", damage)

        assert (await registry.entry("v2")).card.history == ()
        await registry.want("v2", reason="it may again")

        (note,) = (await registry.entry("v2")).card.history
        assert note.reason == "it may again"

    @pytest.mark.parametrize("name", ["index", "champion", "retired"])
    async def test_a_name_that_redis_uses_otherwise_is_no_model(
        self, registry: Registry, name: str
    ) -> None:
        await self.serve(registry, "v1", "v2")

        with pytest.raises(ModelNotFoundError):
            await registry.entry(name)
