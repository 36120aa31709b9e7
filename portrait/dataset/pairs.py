"""Pairs: texts that shoppers' behaviour says belong together, what the text encoder learns from.

events ─▶ items near each other ─▶ counted ─▶ weighted ─▶ batches
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.model.kinds import UNDOING

WINDOW = 2  # events apart; farther ones have less and less to do with each other
BASKET = 32  # things apart in one order, at most: a shop's own orders have thousands
MOST_OPEN = 64  # batches filled at once: bounds the search for one without a pair's texts


@dataclass(frozen=True, slots=True)
class Pairs:
    """P different pairs of different texts."""

    texts: tuple[str, ...]
    left: Codes  # (P,), of texts; less than right
    right: Codes  # (P,)
    weight: NDArray[np.float32]  # (P,), how often to show it

    def __len__(self) -> int:
        return len(self.left)

    def are_known(self, left: Codes, right: Codes) -> NDArray[np.bool_]:
        """Say which texts (B,) are pairs with which (B,), in either order, or the same: (B, B)."""
        named, code = np.unique(np.concatenate([left, right]), return_inverse=True)
        code_of = np.full(len(self.texts), len(named))  # by text; all others are beyond
        code_of[named] = np.arange(len(named))
        known = np.eye(len(named) + 1, dtype=np.bool_)
        known[code_of[self.left], code_of[self.right]] = True
        known |= known.T
        return known[np.ix_(code[: len(left)], code[len(left) :])]


def behaviour_pairs(events: Interactions, texts: Sequence[str], window: int = WINDOW) -> Pairs:
    """Pair the texts of items that a user took within `window` events. Pass training events only.

    What was bought in one order is one basket: its lines belong together, however many lie between.

    Args:
        events: What happened.
        texts: (N,), of the items in order of `events.items`.
        window: How many events apart.
    """
    touched = events.where((events.item != NO_ITEM) & ~np.isin(events.action, UNDOING))
    one: list[Codes] = []
    other: list[Codes] = []
    farthest = max(window, BASKET) if touched.order.any() else window
    for apart in range(1, farthest + 1):
        same = touched.user[apart:] == touched.user[:-apart]
        if apart > window:
            same &= (touched.order[apart:] == touched.order[:-apart]) & (touched.order[apart:] > 0)
        one.append(touched.item[:-apart][same])
        other.append(touched.item[apart:][same])
    return _weighted(texts, np.concatenate(one), np.concatenate(other))


def draw_batches(pairs: Pairs, size: int, count: int, seed: int | Sequence[int]) -> list[Codes]:
    """Draw batches of pairs, the heavier ones sooner; no text stands twice in a batch.

    Args:
        pairs: What to draw from.
        size: Pairs in a batch.
        count: How many batches; fewer where the pairs do not suffice.
        seed: The same seed draws the same.

    Returns:
        Up to `count` arrays (size,) of pair numbers; no pair is in two of them.

    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006.
    """
    chance = np.random.default_rng(seed).random(len(pairs))
    order = np.argsort(-(np.log(chance) / pairs.weight), kind="stable")
    batches: list[tuple[list[int], set[int]]] = []
    full: list[Codes] = []
    for place in order.tolist():
        texts = {int(pairs.left[place]), int(pairs.right[place])}
        batch = next((batch for batch in batches if batch[1].isdisjoint(texts)), None)
        if batch is None:
            if len(batches) == MOST_OPEN:
                continue  # texts that stand in all of them: another epoch's turn
            batch = ([], set())
            batches.append(batch)
        batch[0].append(place)
        batch[1].update(texts)
        if len(batch[0]) == size:
            batches.remove(batch)
            full.append(np.array(batch[0]))
            if len(full) == count:
                break
    return full


def _weighted(texts: Sequence[str], one: Codes, other: Codes) -> Pairs:
    """Count pairs of texts and weigh them by how much more often they meet than chance has it.

    c_ij / sqrt(d_i d_j): the cosine of co-occurrence. Source: Sarwar et al., Item-based
    Collaborative Filtering, WWW 2001, section 3.1.1.
    """
    kinds = tuple(dict.fromkeys(texts))
    code = {text: place for place, text in enumerate(kinds)}
    codes = np.array([code[text] for text in texts], np.int64)
    empty = code.get("", -1)
    one, other = codes[one], codes[other]
    chosen = (one != other) & (one != empty) & (other != empty)
    keys, counts = np.unique(_keys(one[chosen], other[chosen], len(kinds)), return_counts=True)
    left, right = keys // len(kinds), keys % len(kinds)
    degree = np.bincount(left, counts, len(kinds)) + np.bincount(right, counts, len(kinds))
    weight = counts / np.sqrt(degree[left] * degree[right])
    return Pairs(kinds, left, right, weight.astype(np.float32))


def _keys(one: Codes, other: Codes, texts: int) -> Codes:
    keys: Codes = np.minimum(one, other) * texts + np.maximum(one, other)
    return keys
