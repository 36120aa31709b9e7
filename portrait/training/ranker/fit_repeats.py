"""Fit the repeat part: what everybody buys again, then what makes a thing due.

interactions ─▶ rates of items ─┐
             ─▶ next days ──────┴▶ things known at each, bought again or not ─▶ logistic, signs held

Descends one convex loss to its end, so the same events give the same weights. How much a user buys
at all is in the fit and left out of the score: it tells users apart, and none of their things.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from portrait.arrays import Codes, Doubles, Flags, Floats, Refs, positions
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.dataset.shopping import Shopping, next_days, shopping_of
from portrait.model.bought import Bought, Purchases, bought, of_rings
from portrait.model.repeats import NEGATIVE, SHORTEST, SIGNS, Rates, Repeats, describe
from portrait.times import DAY_MS

LEAST_AGAIN = 200  # answers of either kind; with fewer there is nothing to fit
LEAST_PEOPLE = 5  # who bought an item, for it to have rates of its own: they are told in reasons
MOST_CHANCES, MOST_GAPS = 60, 20  # that one person says of one item: see `clip.py`
PRIOR_CHANCES, PRIOR_GAPS = 20, 5  # of an item, as all others are: measured on validation
RIDGE = 1.0
STEPS = 200  # of the descent; 20 to 50 are needed
MOST_THINGS = 1_000_000  # that are learned from, drawn once; 250 MB
PART = 4_096  # questions whose rings are in memory at once: 8 MB

Known = Callable[[Anchors], Purchases]  # what is known at moments


def remembered(history: History) -> Known:
    """Know what the service would: the purchases among the newest events of each user."""

    def known(anchors: Anchors) -> Purchases:
        parts = []
        for start in range(0, len(anchors), PART):
            some = anchors.where(np.arange(start, min(start + PART, len(anchors))))
            part = of_rings(history.facts(some).ring)
            parts.append(replace(part, question=part.question + start))
        return Purchases(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("question", "ref", "at")
            )
        )

    return known


def fit_repeats(events: Interactions, known: Known | None = None) -> Repeats | None:
    """Fit the repeat part; None where too little is bought again.

    Args:
        events: Of U users; nothing after them is looked at. Items in ascending order of refs.
        known: What is known at a moment; None: what the service knows.
    """
    shopping = shopping_of(events)
    rates = rates_of(shopping, events.items)
    asked = next_days(shopping)
    if not len(asked.anchors):
        return None
    had = bought((known or remembered(History(events)))(asked.anchors), asked.anchors.at)
    if len(had) > MOST_THINGS:
        had = had.where(np.sort(np.random.default_rng(0).permutation(len(had))[:MOST_THINGS]))
    item = positions(events.items, had.ref)
    again = asked.holds(had.question, item, len(events.items))
    if min(again.sum(), (~again).sum()) < LEAST_AGAIN:
        return None
    lately = shopping.lately(item, asked.anchors.at[had.question])
    return _fitted(rates, had, lately, again)


def rates_of(shopping: Shopping, refs: Refs) -> Rates:
    """Count what everybody does with each item, drawn towards all others where little is known."""
    chances, again, gaps, logs, people = _sums(shopping)
    whole_rate = (again.sum() + 1) / (chances.sum() + 1 / SHORTEST)
    whole_log = logs.sum() / gaps.sum() if gaps.sum() else np.log(28.0)
    own = np.flatnonzero(people >= LEAST_PEOPLE)
    others = np.setdiff1d(np.flatnonzero(people), own)

    def told(sums: Doubles) -> Doubles:
        return np.append(sums[own], sums[others].sum())

    rate = (told(again) + PRIOR_CHANCES * whole_rate) / (told(chances) + PRIOR_CHANCES)
    log = (told(logs) + PRIOR_GAPS * whole_log) / (told(gaps) + PRIOR_GAPS)
    several = max(1, len(others))
    scale = np.append(np.ones(len(own)), 1 / several)  # the last is of one of them
    return Rates(
        refs=refs[own],
        rate=np.log(rate).astype(np.float32),
        interval=np.maximum(np.exp(log) - SHORTEST, SHORTEST).astype(np.float32),
        buyers=np.log1p(told(people) * scale).astype(np.float32),
        usual=(told(shopping.usual.astype(np.float64)) * scale).astype(np.float32),
        whole=shopping.usual.sum(keepdims=True),
    )


def _sums(shopping: Shopping) -> tuple[Doubles, Doubles, Doubles, Doubles, Doubles]:
    """Add up by item, (N,): chances, times again, gaps, their logarithms, people.

    One person says no more than MOST_CHANCES and MOST_GAPS of an item, however often they buy it.
    """
    day = np.cumsum(_first(shopping.begins, len(shopping.user)))
    last_day = np.zeros(shopping.users, np.int64)
    np.maximum.at(last_day, shopping.user, day)
    order = np.lexsort((shopping.at, shopping.item, shopping.user))
    user, item, at = shopping.user[order], shopping.item[order], shopping.at[order]
    begins = np.ones(len(user), np.bool_)
    begins[1:] = (np.diff(user) != 0) | (np.diff(item) != 0)
    pair = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    times = np.diff(np.append(first, len(user)))
    chances = (last_day[user] - day[order])[first]
    log = np.log(np.diff(at, prepend=0) / DAY_MS + SHORTEST, where=~begins, out=np.zeros(len(at)))
    logs = np.bincount(pair, log, len(first))
    said, heard = (
        np.minimum(1, most / np.maximum(of, 1))
        for most, of in ((MOST_CHANCES, chances), (MOST_GAPS, times - 1))
    )
    columns = (chances * said, (times - 1) * said, (times - 1) * heard, logs * heard)
    of = item[first]
    summed = [np.bincount(of, each, shopping.items).astype(np.float64) for each in columns]
    people = np.bincount(of, minlength=shopping.items).astype(np.float64)
    return summed[0], summed[1], summed[2], summed[3], people


def _first(begins: Codes, length: int) -> Flags:
    is_first = np.zeros(length, np.bool_)
    is_first[begins] = True
    return is_first


def _fitted(rates: Rates, had: Bought, lately: Floats, again: Flags) -> Repeats:
    """Fit the weights: those of the features keep their signs, those of the users are free."""
    features = describe(rates, had, lately)
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    crowd = had.crowd - had.crowd.mean(axis=0)
    crowd /= np.maximum(crowd.std(axis=0), 1e-6)
    inputs = np.concatenate([(features - mean) / spread, crowd], axis=1)
    answers = again.astype(np.float64)

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        logit = inputs @ weights[1:] + weights[0]
        lost = np.logaddexp(0, logit).sum() - logit @ answers
        missed = np.exp(-np.logaddexp(0, -logit)) - answers
        slope = np.append(missed.sum(), inputs.T @ missed + RIDGE * weights[1:])
        return float(lost + RIDGE / 2 * (weights[1:] ** 2).sum()), slope

    start = np.zeros(1 + inputs.shape[1])
    start[0] = np.log(answers.mean() / (1 - answers.mean()))
    signs = [(None, 0) if sign == NEGATIVE else (0, None) for sign in SIGNS.values()]
    bounds = [(None, None), *signs, *[(None, None)] * crowd.shape[1]]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    weights = found.x[1 : 1 + len(SIGNS)].astype(np.float32)
    return Repeats(
        rates,
        mean.astype(np.float32),
        spread.astype(np.float32),
        weights,
        found.x[:1].astype(np.float32),
    )
