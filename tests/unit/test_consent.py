"""Consent: what was said last counts, whatever the order, and however it is stored."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import RecordInvalidError
from portrait.events.consent import (
    GRANTED,
    WITHDRAWN,
    Consent,
    Consents,
    Purpose,
    consent_of,
)
from portrait.events.topics import CONSENTS
from portrait.reading.consents import consent_message, read_consent
from portrait.reading.records import EXACT, Clock
from tests.support.records import RECEIVED, FakeRecord

CLOCK = Clock(RECEIVED + 1_000, 60_000)
ALL = {"personalisation": True, "analytics": True, "training": True}

consents = st.builds(Consent, st.integers(1, 2**41), st.frozensets(st.sampled_from(Purpose)))


def record(**changes: object) -> FakeRecord:
    said = {name: value for name, value in (ALL | changes).items() if value is not None}
    return FakeRecord(CONSENTS, json.dumps(said).encode())


@given(consents)
def test_a_number_says_all_of_it(consent: Consent) -> None:
    stored = str(consent.number).encode()

    assert Consent.of_number(consent.number) == consent == consent_of(stored, GRANTED)


@given(st.lists(consents, min_size=1))
def test_of_several_the_last_one_counts_in_any_order(said: list[Consent]) -> None:
    numbers = np.array([each.number for each in said])

    merged = Consents.merged(np.full(len(said), 7, np.uint64), numbers)

    (number,) = merged.numbers.tolist()
    assert Consent.of_number(number).at == max(each.at for each in said)
    backwards = Consents.merged(np.full(len(said), 7, np.uint64), numbers[::-1])
    assert backwards.numbers.tolist() == [number]


def test_of_the_same_moment_the_one_that_allows_less_counts() -> None:
    assert Consent(5, frozenset({Purpose.TRAINING})).number > Consent(5, frozenset()).number
    assert Consent(5, frozenset(Purpose)).number < Consent(6, frozenset()).number


@pytest.mark.parametrize("stored", [b"", b"x", b"-1", b"\xff", b"9" * 30])
def test_what_cannot_be_read_allows_nothing(stored: bytes) -> None:
    assert consent_of(stored, GRANTED) == WITHDRAWN


@pytest.mark.parametrize("unsaid", [GRANTED, WITHDRAWN])
def test_who_has_said_nothing_counts_as_it_is_set(unsaid: Consent) -> None:
    said = Consents.of({5: Consent(1, frozenset({Purpose.TRAINING})).number, 9: 8}, unsaid)

    allowed = said.allow(Purpose.TRAINING, np.array([9, 5, 7], np.uint64))

    assert allowed.tolist() == [True, False, unsaid is GRANTED]
    nobody = Consents.of({}, unsaid).allow(Purpose.TRAINING, np.array([1], np.uint64))
    assert nobody.tolist() == [unsaid is GRANTED]


def test_a_message_is_read_as_it_was_sent() -> None:
    user, consent = read_consent(record(training=False, at="2026-09-21T14:13:19Z"), CLOCK)

    assert (user, consent) == ("ann", Consent(RECEIVED - 1_000, frozenset({Purpose.TRAINING})))


def test_without_a_moment_it_was_said_when_it_was_received() -> None:
    assert read_consent(record(), CLOCK)[1] == Consent(RECEIVED, frozenset())


def test_a_name_that_is_json_stands_as_it_is() -> None:
    message = consent_message('{"id":"ann"}', ALL)
    sent = FakeRecord(CONSENTS, message.value, key=message.key, headers=message.headers)

    assert message.headers == [EXACT]
    assert read_consent(sent, CLOCK)[0] == '{"id":"ann"}'


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"training": None}, "training: missing"),
        ({"training": "no"}, "training: bool_type"),
        ({"training": 0}, "training: bool_type"),
        ({"at": "2026-09-21T15:13:20Z"}, "at: in the future"),
        ({"at": "1969-09-21T15:13:20Z"}, "at: before 1970"),
        ({"at": "2026-09-21T15:13:20"}, "at: timezone_aware"),
        ({"at": "secret"}, "at: datetime_from_date_parsing"),
    ],
)
def test_what_says_no_consent_is_refused_in_words_of_ours(
    changed: dict[str, object], reason: str
) -> None:
    with pytest.raises(RecordInvalidError, match=f"^{reason}$"):
        read_consent(record(**changed), CLOCK)


@pytest.mark.parametrize("value", [None, b"", b"[]", b"x" * 5_000, b"{" * 900])
def test_what_is_no_statement_is_refused(value: bytes | None) -> None:
    with pytest.raises(RecordInvalidError):
        read_consent(FakeRecord(CONSENTS, value), CLOCK)
