"""Replay dead letters: after a fix, send them back to the topics they came from.

What still cannot be read comes back as a new dead letter, and waits for the next replay.
"""

import time

import structlog

from portrait.receipt import sent_back
from portrait.stream import Batch, EventStream, Message, Publisher, Record

PLACE = {"topic", "partition", "offset", "timestamp", "reason"}  # headers that we added
LONGEST_SECONDS = 60.0  # to find the end of an idle topic

log = structlog.get_logger()


async def replay_dead(stream: EventStream, publisher: Publisher) -> int:
    """Send back every dead letter published before now. Returns how many there were."""
    started = time.time()
    gives_up = time.monotonic() + LONGEST_SECONDS
    replayed = 0
    async for batch in stream.batches():
        letters = [r for r in batch.records if r.timestamp <= started * 1_000]
        await publisher.publish([original(letter) for letter in letters])
        ends = {(letter.topic, letter.partition): letter.offset + 1 for letter in letters}
        await stream.commit(Batch(letters, ends))
        replayed += len(letters)
        newer = len(letters) < len(batch.records)
        at_end = not batch.records and batch.reached
        if newer or at_end or time.monotonic() > gives_up:
            break
    log.info("dead_letters_replayed", letters=replayed)
    return replayed


def original(letter: Record) -> Message:
    """Unwrap a dead letter: the message as its producer sent it, and when it was received."""
    topic = next(value.decode() for name, value in letter.headers if name == "topic")
    first = next((int(value) for name, value in letter.headers if name == "timestamp"), 0)
    theirs = tuple(header for header in letter.headers if header[0] not in PLACE)
    return Message(topic, letter.key or b"", letter.value, (*sent_back(first), *theirs))
