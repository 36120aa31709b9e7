"""What of a dead letter somebody is given: theirs, and nothing of anybody else's."""

import json

import pytest

from portrait.events.topics import DEAD
from tests.support.records import FakeRecord
from workers.privacy.belongings import NAMING
from workers.privacy.portions import Portions

ANN = {"type": "search", "user_id": "ann", "text": "anns words", "occurred_at": "nonsense"}
BOB = {"type": "search", "user_id": "bob", "text": "secret words", "occurred_at": "nonsense"}
ANNS = Portions.of(("ann", "anonymous:c-1"), NAMING)


def given(value: object, key: bytes = b"x") -> str | None:
    held = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ANNS.of_letter(FakeRecord(DEAD, held, 0, key=key))


@pytest.mark.parametrize(
    "value",
    [
        [ANN, BOB],
        {"events": [ANN, BOB]},
        {"batch": [{**ANN, "userId": "ann"}, {**BOB, "userId": "bob"}]},
        [[BOB], [ANN]],
        [ANN, {"uid": "bob", "text": "secret words"}],
        [ANN, {"text": "secret words", "anonymous_id": "c-2"}],
        [ANN, {"text": "secret words", "anonymous_id": "c-1", "user_id": "bob"}],
        {"USER_ID": "ann", "events": [ANN, BOB]},
    ],
)
def test_of_a_batch_somebody_is_given_what_names_them_alone(value: object) -> None:
    told = given(value)

    assert told is not None
    assert "anns words" in told
    assert "secret" not in told
    assert "bob" not in told


@pytest.mark.parametrize(
    "value",
    [
        {"user_id": "bob", "previous_id": "c-1", "text": "secret words"},
        {"user_id": "bob", "text": "secret words", "by": ANN},
        {**ANN, "referred_by": {"user_id": "bob", "text": "secret words"}},
        json.dumps([ANN, BOB]).encode()[:-30],
        json.dumps([BOB, ANN]).encode()[:-30],
        json.dumps([ANN, {"text": "secret words", "user_id": "bob"}]).encode()[:-20],
        b"\n".join(json.dumps(each).encode() for each in (ANN, BOB)),
        b'{"user_id": "ann", "user_id": "bob", "text": "secret words"}',
        b'{"text": "secret words", "user_id": "ann", "customerId": "bob", "tail": "cut',
        b'{"text": "secret words", "user_id": "ann", "customerId": "bo',
        json.dumps(BOB).encode(),
    ],
)
def test_what_cannot_be_told_apart_is_not_given(value: object) -> None:
    assert given(value, b"ann") is None


@pytest.mark.parametrize(
    "value",
    [
        ANN,
        {**ANN, "anonymous_id": "c-9", "item": {"client_id": "c-8"}, "lines": [{"a": 1}, {"a": 2}]},
        {"buyer": {"user_id": "ann"}, "lines": [{"item_id": "tea"}, {"item_id": "milk"}]},
        {"anonymous_id": "c-1", "text": "words"},
        json.dumps(ANN).encode()[:-4],
        b"broken",
        b'"\\ud800"',
        b"[" * 100_000,
    ],
)
def test_what_is_theirs_alone_is_given_as_it_was_sent(value: object) -> None:
    told = given(value, b"ann")

    assert told is not None
    assert told == (value.decode() if isinstance(value, bytes) else json.dumps(value))


def test_nothing_is_nothing() -> None:
    assert ANNS.of_letter(FakeRecord(DEAD, None, 0, key=b"ann")) is None
