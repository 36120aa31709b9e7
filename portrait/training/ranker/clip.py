"""The clip: how much one account can say of what goes with what, whatever it sends.

events ─▶ of each user and four weeks, the newest MOST_ITEMS things ─▶ each pair once

So m accounts, over P spans of four weeks, add at most

- m to the number of people who touched both items of a pair, and to that of either;
- (1 + backward) m P to the evidence that one thing comes after another, before its logarithm;
- to a column of the regression a vector of length sqrt(sum of r^2 / ridge), where r is by how much
  the regression without them misses each of the m rows that they add.

The last: let F be the loss without them, b its minimum, A what they add, b' the minimum of F + A.
F + A is strongly convex, by the ridge: ridge |b - b'|^2 <= (F + A)(b) - (F + A)(b'), which is at
most A(b), for F(b) <= F(b') and A(b') >= 0. And A(b) is the sum of r^2.

Who has many accounts has many voices: what an account costs is the shop's border, not this one.
"""

from datetime import timedelta

import numpy as np

from portrait.arrays import Codes, Flags
from portrait.dataset.interactions import Interactions

MOST_ITEMS = 128  # four a day: a wholesaler's month is mostly heard, a crawler's is not
SPAN_MS = timedelta(weeks=4) // timedelta(milliseconds=1)


def heard(events: Interactions) -> Interactions:
    """Return the events about the newest things of each user and span; none is a search."""
    if not len(events):
        return events
    last = len(events) - 1
    keys = voices(events) * len(events.items) + events.item
    # Read backwards, the first of a thing is its newest event.
    _, first, thing = np.unique(keys[::-1], return_index=True, return_inverse=True)
    newest = last - first  # (T,), places
    voice = voices(events)[newest]
    order = np.lexsort((-newest, voice))
    begins = np.r_[True, voice[order][1:] != voice[order][:-1]]
    starts = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    is_heard = np.zeros(len(order), np.bool_)
    is_heard[order] = np.arange(len(order)) - starts < MOST_ITEMS
    return events.where(is_heard[thing[::-1]])


def voices(events: Interactions) -> Codes:
    """Number users and spans, (E,), ascending: what one user did in one span is one voice."""
    span = events.at // SPAN_MS
    begins = (events.user[1:] != events.user[:-1]) | (span[1:] != span[:-1])
    numbers: Codes = np.r_[0, np.cumsum(begins)][: len(events)]
    return numbers


def first_said(voice: Codes, before: Codes, after: Codes, items: int) -> Flags:
    """Say which of P pairs, (P,), is the first of its voice that says so: (P,)."""
    _, first = np.unique((voice * items + before) * items + after, return_index=True)
    is_first = np.zeros(len(voice), np.bool_)
    is_first[first] = True
    return is_first
