"""Logins: in which messages it is said who an anonymous visitor is."""

from typing import Any

import pytest
from pydantic_core import to_json

from portrait.errors import RecordInvalidError
from portrait.events.login import Identification, Login
from portrait.events.topics import IDENTITIES
from portrait.reading.decode import decode
from portrait.reading.records import Clock, read_record, require_whole
from portrait.times import to_ms
from tests.support.records import RECEIVED, FakeRecord, encoded

CLOCK = Clock(RECEIVED + 1_000, 300_000)
AT = RECEIVED - 3_600_000
WHEN = "2026-09-21T13:13:20Z"  # the same
KNOWN = Login("c-1", "u-1", AT)
SEGMENT = {"messageId": "m-1", "timestamp": WHEN}
ENRICHED = {"domain_userid": "c-1", "user_id": "u-1", "derived_tstamp": "2026-09-21 13:13:20"}

SAY_SO: dict[str, dict[str, Any]] = {
    "identify": {**SEGMENT, "type": "identify", "userId": "u-1", "anonymousId": "c-1"},
    "alias": {
        **SEGMENT,
        "type": "alias",
        "userId": "u-1",
        "previousId": "c-1",
        "anonymousId": "c-9",
    },
    "page": {**SEGMENT, "type": "page", "userId": "u-1", "anonymousId": "c-1"},
    "a deed of no interest": {
        **SEGMENT,
        "type": "track",
        "event": "Cart Viewed",
        "userId": "u-1",
        "anonymousId": "c-1",
    },
    "our own": {"type": "identify", "user_id": "u-1", "anonymous_id": "c-1", "occurred_at": WHEN},
    "numbers": {"type": "login", "user_id": 7, "anonymous_id": 9, "occurred_at": WHEN},
    "Snowplow": {**ENRICHED, "event": "page_view", "event_name": "page_view"},
    "Google": {
        "event_name": "login",
        "event_timestamp": AT * 1_000,
        "event_params": [],
        "user_pseudo_id": "c-1",
        "user_id": "u-1",
    },
    "Shopify": {
        "id": "s-1",
        "name": "page_viewed",
        "clientId": "c-1",
        "customerId": "u-1",
        "timestamp": WHEN,
    },
    "Meta": {
        "event_name": "PageView",
        "event_time": AT // 1_000,
        "user_data": {"external_id": ["u-1"], "fbp": "c-1"},
    },
}


def logins_of(message: dict[str, Any], topic: str = "events.browse") -> list[Login]:
    said = read_record(FakeRecord(topic, to_json(message)), CLOCK)
    require_whole(said)
    assert not said.events
    return said.logins


@pytest.mark.parametrize("name", SAY_SO)
def test_what_is_passed_over_may_say_who_somebody_is(name: str) -> None:
    expected = KNOWN._replace(anonymous_id="9", user_id="7") if name == "numbers" else KNOWN

    assert logins_of(SAY_SO[name]) == [expected]


@pytest.mark.parametrize(
    "message",
    [
        {**SEGMENT, "type": "identify", "userId": "u-1"},
        {**SEGMENT, "type": "page", "anonymousId": "c-1"},
        {**SEGMENT, "type": "identify", "userId": "", "anonymousId": "c-1"},
        {**SEGMENT, "type": "identify", "userId": "undefined", "anonymousId": "c-1"},
        {**SEGMENT, "type": "identify", "userId": "u-1", "anonymousId": "null"},
        {**SEGMENT, "type": "identify", "userId": "anonymous:c-2", "anonymousId": "c-1"},
        {**SEGMENT, "type": "identify", "userId": "u-1", "anonymousId": "x" * 129},
        {**SEGMENT, "type": "identify", "userId": {"id": 1}, "anonymousId": "c-1"},
    ],
)
def test_most_of_it_does_not(message: dict[str, Any]) -> None:
    assert logins_of(message) == []


def test_without_a_moment_it_is_known_since_it_was_received() -> None:
    message = {"type": "identify", "user_id": "u-1", "anonymous_id": "c-1"}

    assert logins_of(message, IDENTITIES) == [KNOWN._replace(at=RECEIVED)]


def test_nobody_was_known_before_it_was_said() -> None:
    ahead = {"type": "identify", "user_id": "u-1", "anonymous_id": "c-1"}

    (login,) = logins_of(ahead | {"occurred_at": "2026-09-21T14:14:00Z"})

    assert login.at == RECEIVED
    with pytest.raises(RecordInvalidError, match="in the future"):
        logins_of(ahead | {"occurred_at": "2027-01-01T00:00:00Z"})


@pytest.mark.parametrize("is_plain", [True, False])
def test_an_event_says_so_by_both_its_ids(is_plain: bool) -> None:  # noqa: FBT001
    more = {} if is_plain else {"properties": {"colour": "red"}}
    records = [
        FakeRecord("events.click", encoded(anonymous_id="c-1", occurred_at=WHEN, **more)),
        FakeRecord("events.click", encoded(anonymous_id="c-1", user_id=None, **more), 1),
        FakeRecord("events.click", encoded(**more), 2),
    ]

    (batch,) = decode(records, clock=CLOCK, most_tokens=1_000)

    assert batch.logins == [Login("c-1", "ann", AT)]
    assert len(batch) == 3


def test_what_is_published_is_read_as_what_was_said() -> None:
    for said in (
        Identification(anonymous_id="c-1", user_id="u-1", occurred_at=WHEN),
        Identification(anonymous_id="c/1", user_id=None, occurred_at=WHEN),
    ):
        message = said.message
        record = FakeRecord(message.topic, message.value, key=message.key)

        (login,) = read_record(record, CLOCK).logins

        assert said.occurred_at is not None
        assert login == (said.anonymous_id, said.user_id, to_ms(said.occurred_at))
