"""What every store of labels promises: the fake and Redis."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_labels import LABELS, MESSAGES, RedisLabels
from portrait.helpdesk.labels import (
    BEGINNING,
    MESSAGE_TTL,
    Asked,
    Label,
    LabelStore,
    MessageNotFoundError,
)
from portrait.model.space import unit
from portrait.ref import user_ref
from tests.support.memory_labels import MemoryLabels

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
VECTOR = unit(np.arange(1, 9, dtype=np.float32))


def asked(text: str = "Where is it?") -> Asked:
    return Asked(text=text, language="en", intent="where_is_my_order", probability=0.9)


def label(text: str, intent: str | None = "invoice") -> Label:
    return Label(text=text, intent=intent, at=NOW, by="key 3f9c1a20b7de")


class LabelsContract:
    """Messages and labels come back as they were kept, in order."""

    async def test_a_message_is_found_by_its_id(self, labels: LabelStore) -> None:
        id = await labels.keep(asked(), "bert", VECTOR)

        assert await labels.find(id) == asked()

    async def test_a_message_that_is_not_there_is_not_found(self, labels: LabelStore) -> None:
        with pytest.raises(MessageNotFoundError):
            await labels.find("1-1")

    async def test_the_newest_messages_come_first_with_their_vectors(
        self, labels: LabelStore
    ) -> None:
        ids = [await labels.keep(asked(f"text {place}"), "bert", VECTOR) for place in range(3)]

        newest, second = await labels.newest(2)

        assert [newest.id, second.id] == ids[:0:-1]
        assert (newest.asked.text, newest.encoder) == ("text 2", "bert")
        np.testing.assert_allclose(newest.vector, VECTOR, atol=2e-3)

    async def test_messages_of_one_person_are_found_and_go_and_no_others(
        self, labels: LabelStore
    ) -> None:
        ann, bob = user_ref("ann"), user_ref("bob")
        for number, who in enumerate([ann, bob, None, ann]):
            await labels.keep(asked(f"text {number}"), "bert", VECTOR, who)
        assert [each.asked.text for each in await labels.of([ann])] == ["text 0", "text 3"]
        assert [each.who for each in await labels.newest(2)] == [ann, None]

        gone = await labels.forget([ann, user_ref("cyn")])

        assert gone == 2
        assert [each.asked.text for each in await labels.newest(9)] == ["text 2", "text 1"]
        assert await labels.forget([ann]) == 0

    async def test_a_message_that_no_encoder_could_read_has_no_vector(
        self, labels: LabelStore
    ) -> None:
        await labels.keep(asked("???"), "bert", None)

        (message,) = await labels.newest(10)

        assert len(message.vector) == 0

    async def test_labels_come_back_oldest_first_and_after_one_of_them(
        self, labels: LabelStore
    ) -> None:
        added = [label("a"), label("b", None), label("c")]
        await labels.add(added[:2])
        await labels.add(added[2:])

        found = await labels.since(BEGINNING, 10)
        rest = await labels.since(found[0][0], 1)

        assert [each for _, each in found] == added
        assert rest == found[1:2]
        assert await labels.since(found[-1][0], 10) == []

    async def test_what_is_kept_is_redacted_whoever_wrote_it(self, labels: LabelStore) -> None:
        await labels.keep(asked("write to ann@example.com"), "bert", VECTOR)
        await labels.add([label("call 138 0013 8000")])

        (message,), ((_, kept),) = await labels.newest(1), await labels.since(BEGINNING, 1)

        assert message.asked.text == "write to [email]"
        assert kept.text == "call [phone]"

    async def test_a_young_message_is_not_forgotten(self, labels: LabelStore) -> None:
        id = await labels.keep(asked(), "bert", VECTOR)

        await labels.forget_old()

        assert await labels.find(id) == asked()


class TestMemoryLabels(LabelsContract):
    @pytest.fixture
    def labels(self) -> LabelStore:
        return MemoryLabels()


class TestRedisLabels(LabelsContract):
    @pytest.fixture
    def labels(self, redis: Redis) -> LabelStore:
        return RedisLabels(redis)

    async def test_messages_of_before_a_month_are_forgotten(self, redis: Redis) -> None:
        old = int((time.time() - MESSAGE_TTL.total_seconds()) * 1_000) - 60_000
        await redis.xadd(MESSAGES, {"asked": asked().model_dump_json()}, id=f"{old}-0")
        labels = RedisLabels(redis)

        await labels.forget_old()

        with pytest.raises(MessageNotFoundError):
            await labels.find(f"{old}-0")

    async def test_what_nobody_of_us_wrote_is_passed_over(self, redis: Redis) -> None:
        labels = RedisLabels(redis)
        await redis.xadd(LABELS, {"label": "{"})
        await redis.xadd(MESSAGES, {"asked": b"\xff", "encoder": "bert", "vector": b"123"})
        wrong = np.array([np.nan, 1], np.float16).tobytes()
        await redis.xadd(
            MESSAGES, {"asked": asked().model_dump_json(), "encoder": "bert", "vector": wrong}
        )
        await labels.add([label("right")])

        assert [each.text for _, each in await labels.since(BEGINNING, 10)] == ["right"]
        assert await labels.newest(10) == []
