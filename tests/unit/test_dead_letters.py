"""Dead letters as an operator sees them: by reason, one by one, and their values if asked for."""

import json
from argparse import ArgumentParser

from portrait.events.letter import dead_letter
from tests.support.records import RECEIVED, FakeRecord
from tests.support.streams import ListStream
from workers.letters.dead_letters import add_options, look, told

DAY_MS = 86_400_000


def letter(
    offset: int, reason: str, *, topic: str = "events.cart", at: int = RECEIVED
) -> FakeRecord:
    lost = FakeRecord(topic, b"{ann@example.org", offset, timestamp=at)
    message = dead_letter(lost, reason)
    return FakeRecord(
        "events.dead", message.value, offset, key=message.key, headers=message.headers
    )


LETTERS = [
    letter(0, "payload: not UTF-8 JSON"),
    letter(1, "payload: not UTF-8 JSON", topic="events.click", at=RECEIVED + DAY_MS),
    letter(2, "timestamp: in the future", at=2**62),
    FakeRecord("events.dead", b"?", 3),
]


async def shown(*arguments: str) -> list[str]:
    parser = ArgumentParser()
    add_options(parser)
    options = parser.parse_args(arguments)
    return list(told(await look(ListStream(LETTERS, []), options), options))


async def test_letters_are_counted_by_reason_the_commonest_first() -> None:
    _head, first, topics, *_ = await shown()

    assert first.split() == ["2", "2026-09-22", "14:13", "payload:", "not", "UTF-8", "JSON"]
    assert topics.strip() == "from events.cart, events.click"


async def test_letters_are_shown_one_by_one_without_what_was_sent() -> None:
    lines = await shown("--list", "--most", "3")

    assert len(lines) == 3
    assert lines[0].startswith("unknown  events.cart/0/0/2: timestamp: in the future")
    assert "ann@example.org" not in " ".join(lines)


async def test_what_was_sent_is_shown_to_who_asks() -> None:
    lines = await shown("--list", "--values", "--topic", "events.click")

    assert lines[1].strip() == "{ann@example.org"


async def test_only_the_letters_asked_for_are_there() -> None:
    assert await shown("--reason", "nothing like it") == ["There are no dead letters."]


async def test_each_is_an_object_for_programs() -> None:
    groups = [json.loads(line) for line in await shown("--json")]
    letters = [json.loads(line) for line in await shown("--json", "--list")]

    assert [group["records"] for group in groups] == [2, 1, 1]
    assert {each["reason"] for each in letters} == {group["reason"] for group in groups}
    assert all("value" not in each for each in letters)
