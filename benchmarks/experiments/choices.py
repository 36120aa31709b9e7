"""Choices whose worth is known: does the off-policy estimate say it, as often as it should?

Cases are of four kinds, and three arms bring what depends on both. Thompson sampling chooses and
logs its chances, as it learns; another way of choosing is then valued by what was logged. The
model of the reward knows half of the kinds only, so it is wrong.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.experiments.off_policy import Value, cross_fitted, doubly_robust
from portrait.experiments.thompson import chances

KINDS, ARMS = 4, 3
CASES, EVERY = 2_000, 50  # Thompson sampling learns after so many


def coverage(worlds: int) -> dict[str, float]:
    """Value other ways of choosing in many worlds; print how often the truth is in the interval."""
    told = [valued(seed) for seed in range(worlds)]
    held = float(np.mean([each.low <= truth <= each.high for each, truth in told]))
    width = float(np.mean([each.high - each.low for each, _ in told]))
    error = float(np.mean([each.mean - truth for each, truth in told]))
    print(f"\noff-policy intervals in {worlds} worlds that hold the truth: {held:.3f}")
    print(f"mean width {width:.4f}, mean error {error:+.5f}")
    return {"coverage": held, "width": width, "error": error}


def valued(seed: int, cases: int = CASES) -> tuple[Value, float]:
    """Choose and log in one world. Returns the estimate of another way, and its truth."""
    random = np.random.default_rng(seed)
    rates = random.uniform(0.02, 0.3, (KINDS, ARMS))
    kinds = random.integers(KINDS, size=cases)
    actions, rewards, propensities = logged(kinds, rates, random)
    wanted = random.dirichlet(np.ones(ARMS), KINDS)[kinds]
    foreseen = cross_fitted(actions, rewards, kinds // 2, ARMS)
    estimate = doubly_robust(actions, rewards, propensities, wanted, foreseen)
    return estimate, float((wanted * rates[kinds]).sum(axis=1).mean())


def logged(
    kinds: NDArray[np.int64], rates: NDArray[np.float64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Let Thompson sampling choose in each case. Returns actions, rewards and propensities."""
    cases = len(kinds)
    actions, rewards = np.zeros(cases, np.int64), np.zeros(cases)
    propensities = np.zeros(cases)
    trials, successes = np.zeros(ARMS, np.int64), np.zeros(ARMS, np.int64)
    for begin in range(0, cases, EVERY):
        some = slice(begin, min(begin + EVERY, cases))
        by = chances(trials, successes, random)
        chosen = random.choice(ARMS, some.stop - begin, p=by)
        brought = random.random(len(chosen)) < rates[kinds[some], chosen]
        actions[some], rewards[some], propensities[some] = chosen, brought, by[chosen]
        trials += np.bincount(chosen, minlength=ARMS)
        successes += np.bincount(chosen, brought, ARMS).astype(np.int64)
    return actions, rewards, propensities
