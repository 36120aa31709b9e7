"""How the messages of a file are read, as the settings and the command line say."""

from argparse import Namespace
from dataclasses import replace

from portrait.reading.dialect import Dialect, dialect_of
from portrait.reading.mapping import read_mapping
from portrait.settings import Settings


def dialect_for(settings: Settings, options: Namespace) -> Dialect:
    """Return how the shop writes, by another mapping if one is asked for."""
    dialect = dialect_of(settings)
    if options.mapping is None:
        return dialect
    return replace(dialect, mapped=read_mapping(options.mapping))
