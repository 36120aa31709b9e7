"""A shop whose truth is known: people are assigned, come back, and buy more with a variant or not.

People differ: how often they come is drawn from a gamma distribution, what they spend from a
log-normal one. Everybody arrives at a moment of their own and goes on buying from then on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portrait.experiments.assignment import variant_of
from portrait.experiments.means import Sums

EVEN = {"control": 0.5, "variant": 0.5}


def assigned(experiment: str, people: int, split: dict[str, float] = EVEN) -> NDArray[np.bool_]:
    """Say who of N people is in the variant, (N,), as the service assigns them."""
    return np.array([variant_of(experiment, split, str(who)) == "variant" for who in range(people)])


def converted(
    is_variant: NDArray[np.bool_], rate: float, lift: float, random: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Let N people arrive one after the other, and some convert, each once and a while later.

    Returns:
        Whether each of those who convert, in the order in which they do, is in the variant; and how
        many people had arrived by then.
    """
    people = len(is_variant)
    rates = np.where(is_variant, rate * (1 + lift), rate)
    who = np.flatnonzero(random.random(people) < rates)
    moments = who + random.exponential(people / 20, len(who))
    order = np.argsort(moments)
    arrived = np.minimum(moments[order].astype(np.int64) + 1, people)
    return is_variant[who[order]], arrived


class Look(NamedTuple):
    """What is known at one moment."""

    variant: Sums
    control: Sums


def spent(
    is_variant: NDArray[np.bool_], buys: float, lift: float, random: np.random.Generator, looks: int
) -> list[Look]:
    """Let N people arrive and buy `buys` times each on average; look at what all have spent."""
    people = len(is_variant)
    often = random.gamma(0.5, 2 * buys, people) * np.where(is_variant, 1 + lift, 1)
    who = np.repeat(np.arange(people), random.poisson(often))
    moments = random.uniform(who / people, 1)  # of each purchase, after its buyer's arrival
    who = who[np.argsort(moments)]
    moments = np.sort(moments)
    prices = random.lognormal(3, 1, len(who))
    steps = _steps(who, prices)
    edges = np.linspace(0, len(who), looks + 1).astype(np.int64)[1:]
    ends = [(edge, int(moments[edge - 1] * people) + 1 if edge else 0) for edge in edges]
    return [
        Look(*(_sums(is_variant == arm, who, prices, steps, *end) for arm in (True, False)))
        for end in ends
    ]


class _Steps(NamedTuple):
    """What each purchase adds."""

    squares: NDArray[np.float64]  # to the sum of squares
    is_first: NDArray[np.bool_]  # of its buyer


def _steps(who: NDArray[np.int64], prices: NDArray[np.float64]) -> _Steps:
    by_person = np.argsort(who, kind="stable")
    sums = np.cumsum(prices[by_person])
    is_first = np.r_[True, np.diff(who[by_person]) != 0][: len(who)]
    begun = np.maximum.accumulate(np.where(is_first, np.arange(len(who)), 0))
    after = sums - (sums - prices[by_person])[begun]
    squares, firsts = np.empty(len(who)), np.empty(len(who), bool)
    squares[by_person] = after**2 - (after - prices[by_person]) ** 2
    firsts[by_person] = is_first
    return _Steps(squares, firsts)


def _sums(  # noqa: PLR0913, PLR0917 - one look
    arm: NDArray[np.bool_],
    who: NDArray[np.int64],
    prices: NDArray[np.float64],
    steps: _Steps,
    purchases: int,
    arrived: int,
) -> Sums:
    mine = arm[who[:purchases]]
    return Sums(
        int(arm[:arrived].sum()),
        int(steps.is_first[:purchases][mine].sum()),
        float(prices[:purchases][mine].sum()),
        float(steps.squares[:purchases][mine].sum()),
    )
