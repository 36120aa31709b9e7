"""What every store of keys and every audit log promises: the fakes and Redis."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from portrait.access.audit import AuditLine, AuditLog
from portrait.access.key import new_key
from portrait.access.scope import Scope
from portrait.access.store import KeyNotFoundError, KeyStore, TooManyKeysError
from portrait.adapters.redis_audit import AUDIT, RedisAudit
from portrait.adapters.redis_keys import KEYS, USED, RedisKeys
from tests.support.memory_keys import MemoryAudit, MemoryKeys

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEY, TOKEN = new_key("checkout", [Scope.EVENTS_WRITE], NOW)
PUBLIC, _ = new_key(
    "页面",
    [Scope.RECOMMEND],
    LATER,
    kind="public",
    origins=["https://shop.example"],
    expires_at=LATER + timedelta(days=1),
)


def line(number: int) -> AuditLine:
    return AuditLine(
        at=NOW, who=f"key {number}", what="POST /models/rollback", status=200, request_id="r"
    )


class KeysContract:
    """Keys stay as they were made, but for when they were revoked and used."""

    async def test_keys_come_back_as_they_were_made_the_oldest_first(self, keys: KeyStore) -> None:
        await keys.add(PUBLIC)
        await keys.add(KEY)

        assert [*await keys.all()] == [KEY, PUBLIC]

    async def test_a_key_is_revoked_once(self, keys: KeyStore) -> None:
        await keys.add(KEY)

        assert (await keys.revoke(KEY.id, NOW)).revoked_at == NOW
        assert (await keys.revoke(KEY.id, LATER)).revoked_at == NOW
        assert [key.revoked_at for key in await keys.all()] == [NOW]

    async def test_a_key_that_is_not_there_cannot_be_revoked(self, keys: KeyStore) -> None:
        with pytest.raises(KeyNotFoundError):
            await keys.revoke("0" * 12, NOW)

    async def test_the_latest_use_counts_of_keys_that_are_there(self, keys: KeyStore) -> None:
        await keys.add(KEY)

        await keys.note_uses({KEY.id: LATER, "0" * 12: LATER})
        await keys.note_uses({KEY.id: NOW})
        await keys.note_uses({})

        assert await keys.uses() == {KEY.id: LATER}

    async def test_there_is_an_end_to_them(
        self, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("tests.support.memory_keys", "portrait.adapters.redis_keys"):
            monkeypatch.setattr(f"{module}.MOST_KEYS", 1)
        await keys.add(KEY)

        with pytest.raises(TooManyKeysError):
            await keys.add(PUBLIC)

        assert [*await keys.all()] == [KEY]

    async def test_one_that_opens_nothing_makes_room(
        self, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("tests.support.memory_keys", "portrait.adapters.redis_keys"):
            monkeypatch.setattr(f"{module}.MOST_KEYS", 1)
        await keys.add(KEY)
        await keys.revoke(KEY.id, NOW)

        await keys.add(PUBLIC)

        assert [*await keys.all()] == [PUBLIC]


class TestMemoryKeys(KeysContract):
    @pytest.fixture
    def keys(self) -> KeyStore:
        return MemoryKeys()


class TestRedisKeys(KeysContract):
    @pytest.fixture
    def keys(self, redis: Redis) -> KeyStore:
        return RedisKeys(redis)

    async def test_nobody_who_reads_redis_finds_what_opens(
        self, keys: KeyStore, redis: Redis
    ) -> None:
        await keys.add(KEY)

        (stored,) = (await redis.hgetall(KEYS)).values()

        assert TOKEN.split("_", 2)[2].encode() not in stored
        assert KEY.digest.encode() in stored

    async def test_a_damaged_moment_of_use_is_none(self, keys: KeyStore, redis: Redis) -> None:
        await keys.add(KEY)
        await redis.hset(USED, mapping={KEY.id: 99_999_999_999_999_999, "b": b"\xff", "c": -1})

        assert await keys.uses() == {}

    async def test_a_damaged_key_opens_nothing(self, keys: KeyStore, redis: Redis) -> None:
        await keys.add(KEY)
        await redis.hset(KEYS, mapping={"bad": b"\xff", PUBLIC.id: KEY.model_dump_json()})

        assert [*await keys.all()] == [KEY]


class AuditContract:
    """Lines come back newest first."""

    async def test_the_newest_lines_come_first(self, audit: AuditLog) -> None:
        for number in range(3):
            await audit.add(line(number))

        assert [*await audit.newest(2)] == [line(2), line(1)]

    async def test_an_empty_log_has_no_lines(self, audit: AuditLog) -> None:
        assert [*await audit.newest(10)] == []
        assert [*await audit.after(None, 10)] == []

    async def test_lines_are_read_on_from_the_place_of_the_last(self, audit: AuditLog) -> None:
        for number in range(5):
            await audit.add(line(number))

        first = await audit.after(None, 2)
        others = await audit.after(first[-1].place, 10)

        assert [each.line for each in first] == [line(0), line(1)]
        assert [each.line for each in others] == [line(2), line(3), line(4)]
        assert [*await audit.after(others[-1].place, 10)] == []


class TestMemoryAudit(AuditContract):
    @pytest.fixture
    def audit(self) -> AuditLog:
        return MemoryAudit()


class TestRedisAudit(AuditContract):
    @pytest.fixture
    def audit(self, redis: Redis) -> AuditLog:
        return RedisAudit(redis)

    async def test_what_nobody_of_us_wrote_is_left_out(self, audit: AuditLog, redis: Redis) -> None:
        await redis.xadd(AUDIT, {"line": b"{}"})
        await redis.xadd(AUDIT, {"other": b"1"})
        await audit.add(line(1))
        assert [each.line for each in await audit.after(None, 10)] == [None, None, line(1)]

        assert [*await audit.newest(10)] == [line(1)]

    async def test_a_log_of_another_type_begins_anew(self, audit: AuditLog, redis: Redis) -> None:
        await redis.set(AUDIT, "text")

        await audit.add(line(1))

        assert [*await audit.newest(10)] == [line(1)]
