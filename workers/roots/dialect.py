"""How the shop's messages are read, as the settings of a worker and the command line say."""

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from portrait.reading.dialect import Dialect, dialect_of
from portrait.reading.mapping import read_mapping
from portrait.settings import Settings


def dialect_for(settings: Settings, options: Namespace) -> Dialect:
    """Return how a file is written, by another mapping if one is asked for."""
    dialect = dialect_of(settings)
    if options.mapping is None:
        return dialect
    return replace(dialect, mapped=read_mapping(options.mapping))


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
