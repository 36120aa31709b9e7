"""Indexed: the index of one source's items, and the shelves that it goes with.

a shelf of more items than are all scored ─▶ built, in a thread ─▶ on this shelf and every later one
                                                └─ anew, once too much of a shelf is unknown to it

It is made from what the process holds anyway, in less time than that takes to load, so it is
nowhere stored: it cannot be missing where its vectors are, damaged, or of another space.
"""

import time
from dataclasses import replace

import structlog

from portrait.errors import IndexNotBuiltError
from portrait.inference.index import Index, build
from portrait.inference.shelf import Shelf

INDEX_BEYOND = 50_000  # items; of fewer all are scored, which takes little longer
MOST_FRESH = 5_000  # rows that an index does not know, and that every list looks at: some 2 ms

log = structlog.get_logger()


class Indexed:
    """The newest index of one source. One task has it build; any thread reads."""

    def __init__(self) -> None:
        self._newest: Index | None = None
        self._failure: str | None = None

    def on(self, shelf: Shelf) -> Shelf:
        """Return a shelf with the newest index, and what that does not know of it."""
        newest = self._newest
        if newest is None or shelf.finder is newest:
            return shelf
        return replace(shelf, finder=newest, fresh=newest.fresh(shelf))

    def is_due(self, shelf: Shelf) -> bool:
        """Say whether a shelf is to have an index, or a newer one."""
        if len(shelf) <= INDEX_BEYOND or self._failure is not None:
            return False
        return self._newest is None or len(shelf.fresh) > MOST_FRESH

    def is_on(self, shelf: Shelf) -> bool:
        """Say whether a shelf has the newest."""
        return shelf.finder is self._newest

    def build(self, shelf: Shelf) -> None:
        """Build an index. Takes some 30 us of a core for each item: in a thread."""
        began = time.monotonic()
        try:
            index = build(shelf)
        except IndexNotBuiltError as error:
            self._failure = str(error)
            log.warning("index_not_built", items=len(shelf), reason=self._failure)
            return
        self._newest = index
        seconds = round(time.monotonic() - began, 1)
        log.info("index_built", items=len(shelf), bytes=index.size, seconds=seconds)

    def note(self, shelf: Shelf) -> str | None:
        """Say what a shelf lacks."""
        if len(shelf) <= INDEX_BEYOND or shelf.finder is not None:
            return None
        why = (
            f"could not be built ({self._failure})" if self._failure is not None else "is not ready"
        )
        return (
            f"The index of {len(shelf):,} items {why}: until there is one, each list is made by "
            "looking at all of them, which takes longer."
        )
