"""The log up to where it ends now, for whoever looks at all of it once."""

import time
from collections.abc import AsyncIterator

from portrait.events.stream import EventStream, Record

LONGEST_SECONDS = 30.0  # without a record, until an idle topic is taken to be at its end


async def up_to_the_end(stream: EventStream) -> AsyncIterator[Record]:
    """Yield the records that are there by now, in the order of each partition."""
    idle_since = time.monotonic()
    async for batch in stream.batches():
        for record in batch.records:
            yield record
        if batch.records:
            idle_since = time.monotonic()
        is_at_end = not batch.records and batch.reached
        if is_at_end or time.monotonic() - idle_since > LONGEST_SECONDS:
            return
