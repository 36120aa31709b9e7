"""The replay: test, then train, in time order (prequential evaluation).

Every purchase is first predicted from what each kind of state knows, then learned. A state that is
k events late lacks the user's last k; one that is a minute, an hour or a day late knows nothing
younger. Co-occurrence is the same for all: only the user's state is late. Items already in the
basket are left out of every ranking.

Source: Gama, Sebastião and Rodrigues, On Evaluating Stream Learning Algorithms, 2013.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from benchmarks.staleness.retail import Purchases
from benchmarks.staleness.shop_model import REMEMBERED, ShopModel
from portrait.arrays import Codes
from portrait.evaluation.ranking import PerUser, ranks

EVENTS_LATE = {"fresh": 0, "1 event": 1, "2 events": 2, "3 events": 3}
SECONDS_LATE = {"1 minute": 60, "1 hour": 3_600, "1 day": 86_400}
NO_STATE = "no state"  # popularity alone
DELAYS = (*EVENTS_LATE, *SECONDS_LATE, NO_STATE)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was predicted, and what it took to learn."""

    event: Codes  # (P,), which of the purchases were predicted
    place: PerUser  # (P, DELAYS), ranks
    learn_microseconds: PerUser  # (E,)


def replay(purchases: Purchases, model: ShopModel, *, every: int = 1, seed: int = 0) -> Replayed:
    """Predict and learn every purchase.

    Args:
        purchases: In time order.
        model: Knows nothing yet.
        every: Predict one in so many within baskets, drawn at random; the first of a basket
            always. All are learned.
        seed: Of that draw.
    """
    asked = (purchases.place == 0) | (
        np.random.default_rng(seed).random(len(purchases)) * every < 1
    )
    found, learning = [], np.zeros(len(purchases))
    for event, (items, moments) in enumerate(_states(purchases)):
        if event:
            model.pass_time(float(purchases.at[event] - purchases.at[event - 1]))
        if asked[event]:
            found.append(_predict(purchases, event, items, moments, model))
        started = time.perf_counter()
        model.learn(int(purchases.item[event]), _newest(items, len(items)))
        learning[event] = (time.perf_counter() - started) * 1e6
    place = np.stack(found) if found else np.zeros((0, len(DELAYS)))
    return Replayed(np.flatnonzero(asked), place, learning)


def known(at: int, moments: list[int], delay: str) -> int:
    """Return how many of a user's events a late state knows, at a moment."""
    if delay == NO_STATE:
        return 0
    if delay in EVENTS_LATE:
        return max(0, len(moments) - EVENTS_LATE[delay])
    return int(np.searchsorted(moments, at - SECONDS_LATE[delay], side="right"))


def _states(purchases: Purchases) -> Iterator[tuple[list[int], list[int]]]:
    """Yield, for each purchase, the items and the moments of its user's earlier ones."""
    items: dict[int, list[int]] = defaultdict(list)
    moments: dict[int, list[int]] = defaultdict(list)
    columns = (purchases.user.tolist(), purchases.item.tolist(), purchases.at.tolist())
    for user, item, at in tqdm(zip(*columns, strict=True), "replay", len(purchases), disable=None):
        yield items[user], moments[user]
        items[user].append(item)
        moments[user].append(at)


def _predict(
    purchases: Purchases, event: int, items: list[int], moments: list[int], model: ShopModel
) -> PerUser:
    """Rank the purchase by each kind of state, (DELAYS,)."""
    at, basket = int(purchases.at[event]), int(purchases.place[event])
    counts = [known(at, moments, delay) for delay in DELAYS]
    distinct = sorted(set(counts))
    scores = model.scores([_newest(items, count) for count in distinct])
    inside = np.unique(np.array(items[len(items) - basket :], np.int64))
    rows = np.repeat(np.arange(len(distinct)), len(inside))
    target = np.full(len(distinct), purchases.item[event])
    place = ranks(scores, target, (rows, np.tile(inside, len(distinct))))
    return place[np.searchsorted(distinct, counts)]


def _newest(items: list[int], count: int) -> Codes:
    """Return the newest of the first `count` items, newest first."""
    return np.array(items[max(0, count - REMEMBERED) : count][::-1], np.int64)
