"""New text: find its vector, in Redis or by running BERT, and keep it.

The vectors that this process works with are the ones that everybody reads from the store, rounded
as the store rounds them, so that every worker paints the same bits.

Searches are placed so that they find what the encoder finds (`Space.place_searches`). One that the
encoder's vocabulary lacks stays without a vector: it would lie where everything lies that cannot be
read. Items keep theirs, which is better than none (docs/experiments.md).
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

import numpy as np

from portrait import metrics
from portrait.encoder import TextEncoder
from portrait.ref import text_ref
from portrait.space import Space, Vectors
from portrait.store import CatalogueStore

SEARCH_TTL = timedelta(days=90)  # three half-lives of an interest
MOST_UNREAD = 0.25  # of a text: English has none, Chinese with an English vocabulary .3 to 1


class TextReader:
    """Makes sure that texts have vectors in the store. Lives as long as the process."""

    def __init__(self, encoder: TextEncoder | None, space: Space, store: CatalogueStore) -> None:
        """Connect it; without an encoder, texts that have no vector wait for somebody who has."""
        self.space = space
        self._encoder = encoder
        self._store = store

    @property
    def can_read(self) -> bool:
        """Whether there is an encoder."""
        return self._encoder is not None

    async def read(
        self,
        texts: Iterable[str],
        *,
        ttl: timedelta | None = None,
        searches: Collection[str] = (),
    ) -> int:
        """Encode the texts that the store has no vector of, and store their vectors.

        Args:
            texts: Any number; the encoder makes its own batches.
            ttl: How long to keep them; None for ever, also for those that were to expire.
            searches: Those of them that are worth nothing unless they can be read.

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
        if self._encoder is None:
            metrics.texts_passed_over.inc(len(unknown))
            return 0
        passed = await self._passed_over(self._encoder, [*{*searches}])
        unknown = [ref for ref in unknown if ref not in passed]
        if unknown:
            new = [by_ref[ref] for ref in unknown]
            placed = await self._place(self._encoder, new, {*searches})
            await self._store.put_vectors(self.space.id, unknown, placed, ttl=ttl)
        return len(unknown)

    async def _passed_over(self, encoder: TextEncoder, searches: list[str]) -> set[int]:
        """Return the refs of searches that cannot be read."""
        is_unread = await unreadable(encoder, searches)
        found = {text_ref(text) for text, it in zip(searches, is_unread, strict=True) if it}
        metrics.searches_unread.inc(len(found))
        return found

    async def _place(
        self, encoder: TextEncoder, texts: list[str], searches: Collection[str]
    ) -> Vectors:
        """Run BERT, in a thread, and place what it read in the space. Returns (B, K)."""
        embeddings = await asyncio.to_thread(encoder.encode, texts)
        metrics.texts_encoded.inc(len(texts))
        is_search = np.array([[text in searches] for text in texts])
        searched = self.space.place_searches(embeddings)
        return np.where(is_search, searched, self.space.place(embeddings))


async def unreadable(encoder: TextEncoder, texts: Sequence[str]) -> list[bool]:
    """Say of each text whether the encoder's vocabulary lacks so much that it cannot be read."""
    if not texts:
        return []
    shares = await asyncio.to_thread(encoder.unread, texts)
    return [share > MOST_UNREAD for share in shares.tolist()]
