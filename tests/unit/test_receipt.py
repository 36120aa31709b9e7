"""Receipt: what was sent back counts as received when it was first."""

import pytest

from portrait.events.receipt import LATE_MS, RECEIVED, first_received, sent_back
from tests.support.records import FakeRecord


def record(*headers: tuple[str, bytes | None], timestamp: int = 1_000) -> FakeRecord:
    return FakeRecord("events.click", b"{}", timestamp=timestamp, headers=headers)


def test_a_message_is_received_when_the_log_takes_it_in() -> None:
    assert first_received(record(("trace", b"7"))) == 1_000


def test_one_that_was_sent_back_was_received_before() -> None:
    letter = record(timestamp=950)

    assert first_received(record(*sent_back(letter, "700"))) == 700
    assert first_received(record(*sent_back(letter, "900"), *sent_back(letter, "700"))) == 700


@pytest.mark.parametrize("said", [b"2000", b"", b"-5", b"1e2", b"9" * 5_000, b"\xff"])
def test_a_header_makes_nothing_newer_and_nothing_fail(said: bytes) -> None:
    assert first_received(record((RECEIVED, said))) == 1_000


@pytest.mark.parametrize("said", ["0x1", "-1", "", "0", str(LATE_MS + 951), "9" * 5_000])
def test_a_moment_that_cannot_be_makes_it_older_than_its_letter(said: str) -> None:
    letter = record(timestamp=LATE_MS + 950)

    assert sent_back(letter, said) == ((RECEIVED, b"950"),)
