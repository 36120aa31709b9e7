"""Repeats: how due each thing is that somebody has bought, to be bought again.

    score = bias + weights @ standardised features          the log-odds of the next shopping day
    features = how often, how lately by shopping days, where it stands in its interval, its item

Where it stands is log(days since the last time / usual interval), the only feature that the clock
moves: the score rises up to the interval and falls after it. The usual interval is the user's own,
drawn towards everybody's for that item as long as there are few of the user's. Signs are held when
it is fitted (`training/ranker/fit_repeats.py`), so by construction

- what was just bought is less due than the same its usual interval later;
- buying something once more makes it no less due, asked its usual interval after that time.

Linear in features, a discrete-time hazard. Source: Cox, Regression Models and Life-Tables, 1972,
section 6; repeats by frequency and interval: Bhagat et al., Buy It Again, KDD 2018.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Doubles, Floats, Refs, positions
from portrait.model.bought import FADING, Bought

OWN = 2.0  # intervals of everybody that the user's own are weighed against
SHORTEST = 0.25  # days, added to both: what was bought minutes ago is not infinitely early
BEND = 1.5, 1.0  # of the logarithm, where rise and fall change: a fifth of the interval, thrice it
POSITIVE, NEGATIVE = 1, -1
SIGNS = {  # of each feature's weight
    "times": POSITIVE,
    "share": POSITIVE,
    **{f"fading_{speed}": POSITIVE for speed in FADING.tolist()},
    "early": POSITIVE,
    "rising": POSITIVE,
    "late": NEGATIVE,
    "overdue": NEGATIVE,
    "rate": POSITIVE,
    "sold": POSITIVE,
    "trend": POSITIVE,
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What everybody does with N items; the last row of each is of all other items."""

    refs: Refs  # (N,), ascending: item_ref
    rate: Floats  # (N + 1,), log of how often it is bought again on a shopping day
    interval: Floats  # (N + 1,), days from one time to the next
    buyers: Floats  # (N + 1,), log(1 + people who bought it)
    usual: Floats  # (N + 1,), purchases in four weeks
    whole: Floats  # (1,), of all items together

    def find(self, refs: Refs) -> Codes:
        """Return the row of each ref; of what is not here, MISSING, which reads the last."""
        return positions(self.refs, refs)


@dataclass(frozen=True, slots=True)
class Repeats:
    """The repeat part of a model. Immutable."""

    rates: Rates
    mean: Floats  # (F,), of the features, in order of SIGNS
    spread: Floats  # (F,)
    weights: Floats  # (F,)
    bias: Floats  # (1,)

    def scores(self, had: Bought, lately: Floats | None = None) -> Floats:
        """Score things that users had bought, (P,): higher is more due.

        Args:
            had: From `bought`.
            lately: (P,), purchases by everybody in the newest four weeks; None: as many as usual.
        """
        scaled = (self.features(had, lately) - self.mean) / self.spread
        scores: Floats = (scaled @ self.weights + self.bias).astype(np.float32)
        return scores

    def features(self, had: Bought, lately: Floats | None = None) -> Doubles:
        """Describe things that users had bought, (P, F)."""
        return describe(self.rates, had, lately)

    def intervals(self, had: Bought) -> Doubles:
        """Return how many days usually lie between two times, (P,)."""
        return intervals(self.rates, had)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        own = {name: getattr(self, name) for name in _OWN}
        return own | {field.name: getattr(self.rates, field.name) for field in fields(Rates)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Repeats":
        """Read what `to_arrays` wrote. Other names are left alone.

        Raises:
            KeyError: An array is not there.
        """
        rates = Rates(**{field.name: arrays[field.name] for field in fields(Rates)})
        return cls(rates, **{name: arrays[name] for name in _OWN})


_OWN = ("mean", "spread", "weights", "bias")


def describe(rates: Rates, had: Bought, lately: Floats | None) -> Doubles:
    """Describe things that users had bought, (P, F), in order of SIGNS."""
    row = rates.find(had.ref)
    stands = np.log((had.since + SHORTEST) / (intervals(rates, had) + SHORTEST))
    early, late = BEND
    usual = rates.usual[row].astype(np.float64)
    trend = np.zeros(len(had)) if lately is None else np.log((lately + 1) / (usual + 1))
    columns = [
        np.log(had.times),
        np.log((had.times - 0.5) / (had.chances + 1)),
        *np.log1p(had.fading).T,
        np.minimum(stands + early, 0),
        np.clip(stands, -early, 0),
        np.clip(stands, 0, late),
        np.maximum(stands - late, 0),
        rates.rate[row],
        rates.buyers[row],
        trend,
    ]
    return np.stack(columns, axis=1)


def intervals(rates: Rates, had: Bought) -> Doubles:
    """Return the usual interval of each thing, (P,), days: the user's own and everybody's."""
    everybody = rates.interval[rates.find(had.ref)].astype(np.float64)
    own: Doubles = (had.span + OWN * everybody) / (had.times - 1 + OWN)
    return own
