"""Schemas: have what a batch's frames name at hand before the batch is read.

A registry that is away is waited for, as Redis is: what is framed is none the worse for it, and
would be a dead letter.
"""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from portrait.errors import SchemasUnavailableError
from portrait.events.stream import EventStream, Record
from portrait.outage import Outage
from portrait.reading.frames import schemas_named
from portrait.reading.schemas import Schemas

log = structlog.get_logger()


async def await_schemas(
    stream: EventStream, records: Sequence[Record], schemas: Schemas, limit: timedelta
) -> None:
    """Fetch the schemas of records, as often as the registry is away, for as long as is allowed.

    Raises:
        SchemasUnavailableError: It was away for longer, or the stream closes meanwhile.
    """
    named, outage = schemas_named(records), Outage(limit)
    while any(map(schemas.lacks, named)):
        try:
            return await schemas.fetch(named)
        except SchemasUnavailableError as error:
            if outage.is_over_limit():
                raise
            pause = outage.pause()
            log.warning("schema_registry_unavailable", reason=str(error), retry_seconds=pause)
            if not await stream.pause(pause):
                raise  # told to stop: what is not read is not committed
    return None
