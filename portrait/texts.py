"""New text: find its vector, in Redis or by running BERT, and keep it.

The vectors that this process works with are the ones that everybody reads from the store, rounded
as the store rounds them, so that every worker paints the same bits.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from portrait import metrics
from portrait.encoder import TextEncoder
from portrait.ref import text_ref
from portrait.space import Space, Vectors
from portrait.store import CatalogueStore


class TextReader:
    """Makes sure that texts have vectors in the store. Lives as long as the process."""

    def __init__(self, encoder: TextEncoder, space: Space, store: CatalogueStore) -> None:
        self.space = space
        self._encoder = encoder
        self._store = store

    async def read(self, texts: Iterable[str], *, ttl: timedelta | None = None) -> int:
        """Encode the texts that the store has no vector of, and store their vectors.

        Args:
            texts: Any number; the encoder makes its own batches.
            ttl: How long to keep them; None for ever, also for those that were to expire.

        Returns:
            How many were encoded.
        """
        by_ref = {text_ref(text): text for text in texts}
        vectors = await self._store.get_vectors(self.space.id, list(by_ref), self.space.dim)
        known = {r: v for r, v in zip(by_ref, vectors, strict=True) if v is not None}
        unknown = [ref for ref in by_ref if ref not in known]
        metrics.texts_cached.inc(len(known))
        if ttl is None and known:
            await self._store.put_vectors(self.space.id, list(known), np.stack([*known.values()]))
        if unknown:
            placed = await self._place([by_ref[ref] for ref in unknown])
            await self._store.put_vectors(self.space.id, unknown, placed, ttl=ttl)
        return len(unknown)

    async def _place(self, texts: list[str]) -> Vectors:
        """Run BERT, in a thread, and whiten. Returns (B, K)."""
        embeddings = await asyncio.to_thread(self._encoder.encode, texts)
        metrics.texts_encoded.inc(len(texts))
        return self.space.place(embeddings)
