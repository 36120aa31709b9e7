"""Text alone as a baseline: the encoder's vectors, raw or centred, and a decayed mean of them.

What a first model adds to this is its whitening. Only lists are told: no profile.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.portrait.counting import SEEN, weight_of
from benchmarks.portrait.side import Answer, Wish
from portrait.events.item import Item
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors, unit
from sandbox.planted.life import profile_key
from sandbox.planted.shop import Fields, Shop

DECAY = 0.8  # an event


class Texts:
    """Ranks items by how near their texts are."""

    def __init__(
        self,
        name: str,
        shop: Shop,
        embeddings: Vectors,
        encoder: TextEncoder,
        middle: Vectors | None = None,
    ) -> None:
        """Hold a catalogue's vectors.

        Args:
            name: Of this side.
            shop: N items.
            embeddings: (N, D), as the encoder gives them.
            encoder: Reads searches.
            middle: (D,), taken from every vector; None: nothing is.
        """
        self.name = name
        self._ids = [good.id for good in shop.goods]
        self._row = {id: row for row, id in enumerate(self._ids)}
        self._middle = np.zeros(embeddings.shape[1], np.float32) if middle is None else middle
        self._vectors = unit(embeddings - self._middle)
        self._encoder = encoder
        self._events: dict[str, list[Fields]] = defaultdict(list)

    def tell(self, events: Sequence[Fields]) -> None:
        """Remember who touched what."""
        for event in events:
            if "item_id" in event:
                self._events[profile_key(event)].append(event)

    def profile(self, user: str) -> Answer | None:
        """Say nothing: text alone has no profile."""
        del user
        return None

    def recommend(self, wish: Wish) -> Answer:
        """List the items that are nearest to what was touched, the newest first in weight."""
        newest = [] if wish.user is None else self._events[wish.user][: -SEEN - 1 : -1]
        touched = [(str(event["item_id"]), weight_of(event)) for event in newest]
        if wish.items or wish.texts:  # what somebody does now is all that counts
            touched = [(id, 1.0) for id in reversed(wish.items)]
        vector = np.zeros(self._vectors.shape[1], np.float32)
        for place, (id, weight) in enumerate(touched):
            vector += np.float32(weight * DECAY**place) * self._vectors[self._row[id]]
        for text in wish.texts:
            vector += unit(self._encoder.encode([text]) - self._middle)[0]
        scores = self._vectors @ vector
        left_out = [] if wish.seen_too else [self._row[id] for id, _ in touched]
        scores[[*left_out, *(self._row[id] for id in wish.items)]] = -np.inf
        best = np.argsort(-scores, kind="stable")[: wish.limit]
        return {
            "strategy": "profile",
            "items": [
                {"item_id": self._ids[row], "score": float(scores[row]), "reasons": []}
                for row in best
            ],
        }


def raw_and_centred(shop: Shop, encoder: TextEncoder) -> tuple[Texts, Texts]:
    """Encode a catalogue once, for both sides."""
    embeddings = encoder.encode([Item.model_validate(good.fields).text for good in shop.goods])
    return (
        Texts("raw text", shop, embeddings, encoder),
        Texts("centred text", shop, embeddings, encoder, embeddings.mean(axis=0)),
    )
