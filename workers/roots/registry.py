"""How what lies on Kafka is read, as the settings of a worker say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from portrait.reading.dialect import Dialect, dialect_of
from portrait.settings import Settings


@asynccontextmanager
async def spoken(settings: Settings) -> AsyncIterator[Dialect]:
    """Return how the shop writes, connected to its schema registry if there is one."""
    dialect = dialect_of(settings)
    if settings.schema_registry is None:
        yield dialect
        return
    # Who has no registry loads nothing of what speaks with one.
    from portrait.adapters.registry_schemas import open_schemas  # noqa: PLC0415

    async with open_schemas(settings.schema_registry.get_secret_value()) as schemas:
        yield replace(dialect, schemas=schemas)
