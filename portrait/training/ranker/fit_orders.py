"""Orders: what is bought in one order with what, counted for lists that are about things.

purchases ─▶ orders ─▶ pairs, each once a voice, of five people ─▶ of one thing, and of several

What people touch next (`co_occurrence.py`) says where somebody goes on; an order says what belongs
beside what. Of one thing, the chance of the other is what matters; of several in a cart, what they
have that others have not: what everybody buys goes with each of them a little, and adds up.
"""

from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from portrait.arrays import MISSING, Codes, Flags, Floats, Refs, positions
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.events.columns import PURCHASE
from portrait.model.neighbours import Neighbours
from portrait.times import HOUR_MS
from portrait.training.ranker.clip import heard, voices
from portrait.training.ranker.co_occurrence import GATES, Kind, neighbours_of, over_popularity

APART_MS = HOUR_MS // 2  # purchases of one person further apart are two orders
LEAST_PEOPLE = 5  # that had a pair, for it to be told: lists about one thing tell of pairs
PAIRS_AT_ONCE = 1_000_000  # and those of the last user
CERTAIN, SPECIAL = (0.9, 0.1, 50.0), (0.5, 0.5, 10.0)  # of one thing, of several: `over_popularity`


def fit_orders(events: Interactions, refs: Refs) -> Neighbours | None:
    """Count what was bought together.

    Args:
        events: Of U users. Of each as much as is heard: see `clip.py`.
        refs: (N,), ascending: of the items that may be told, those of the model's neighbours.

    Returns:
        Neighbours of two kinds over the same items: of one thing, and of several. None: nothing was
        bought together by enough people.
    """
    events = heard(_bought(events))
    row = positions(refs, events.items)[events.item]
    is_told = row != MISSING
    pairs, popularity = _counted(events.where(is_told), row[is_told], len(refs))
    if not pairs.nnz:
        return None
    kinds = [Kind(over_popularity(pairs, popularity, *how), 0.0) for how in (CERTAIN, SPECIAL)]
    return neighbours_of(kinds, refs, GATES)


def orders_of(bought: Interactions) -> Codes:
    """Number the orders of purchases, (E,), ascending: of one user, never half an hour apart.

    What a shop says was one order is of one moment, the first of its purchases.
    """
    at = bought.moments
    order = np.lexsort((at, bought.user))
    user, at = bought.user[order], at[order]
    begins = (user[1:] != user[:-1]) | (at[1:] - at[:-1] > APART_MS)
    numbers = np.zeros(len(bought), np.int64)
    numbers[order] = np.r_[0, np.cumsum(begins)][: len(bought)]
    return numbers


def _bought(events: Interactions) -> Interactions:
    return events.where((events.action == PURCHASE) & (events.item != NO_ITEM))


def _counted(bought: Interactions, row: Codes, items: int) -> tuple[csr_array, Floats]:
    """Count the voices that had two things in one order, (N, N), and each at all, (N,).

    A pair that fewer than `LEAST_PEOPLE` had counts nothing.
    """
    order, voice = orders_of(bought), voices(bought)
    _, first = np.unique(order * items + row, return_index=True)  # by order: each thing once
    row, order, voice, user = row[first], order[first], voice[first], bought.user[first]
    _, start, size = np.unique(order, return_index=True, return_counts=True)
    ends = np.cumsum(size**2)
    marks = np.searchsorted(ends, np.arange(0, ends[-1:].sum(), PAIRS_AT_ONCE))
    cuts = np.unique(np.searchsorted(user[start], user[start[marks]]))  # nobody in two parts
    said, people = csr_array((items, items)), csr_array((items, items))
    for begin, stop in pairwise([*cuts.tolist(), len(size)]):
        one, other = _pairs(start[begin:stop], size[begin:stop])
        apart: Flags = row[one] != row[other]
        one, other = one[apart], other[apart]
        said += _once(voice[one], row[one], row[other], items)
        people += _once(user[one], row[one], row[other], items)
    _, once = np.unique(voice * items + row, return_index=True)
    popularity = np.bincount(row[once], minlength=items).astype(np.float32)
    return said.multiply(people >= LEAST_PEOPLE).tocsr(), popularity


def _pairs(start: Codes, size: Codes) -> tuple[Codes, Codes]:
    """Return the two lines of each pair of lines of each order, a line with itself among them."""
    line = np.repeat(start, size) + _places(size)
    of_each = np.repeat(size, size)
    return np.repeat(line, of_each), np.repeat(np.repeat(start, size), of_each) + _places(of_each)


def _once(who: Codes, one: Codes, other: Codes, items: int) -> csr_array:
    """Count who had each pair, (N, N), everybody once."""
    _, distinct = np.unique((who * items + one) * items + other, return_index=True)
    pair = one[distinct], other[distinct]
    return csr_array((np.ones(len(distinct), np.float32), pair), (items, items))


def _places(size: Codes) -> Codes:
    """Return 0 to n - 1 for each size n, one after the other."""
    places: Codes = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return places
