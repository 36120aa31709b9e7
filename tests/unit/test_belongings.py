"""Whose a dead letter is: of whom its key or a field that says who names, and of nobody else."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from portrait.events.stream import EventStream
from portrait.events.topics import DEAD
from portrait.reading.mapping import EventRule, Mapped, Source
from tests.support.records import FakeRecord
from tests.support.streams import ListStream
from workers.privacy.belongings import NAMING, Naming, letters_of, naming_of

BOBS = {"type": "click", "user_id": "bob", "item_id": 4711, "occurred_at": "2126-01-01"}


async def found(
    keys: Sequence[str], value: object, key: bytes = b"bob", naming: Naming = NAMING
) -> bool:
    """Say whether a letter is taken for somebody's."""
    held = value if isinstance(value, bytes) else json.dumps(value).encode()
    letter = FakeRecord(DEAD, held, 0, key=key)

    @asynccontextmanager
    async def dead_letters() -> AsyncIterator[EventStream]:
        yield ListStream([letter])

    return [each async for each in letters_of(keys, naming, dead_letters)] == [letter]


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b"broken", b"bob"),
        (BOBS, b""),
        ({"userId": "bob"}, b"x"),
        ({"USER_ID": "bob"}, b"x"),
        ({"user_data": {"external_id": "bob"}}, b"x"),
        (b'{"customerId" :\n "bob", "tail": "cut of', b"x"),
    ],
)
async def test_a_letter_is_of_whom_its_key_or_a_field_that_says_who_names(
    value: object, key: bytes
) -> None:
    assert await found(["bob"], value, key)
    assert not await found(["ann"], value, key)


async def test_an_id_is_found_as_a_number_and_as_json_writes_it() -> None:
    assert await found(["4711"], {"user_id": 4711}, b"x")
    assert not await found(["471"], {"user_id": 4711}, b"x")
    assert not await found(["4711"], BOBS, b"x")  # it is an item there
    assert await found(["zoë"], json.dumps({"user_id": "zoë"}).encode(), b"x")
    assert await found(["zoë"], json.dumps({"user_id": "zoë"}, ensure_ascii=False).encode(), b"x")


@pytest.mark.parametrize("name", ["user_id", "click", "type", "bo", "2126-01-01", "b.b", ""])
async def test_nobody_is_called_so_that_others_letters_are_theirs(name: str) -> None:
    assert not await found([name], BOBS)


async def test_a_device_that_is_called_as_somebody_is_not_them() -> None:
    assert not await found(["ann", "anonymous:bob"], BOBS)
    assert not await found(["bob"], {"anonymous_id": "bob"}, b"anonymous:bob")
    assert await found(["ann", "anonymous:bob"], {"anonymousId": "bob"}, b"x")
    assert await found(["ann", "anonymous:bob"], b"broken", b"anonymous:bob")


async def test_what_somebody_writes_names_nobody() -> None:
    review = {**BOBS, "text": 'they said "user_id": "ann" to me'}

    assert not await found(["ann"], review)


async def test_fields_of_a_mapping_say_who_as_well() -> None:
    who = Source(path=["buyer.login", "who"])
    rule = EventRule(name="own", fields={"user_id": who, "anonymous_id": "device.mark"})
    naming = naming_of(Mapped((rule,)))

    assert await found(["bob"], {"buyer": {"login": "bob"}}, b"x", naming)
    assert await found(["bob"], {"who": "bob"}, b"x", naming)
    assert await found(["anonymous:c-1"], {"device": {"mark": "c-1"}}, b"x", naming)
    assert not await found(["bob"], {"buyer": {"login": "bob"}}, b"x")
