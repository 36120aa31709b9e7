"""Replay dead letters: after a fix, send them back to the topics they came from.

What still cannot be read comes back as a new dead letter, and waits for the next replay. What
cannot be sent back, because it is not whole or is no letter of ours, is passed over and counted.
"""

import time

import structlog

from portrait.events.letter import original
from portrait.events.stream import Batch, EventStream, Message, Publisher, Record
from portrait.reading.records import put_aside

LONGEST_SECONDS = 60.0  # to find the end of an idle topic
TOLERANCE_MS = 300_000  # a letter from further ahead of us is none that has just come back

log = structlog.get_logger()


async def replay_dead(stream: EventStream, publisher: Publisher) -> int:
    """Send back every dead letter published before now. Returns how many were sent."""
    started = time.time() * 1_000
    idle_since = time.monotonic()
    replayed = skipped = 0
    async for batch in stream.batches():
        letters = [r for r in batch.records if not _is_newer(r, started)]
        messages = _messages(letters)
        await publisher.publish(messages)
        ends = {(letter.topic, letter.partition): letter.offset + 1 for letter in letters}
        await stream.commit(Batch(letters, ends))
        replayed += len(messages)
        skipped += len(letters) - len(messages)
        if batch.records:
            idle_since = time.monotonic()
        newer = len(letters) < len(batch.records)
        at_end = not batch.records and batch.reached
        if newer or at_end or time.monotonic() - idle_since > LONGEST_SECONDS:
            break
    log.info("dead_letters_replayed", letters=replayed, skipped=skipped)
    return replayed


def _messages(letters: list[Record]) -> list[Message]:
    """Unwrap letters; those that cannot be sent back are left out, whatever they are."""
    messages: list[Message] = []
    for letter in letters:
        put_aside(letter, lambda record: messages.append(original(record)))
    return messages


def _is_newer(letter: Record, started: float) -> bool:
    """Say whether a letter came after the replay began: by its timestamp, if that can be."""
    return started < letter.timestamp <= time.time() * 1_000 + TOLERANCE_MS
