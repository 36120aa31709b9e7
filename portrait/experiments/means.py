"""Means: whether what people do is worth more with a variant than without, at any time.

Of N people, each with a sum so far, the difference of the logarithms of both means lies, at every
moment together, with a chance that goes to 1 - alpha, within

    s sqrt(2 (N r + 1) / (N^2 r) log(sqrt(N r + 1) / alpha)),

where s^2 / N is what it varies by: the normal mixture, which is tightest about N = TIGHTEST. Sums
that still grow are well: who has done much goes on doing much, so that an early difference is
rather kept than undone, and the path crosses a bound no more often than one of people who are done.

It is a law of large numbers, so of few who ever spend it says nothing. One large sum makes it
wide, never narrow; sums beyond a cap count as the cap, which bounds that.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and
asymptotic confidence sequences, Annals of Statistics 52(6), 2024, theorem 2.2 and appendix B.
"""

from dataclasses import dataclass
from math import exp, expm1, inf, log, sqrt

from portrait.experiments.counts import ALPHA, Lift

LEAST = 50  # people of each variant who have any sum: below, normal is far away
TIGHTEST = 10_000  # people


@dataclass(frozen=True, slots=True)
class Sums:
    """What N people have done, each of whom has a sum of nothing or more."""

    people: int
    some: int  # of them have a sum above nothing
    total: float
    squares: float  # of the sums, added

    @property
    def mean(self) -> float:
        """A person's, on average."""
        return self.total / self.people if self.people else 0.0

    @property
    def spread(self) -> float:
        """The variance of the logarithm of the mean, by the delta method."""
        variance = max(0.0, self.squares / self.people - self.mean**2)
        return variance / self.people / self.mean**2


def mean_lift_of(variant: Sums, control: Sums, alpha: float = ALPHA) -> Lift:
    """Return how much more a person does with a variant; what is not known yet has no bounds."""
    lift = variant.mean / control.mean - 1 if control.mean else None
    if min(variant.some, control.some) < LEAST:
        return Lift(lift, -1.0, inf, 1.0)
    shift = log(variant.mean / control.mean)
    people, spread = variant.people + control.people, variant.spread + control.spread
    radius = sqrt(people * spread) * _radius(people, alpha)
    return Lift(lift, expm1(shift - radius), expm1(shift + radius), _p(shift, spread, people))


def _radius(people: int, alpha: float) -> float:
    """Return how far the mean of so many, of variance one, may lie from the truth."""
    grown = people * _pace(ALPHA) + 1
    return sqrt(2 * grown / (people**2 * _pace(ALPHA)) * log(sqrt(grown) / alpha))


def _p(shift: float, spread: float, people: int) -> float:
    """Return the least alpha whose interval excludes nothing at all."""
    grown = people * _pace(ALPHA) + 1
    if spread <= 0:
        return 1.0 if shift == 0 else 0.0
    exponent = shift**2 / spread * (grown - 1) / (2 * grown)
    return min(1.0, sqrt(grown) * exp(-exponent))


def _pace(alpha: float) -> float:
    """Return r, which makes the interval of so many people as narrow as it can be."""
    return (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / TIGHTEST
