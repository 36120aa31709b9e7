"""New text: find its vector, in Redis or by running BERT, and keep it.

The vectors that this process works with are the ones that everybody reads from the store, rounded
as the store rounds them, so that every worker paints the same bits.

Searches are placed so that they find what the encoder finds (`Space.place_searches`). One that the
encoder's vocabulary lacks stays without a vector: it would lie where everything lies that cannot be
read; and one without a letter, or of which nothing is left but that something was taken out, says
nothing that could be placed. Items keep theirs, which is better than none (docs/experiments.md).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import numpy as np

from portrait import metrics
from portrait.catalogue.store import CatalogueStore
from portrait.model.encoder import TextEncoder
from portrait.model.space import Space, Vectors
from portrait.privacy.redact import without_marks
from portrait.ref import search_ref, text_ref
from portrait.wording import worded

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
        texts: Iterable[str] = (),
        *,
        searches: Iterable[str] = (),
        ttl: timedelta | None = None,
    ) -> int:
        """Encode the texts that the store has no vector of, and store their vectors.

        Args:
            texts: Of items; any number; the encoder makes its own batches.
            searches: What was searched for. They are worth nothing unless they can be read, and
                are placed so that they find what the encoder finds.
            ttl: How long to keep them; None for ever, also for those that were to expire.

        Returns:
            How many were encoded.
        """
        of_items = {text_ref(text): text for text in texts}
        searched = {search_ref(text): worded(text) for text in searches}
        refs = [*of_items, *searched]
        vectors = await self._store.get_vectors(self.space.id, refs, self.space.dim)
        known = {r: v for r, v in zip(refs, vectors, strict=True) if v is not None}
        metrics.texts_cached.inc(len(known))
        if ttl is None and known:
            await self._store.put_vectors(self.space.id, list(known), np.stack([*known.values()]))
        if self._encoder is None:
            metrics.texts_passed_over.inc(len(refs) - len(known))
            return 0
        items = {ref: text for ref, text in of_items.items() if ref not in known}
        asked = {ref: text for ref, text in searched.items() if ref not in known}
        asked = await self._legible(self._encoder, asked)
        for new, place in ((items, self.space.place), (asked, self.space.place_searches)):
            if new:
                placed = place(await self._encoded(self._encoder, [*new.values()]))
                await self._store.put_vectors(self.space.id, [*new], placed, ttl=ttl)
        return len(items) + len(asked)

    async def _legible(self, encoder: TextEncoder, searches: Mapping[int, str]) -> dict[int, str]:
        """Return the searches that can be read, by ref."""
        spoken = {ref: text for ref, text in searches.items() if has_words(text)}
        is_unread = await unreadable(encoder, [*spoken.values()])
        metrics.searches_unread.inc(sum(is_unread) + len(searches) - len(spoken))
        said = zip(spoken.items(), is_unread, strict=True)
        return {ref: text for (ref, text), passed_over in said if not passed_over}

    async def _encoded(self, encoder: TextEncoder, texts: list[str]) -> Vectors:
        """Run BERT, in a thread. Returns (B, D)."""
        metrics.texts_encoded.inc(len(texts))
        return await asyncio.to_thread(encoder.encode, texts)


def has_words(text: str) -> bool:
    """Say whether a text has a letter, beside what stands where something was taken out."""
    return any(letter.isalpha() for letter in without_marks(text))


async def unreadable(encoder: TextEncoder, texts: Sequence[str]) -> list[bool]:
    """Say of each text whether the encoder's vocabulary lacks so much that it cannot be read."""
    return await asyncio.to_thread(illegible, encoder, texts)


def illegible(encoder: TextEncoder, texts: Sequence[str]) -> list[bool]:
    """Say the same, and block meanwhile."""
    return [share > MOST_UNREAD for share in encoder.unread(texts).tolist()] if texts else []
