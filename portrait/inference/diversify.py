"""Diversify: of the items that suit best, those that are not like what stands above them."""

import numpy as np

from portrait.arrays import Codes, Floats, turns
from portrait.inference.shelf import Shelf
from portrait.model.space import Vectors

FIRST_SEEN = 64  # texts that are looked at, at first
ITEMS_PER_TEXT = 2  # items of one text among the candidates: near-duplicates


def diversify(
    shelf: Shelf, rows: Codes, relevance: Floats, limit: int, diversity: float
) -> tuple[Codes, Floats]:
    """Take candidates one by one: near the user, and not like those that were taken before.

    Args:
        shelf: N items.
        rows: (c,), the most relevant first, those of one text together.
        relevance: (c,).
        limit: How many to take.
        diversity: 0: relevance alone; 1: unlikeness alone.

    Returns:
        The places in `rows` of what was taken, (n,), best first, and `on_scale` of it, (n,).

    Source: Carbonell and Goldstein, The use of MMR, SIGIR 1998; diversity is 1 - lambda.
    """
    things = shelf.variants.first(rows)
    if not diversity:
        best = things[:limit]
        return best, on_scale(relevance[best], relevance[best], 0)
    suits = _weighed(relevance[things], diversity)
    text = shelf.text[rows[things]]
    few = np.flatnonzero(turns(text) < ITEMS_PER_TEXT)
    pile = Pile(shelf.matrix, text[few], suits[few], diversity)
    chosen = few[[pile.take() for _ in range(min(limit, len(few)))]]
    worth = np.array(pile.worth_when_taken, np.float32)
    if len(chosen) < limit:  # too few texts: more items of the same ones
        more = np.setdiff1d(np.arange(len(things)), chosen)[: limit - len(chosen)]
        chosen = np.r_[chosen, more]
        worth = np.r_[worth, suits[more] - np.float32(diversity)]
    return things[chosen], on_scale(worth, suits[chosen], diversity)


def _weighed(relevance: Floats, diversity: float) -> Floats:
    """Return what relevance, (c,), counts beside diversity."""
    highest = float(relevance.max(initial=0)) or 1.0  # likeness ends at 1, and so should this
    weighed: Floats = (1 - diversity) * relevance / np.float32(highest)
    return weighed


def on_scale(worth: Floats, suits: Floats, diversity: float) -> Floats:
    """Put what items were worth when they were taken, (n,), on the scale that people see.

    1: nothing in the list suits better, and nothing like it stands above. 0: nothing speaks for it,
    and it is like one above. An item that was put behind, for being the third of its category or
    text, counts no more than the one above it.

    Args:
        worth: (n,), `suits` less the likeness to what stands above.
        suits: (n,), what relevance counts.
        diversity: What being unlike counts: it is told as `diversity` less the likeness.
    """
    whole = np.abs(suits).max(initial=0) + np.float32(diversity)
    if not whole:
        return np.zeros(len(worth), np.float32)
    scaled: Floats = np.minimum.accumulate(np.clip((worth + np.float32(diversity)) / whole, 0, 1))
    return scaled


class Pile:
    """Candidates, the most relevant first, looked at only as far down as one could be the best.

    What a candidate is worth only falls with each that is taken, so whoever stands below one that
    is still worth more than all below were at first cannot be next. Seldom more than the upper
    part is compared with what was taken, and only its vectors are read.
    """

    def __init__(self, matrix: Vectors, texts: Codes, relevance: Floats, diversity: float) -> None:
        self._matrix, self._texts, self._relevance = matrix, texts, relevance  # (T, K), (c,), (c,)
        self._diversity = np.float32(diversity)
        self._worth = relevance.copy()  # less the likeness to the nearest one taken
        self._taken: list[int] = []
        self.worth_when_taken: list[np.float32] = []
        self._room = np.empty((len(texts), matrix.shape[1]), np.float32)  # read as far as seen
        self.seen = 0
        self._see(min(FIRST_SEEN, len(relevance)))

    def take(self) -> int:
        """Take the one that is worth most. Returns its place."""
        best = int(self._seen_worth.argmax())
        while self.seen < len(self._worth) and self._seen_worth[best] < self._relevance[self.seen]:
            self._look(self.seen, min(2 * self.seen, len(self._worth)))
            best = int(self._seen_worth.argmax())
        self._taken.append(best)
        self.worth_when_taken.append(self._seen_worth[best])
        likeness = self._vectors @ (self._diversity * self._vectors[best])
        left = np.subtract(self._seen_relevance, likeness, out=likeness)
        np.minimum(self._seen_worth, left, out=self._seen_worth)  # being unlike is no merit
        self._seen_worth[best] = -np.inf
        return best

    def _see(self, end: int) -> None:
        """Let the upper part end here: their worth is as of now."""
        part = slice(self.seen, end)
        np.take(self._matrix, self._texts[part], axis=0, out=self._room[part], mode="clip")
        self.seen = end
        self._vectors = self._room[:end]  # (seen, K)
        self._seen_worth, self._seen_relevance = self._worth[:end], self._relevance[:end]

    def _look(self, start: int, end: int) -> None:
        """Compare more candidates with all that were taken."""
        self._see(end)
        if self._taken:
            taken = self._diversity * self._vectors[self._taken]
            nearest = (self._vectors[start:] @ taken.T).max(axis=1)  # (c, taken)
            part = self._seen_worth[start:]
            np.minimum(part, self._seen_relevance[start:] - nearest, out=part)
