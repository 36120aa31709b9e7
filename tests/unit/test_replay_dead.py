"""Replay of dead letters: back where they came from, as they were."""

import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from portrait.events.letter import dead_letter
from portrait.events.receipt import RECEIVED as RECEIVED_FIRST
from portrait.events.stream import Batch, Message, Unreadable
from tests.support.fakes import ListPublisher
from tests.support.records import RECEIVED, FakeRecord
from tests.support.streams import ListStream
from workers.letters.replay_dead import replay_dead

FIRST = (RECEIVED_FIRST, str(RECEIVED).encode())
BACK = Message("events.cart", b"ann", b"{original", (FIRST, ("trace", b"t"), ("reason", b"theirs")))


def letter(offset: int = 0, timestamp: int = RECEIVED, topic: str = "events.cart") -> FakeRecord:
    lost = FakeRecord(topic, b"{original", 9, headers=[("trace", b"t"), ("reason", b"theirs")])
    message = dead_letter(lost, "payload: not UTF-8 JSON")
    return FakeRecord(
        "events.dead",
        message.value,
        offset,
        timestamp=timestamp,
        key=message.key,
        headers=message.headers,
    )


async def test_a_letter_goes_back_as_its_producer_sent_it_and_says_when_it_came_first() -> None:
    publisher, stream = ListPublisher(), ListStream([letter()], [])

    assert await replay_dead(stream, publisher) == 1

    assert publisher.messages == [BACK]


@pytest.mark.parametrize(
    "strange",
    [
        FakeRecord("events.dead", b"?", 1),
        FakeRecord("events.dead", None, 1, key=None),
        FakeRecord("events.dead", b"?", 1, headers=[("portrait-topic", None)]),
        FakeRecord("events.dead", b"?", 1, headers=[("portrait-topic", b"\xff")]),
        FakeRecord("events.dead", b"?", 1, headers=[("topic", b"events.cart")]),
        letter(1, topic="erasures"),
        letter(1, topic="events.dead"),
        letter(1, timestamp=-1, topic="erasures"),
        letter(1, timestamp=2**62, topic="erasures"),
        Unreadable("events.dead", 0, 1, 0, "headers: not UTF-8"),
    ],
    ids=str,
)
async def test_a_strange_letter_is_skipped_and_counted(strange: FakeRecord | Unreadable) -> None:
    publisher = ListPublisher()
    stream = ListStream([letter(0), strange, letter(2)], [letter(3)], [])

    with capture_logs() as said:
        assert await replay_dead(stream, publisher) == 3

    assert said[-1]["skipped"] == 1
    assert publisher.messages == [BACK] * 3
    assert [batch.ends for batch in stream.committed[:2]] == [
        {("events.dead", 0): 3},
        {("events.dead", 0): 4},
    ]


@pytest.mark.parametrize("timestamp", [-1, 2**62])
async def test_a_timestamp_that_cannot_be_holds_up_no_letter(timestamp: int) -> None:
    publisher = ListPublisher()

    assert await replay_dead(ListStream([letter(0, timestamp)], [letter(1)]), publisher) == 2


async def test_what_came_back_dead_again_waits_for_the_next_replay() -> None:
    again = int((time.time() + 60) * 1_000)
    publisher = ListPublisher()
    stream = ListStream([letter(0), letter(1, timestamp=again)], [letter(2)])

    assert await replay_dead(stream, publisher) == 1

    (committed,) = stream.committed
    assert committed.ends == {("events.dead", 0): 1}


async def test_letters_are_sent_before_their_offsets_are_committed() -> None:
    publisher = ListPublisher()
    sent: list[int] = []

    class Watching(ListStream):
        async def commit(self, batch: Batch) -> None:
            sent.append(len(publisher.messages))
            await super().commit(batch)

    await replay_dead(Watching([letter(0), replace(letter(1))], []), publisher)

    assert sent[0] == 2


async def test_nothing_dead_is_nothing_to_do() -> None:
    assert await replay_dead(ListStream(), ListPublisher()) == 0
