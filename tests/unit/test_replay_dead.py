"""Replay of dead letters: back where they came from, as they were."""

import time

from portrait.batch import dead_letter
from portrait.receipt import RECEIVED as RECEIVED_FIRST
from portrait.stream import Message
from tests.fakes import ListPublisher
from tests.records import RECEIVED, FakeRecord
from tests.streams import ListStream
from workers.replay_dead import replay_dead


def letter(offset: int = 0, timestamp: int = 1) -> FakeRecord:
    lost = FakeRecord("events.cart", b"{original", 9, headers=[("trace", b"t")])
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

    headers = ((RECEIVED_FIRST, str(RECEIVED).encode()), ("trace", b"t"))
    assert publisher.messages == [Message("events.cart", b"ann", b"{original", headers)]


async def test_what_came_back_dead_again_waits_for_the_next_replay() -> None:
    again = int((time.time() + 60) * 1_000)
    publisher = ListPublisher()
    stream = ListStream([letter(0), letter(1, timestamp=again)], [letter(2)])

    assert await replay_dead(stream, publisher) == 1

    (committed,) = stream.committed
    assert committed.ends == {("events.dead", 0): 1}


async def test_nothing_dead_is_nothing_to_do() -> None:
    assert await replay_dead(ListStream(), ListPublisher()) == 0
