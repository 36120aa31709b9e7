"""Stock: the catalogue as a training reads it, all at once and outside of the event loop."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.texts import illegible
from portrait.events.item import Item
from portrait.model.encoder import TextEncoder
from portrait.model.space import Space, Vectors
from portrait.ref import search_ref, text_ref
from portrait.tracker import NoTracker, Tracker
from portrait.wording import worded

AT_ONCE = 1_000  # items or vectors asked for in one call
TEXTS_AT_ONCE = 512  # encoded before the progress is told

T = TypeVar("T")


class Stock(Protocol):
    """Items, and vectors of texts that somebody has encoded before. Its calls block."""

    def items(self) -> list[Item]:
        """Return every item that is not withdrawn, in no order."""
        ...

    def vectors(self, space_id: str, refs: Sequence[int], dim: int) -> list[Vectors | None]:
        """Return text vectors (K,) by their refs, in their order; None where there is none."""
        ...


class StoredStock:
    """A `Stock` out of a `CatalogueStore`, for a thread beside the event loop that owns it."""

    def __init__(self, store: CatalogueStore, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop

    def items(self) -> list[Item]:
        """Return every item that is not withdrawn."""
        ids = sorted(self._wait(self._store.all_ids()))
        found = [
            item
            for start in range(0, len(ids), AT_ONCE)
            for item in self._wait(self._store.get_items(ids[start : start + AT_ONCE]))
        ]
        return [item for item in found if item is not None and not item.withdrawn]

    def vectors(self, space_id: str, refs: Sequence[int], dim: int) -> list[Vectors | None]:
        """Return text vectors."""
        return [
            vector
            for start in range(0, len(refs), AT_ONCE)
            for vector in self._wait(
                self._store.get_vectors(space_id, refs[start : start + AT_ONCE], dim)
            )
        ]

    def _wait(self, asked: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()


def place_texts(
    texts: Sequence[str],
    space: Space,
    stock: Stock,
    encoder: TextEncoder | None,
    tracker: Tracker | None = None,
) -> Vectors:
    """Place texts of items in a space: each distinct one once, and only those not placed before.

    Args:
        texts: N of them; an empty one has no vector.
        space: Where.
        stock: What was placed before.
        encoder: The space's own; without it the rest stays unknown.
        tracker: Is told how many of the new ones are read.

    Returns:
        (N, K), unit rows rounded as stores round them, or zero where nothing is known.
    """
    by_ref = {text_ref(text): text for text in sorted({*texts} - {""})}
    known = stock.vectors(space.id, [*by_ref], space.dim)
    placed = _placed(by_ref, known, space.place, encoder, tracker)
    return _rows([placed.get(text_ref(text)) for text in texts], space)


def place_searches(
    searches: Sequence[str], space: Space, stock: Stock, encoder: TextEncoder | None
) -> Vectors:
    """Place what people searched for, as workers do: likewise, zero where it cannot be read."""
    by_ref = {search_ref(text): worded(text) for text in sorted({*searches} - {""})}
    if encoder is not None:
        is_unread = illegible(encoder, [*by_ref.values()])
        said = zip(by_ref.items(), is_unread, strict=True)
        by_ref = {ref: text for (ref, text), passed_over in said if not passed_over}
    known = stock.vectors(space.id, [*by_ref], space.dim)
    placed = _placed(by_ref, known, space.place_searches, encoder)
    return _rows([placed.get(search_ref(text)) for text in searches], space)


def stored_searches(refs: Sequence[int], space: Space, stock: Stock) -> Vectors:
    """Return the vectors of searches, Q search refs, that were placed before: (Q, K), or zero."""
    return _rows(stock.vectors(space.id, refs, space.dim), space)


def _placed(
    texts: Mapping[int, str],
    known: Sequence[Vectors | None],
    place: Callable[[Vectors], Vectors],
    encoder: TextEncoder | None,
    tracker: Tracker | None = None,
) -> dict[int, Vectors]:
    """Return the vectors of distinct texts by ref: those that are known, in order, and the rest."""
    vectors = {ref: v for ref, v in zip(texts, known, strict=True) if v is not None}
    if encoder is not None:
        unknown = [ref for ref in texts if ref not in vectors]
        for start in range(0, len(unknown), TEXTS_AT_ONCE):
            (tracker or NoTracker()).reach(start / len(unknown))
            some = unknown[start : start + TEXTS_AT_ONCE]
            embeddings = encoder.encode([texts[ref] for ref in some])
            placed = place(embeddings).astype("<f2").astype(np.float32)
            vectors |= dict(zip(some, placed, strict=True))
    return vectors


def _rows(vectors: Sequence[Vectors | None], space: Space) -> Vectors:
    """Return vectors as rows, (N, K); zeros for None."""
    rows = np.zeros((len(vectors), space.dim), np.float32)
    for row, vector in zip(rows, vectors, strict=True):
        if vector is not None:
            row[:] = vector
    return rows
