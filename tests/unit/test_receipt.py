"""Receipt: what was sent back counts as received when it was first."""

import pytest

from portrait.receipt import RECEIVED, first_received, sent_back
from tests.records import FakeRecord


def record(*headers: tuple[str, bytes | None], timestamp: int = 1_000) -> FakeRecord:
    return FakeRecord("events.click", b"{}", timestamp=timestamp, headers=headers)


def test_a_message_is_received_when_the_log_takes_it_in() -> None:
    assert first_received(record(("trace", b"7"))) == 1_000


def test_one_that_was_sent_back_was_received_before() -> None:
    assert first_received(record(*sent_back("700"))) == 700
    assert first_received(record(*sent_back("900"), *sent_back("700"))) == 700


@pytest.mark.parametrize("said", [b"2000", b"", b"-5", b"1e2", b"9" * 5_000, b"\xff"])
def test_a_header_makes_nothing_newer_and_nothing_fail(said: bytes) -> None:
    assert first_received(record((RECEIVED, said))) == 1_000


def test_an_unknown_moment_is_not_said() -> None:
    assert sent_back("0x1") == sent_back("-1") == sent_back("") == ()
