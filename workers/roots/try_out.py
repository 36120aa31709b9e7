"""Composition root of `try`. It is connected to nothing."""

import os
import sys
from argparse import Namespace

from portrait.reading.records import Clock
from portrait.settings import Settings
from portrait.times import MILLISECOND
from workers.imports.try_out import look, trier_of
from workers.roots.dialect import dialect_for


async def run(settings: Settings, options: Namespace) -> int:
    """Print what messages are read as. Returns 1 if any is dead, or there is none."""
    clock = Clock.of_system(settings.future_tolerance // MILLISECOND)
    read = trier_of(options, clock, dialect_for(settings, options))
    try:
        is_sound = look(options, read, print)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0 if is_sound else 1
