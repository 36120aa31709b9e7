"""What a list of items is asked for with, and what it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from portrait.arrays import Codes, Flags, Floats
from portrait.inference.plan import Plan


@dataclass(frozen=True, slots=True)
class Filters:
    """What an item must be. Several categories or brands mean any of them."""

    categories: tuple[str, ...] = ()  # paths from the widest level, to any depth
    brands: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    only_available: bool = True


@dataclass(frozen=True, slots=True)
class RankingRequest:
    """What is asked for."""

    limit: int = 20
    filters: Filters = Filters()
    excluded: Codes = field(default_factory=lambda: np.zeros(0, np.int64))  # rows, or MISSING
    disliked: Codes = field(default_factory=lambda: np.zeros(0, np.int64))  # rows, or MISSING
    diversity: float = 0.3  # 0: relevance alone; 1: unlikeness alone
    unwanted: Flags | None = None  # (N,): what the user does not want to see
    plan: Plan | None = None  # what the list holds to beside
    alike: Flags | None = None  # (N,): what would be more of what the list is about
    above: Flags | None = None  # (N,): what stands in other lists of the same page
    only_suiting: bool = False  # leave out what nothing speaks for


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows of items, best first, and their scores. All (n,), n at most the limit."""

    rows: Codes
    scores: Floats  # as the model has them; popularity, where that is what was asked for
    shown: Floats  # 1 to 0, never more than above: see `diversify.on_scale`
    matched: int  # items that fit the filters, whether or not anything else speaks against them
    filled: int = 0  # of the rows, the last ones: there for being popular alone
    put: Mapping[int, str] = field(default_factory=dict)  # by row: who put it there, of a plan

    @property
    def peak(self) -> float:
        """The largest score, whichever its sign; 1 where none says anything."""
        return float(np.abs(self.scores).max(initial=0)) or 1.0
