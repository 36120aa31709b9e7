"""A trial: what is measured of champion and challenger, and what is asked of the challenger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from portrait.arrays import Doubles


@dataclass(frozen=True, slots=True)
class Ranks:
    """How well a model ranked for U users: the same users in the same order for every model."""

    ndcg: Doubles  # (U,), NDCG@10
    hit: Doubles  # (U,), HR@10


class HeadFigures(NamedTuple):
    """How good a head is on a hold-out."""

    ap: float  # average precision
    ece: float  # expected calibration error
    ece_by_chance: float = 0.0  # that a perfectly calibrated head might show on as many questions

    def tolerated(self, most: float) -> float:
        """Return the calibration error to allow: as much, or what chance alone explains."""
        return max(most, self.ece_by_chance)


class Explored(NamedTuple):
    """What places that were given to a draw would have brought, had a model chosen: an estimate."""

    people: Doubles  # (U,), each one's touches of a place
    lists: int  # in which these places were


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one model. None: not measured."""

    version: str
    newest: Ranks  # the newest period, after everything it was trained on
    older: Mapping[str, Ranks] = field(default_factory=dict)  # by period: forgetting shows here
    cold: Ranks | None = None  # targets that training has never seen
    situations: Mapping[str, Doubles] = field(default_factory=dict)  # (U,) each: `situations.py`
    heads: Mapping[str, HeadFigures] = field(default_factory=dict)
    tail_share: float | None = None  # of what is recommended: outside the most popular fifth
    tail: Doubles = field(
        default_factory=lambda: np.zeros(0)
    )  # (U,), the same of each of the newest
    tail_taken: float | None = None  # the same of what was taken: the data's own bias
    coverage: float | None = None  # of the catalogue: recommended to anybody
    typo_cosine: float | None = None  # mean, of texts with 5 % typos to the same without
    typo_hit_kept: float | None = None  # HR@10 with typos, as a share of that without
    encode_ms: float | None = None  # of one text, in service precision
    explored: Explored | None = None  # None: no place was given to a draw


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a challenger must reach. A change is relative to the champion: -0.01 allows 1 % less.

    Fine-tuning with replay was measured to keep older periods within 1 %, and without replay to
    lose 75 % of them (docs/experiments.md): 2 % tells the two apart.
    """

    newest_change: float = -0.01  # of NDCG@10
    newest_p: float = 0.05  # up with less than this is enough, whatever change is asked for
    older_change: float = -0.02  # of NDCG@10, on every older period
    cold_change: float = 0.0  # of HR@10, as the next; -1 allows a fall to nothing, too
    search_change: float = -0.05
    session_change: float = -0.05  # of HR@10 in visits, of users known and not
    complaint_change: float = -0.05  # of the share of complaints that lower their item
    doubt: float = 0.1  # a fall below a limit counts unless chance explains it this well
    head_change: float = -0.01  # of average precision
    head_ece: float = 0.02  # allowed in any case, as is what chance alone explains
    head_ece_rise: float = 0.005
    bias_change: float = -0.2  # of tail share and coverage: the four-fifths rule,
    bias_points: float = 0.02  # unless the fall is less than this: a fifth of nothing is nothing
    typo_cosine: float = 0.9  # asked only as far as the champion reaches them
    typo_hit_kept: float = 0.9
    encode_change: float = 0.25  # of the time to encode a text

    def as_figures(self) -> dict[str, float]:
        """Return them by name, as a manifest keeps them."""
        return {name: float(getattr(self, name)) for name in self.__slots__}


DEFAULTS = Thresholds()
