"""Counts: how often one of two variants is the one, and whether that is chance, at any time.

Everybody is assigned by a coin that comes down for the variant q times in 1. If it changes nothing,
then each of those who convert has been assigned to it with that chance, too, whatever the hour, the
season or how many came. So the n who converted are n throws, x of them for the variant, and

    E = B(a + x, b + n - x) / B(a, b) / (q^x (1 - q)^(n - x)),   a = Kq, b = K(1 - q)

is the mean of how much likelier the throws are at other shares than at q. It is a martingale of
mean one where nothing changes: the chance that it ever reaches 1 / alpha is alpha at most, however
often somebody looks (Ville). The shares that are not refused so are a confidence sequence.

That the counts are of people, each once, is what makes them throws: clicks of one person are not.
Who did not convert is left out, which costs little where few do: at a rate of p, 1 / (1 - p) times
as many are needed.

Sources: Lindon and Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022, section
4; Robbins, Statistical methods related to the law of the iterated logarithm, Annals of Mathematical
Statistics 41(5), 1970.
"""

from collections.abc import Sequence
from math import exp, inf, lgamma, log
from typing import NamedTuple

ALPHA = 0.05
LIKELY = 400.0  # throws that the prior counts as: lifts of some 10 % are what is looked for
LIKELY_RATIO = 10_000.0  # the same, of how many are assigned: a few percent are a defect
STEPS = 60  # of halving: to the last bit


class Lift(NamedTuple):
    """How many more convert with a variant than without, as a share: 0.1 is a tenth more."""

    lift: float | None  # None: not known, as nobody has without
    low: float  # these hold at every moment together, 95 times in 100
    high: float  # inf: there is no bound yet
    p: float  # at any time: 1 / E, at most 1


def lift_of(variant: int, control: int, chance: float, alpha: float = ALPHA) -> Lift:
    """Return how much likelier people convert with a variant.

    Args:
        variant: How many did who have it.
        control: How many did who do not.
        chance: With which whoever is in one of both is in the variant.
        alpha: How often the interval may fail, over all moments.
    """
    thrown = variant + control
    evidence = log_evidence(variant, thrown, chance, chance)
    low, high = share_bounds(variant, thrown, chance, alpha)
    odds = chance / (1 - chance)
    lift = None if control == 0 else variant / control / odds - 1
    return Lift(lift, _odds(low) / odds - 1, _odds(high) / odds - 1, min(1.0, exp(-evidence)))


def _odds(share: float) -> float:
    return inf if share >= 1 else share / (1 - share)


def log_evidence(hits: int, thrown: int, share: float, centre: float) -> float:
    """Return log E against a share, with the prior around a centre."""
    misses = thrown - hits
    a, b = LIKELY * centre, LIKELY * (1 - centre)
    return _beta(a + hits, b + misses) - _beta(a, b) - _chance(hits, misses, share)


def share_bounds(hits: int, thrown: int, centre: float, alpha: float) -> tuple[float, float]:
    """Return the least and the largest share that the throws do not refuse."""
    if not thrown:
        return 0.0, 1.0
    limit, found = -log(alpha), hits / thrown

    def refuses(share: float) -> bool:
        return log_evidence(hits, thrown, share, centre) >= limit

    def edge(outside: float) -> float:
        inside = found
        for _ in range(STEPS):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if refuses(middle) else (middle, outside)
        return outside

    return (edge(0.0) if hits else 0.0), (edge(1.0) if hits < thrown else 1.0)


def log_evidence_of_shares(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return log E against people having been assigned by these shares: the same for several.

    Source: Lindon and Malek, section 3, on sample ratio mismatch.
    """
    prior = [LIKELY_RATIO * share for share in shares]
    seen = [one + count for one, count in zip(prior, counts, strict=True)]
    fitting = sum(n * log(share) for n, share in zip(counts, shares, strict=True))
    return _dirichlet(seen) - _dirichlet(prior) - fitting


def ratio_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return how sure it is, at any time, that people were assigned by these shares: 1 / E."""
    return min(1.0, exp(-log_evidence_of_shares(counts, shares)))


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _dirichlet(parts: Sequence[float]) -> float:
    return sum(map(lgamma, parts)) - lgamma(sum(parts))


def _chance(hits: int, misses: int, share: float) -> float:
    """Return the logarithm of how likely throws are at a share."""
    if (hits and share <= 0) or (misses and share >= 1):
        return -inf
    return (hits * log(share) if hits else 0.0) + (misses * log(1 - share) if misses else 0.0)
