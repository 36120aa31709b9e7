"""Floors: below what no figure of `--quick` with the bundled encoder may fall."""

from benchmarks.portrait.goals import Sides
from benchmarks.portrait.words import Language

FLOORS: dict[Language, Sides] = {}
