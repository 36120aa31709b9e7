"""Judge the repeat part: beside personal top-frequency, once, on baskets that nothing had seen.

Each user's first day of purchases from a moment on is foretold from what the service would know
then, by the repeat part and by how often things were bought. It serves if its NDCG@10 is the higher
one in 97.5 % of the draws of users; else the report says by how much it is not.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import Doubles, positions
from portrait.dataset.history import History
from portrait.dataset.interactions import Interactions
from portrait.dataset.shopping import NextDays, next_days, shopping_of
from portrait.evaluation.ranking import PerUser, paired_bootstrap
from portrait.model.bought import Bought, bought
from portrait.model.repeats import Repeats
from portrait.training.ranker.fit_repeats import fit_repeats, remembered

SHOWN = 10
LEAST_ASKED = 30  # users who bought again; fewer prove nothing
DISCOUNTS = 1 / np.log2(np.arange(2, SHOWN + 2))


@dataclass(frozen=True, slots=True)
class RepeatReport:
    """What came of it."""

    served: Repeats | None
    reason: str
    figures: dict[str, float]

    @property
    def told(self) -> dict[str, float | str | bool]:
        """What a manifest says of it."""
        return {"served": self.served is not None, "reason": self.reason, **self.figures}


def learn_repeats(learned_from: Interactions, events: Interactions, test_from: int) -> RepeatReport:
    """Fit the repeat part, and keep it where it beats personal top-frequency.

    Args:
        learned_from: What was before the moment, of those who are learned from.
        events: Of all users, what came after it included.
        test_from: The moment, ms.
    """
    repeats = fit_repeats(learned_from)
    if repeats is None:
        return RepeatReport(None, "too little is bought again", {})
    shopping = shopping_of(events)
    asked = next_days(shopping, from_ms=test_from)
    if len(asked.anchors) < LEAST_ASKED:
        return RepeatReport(None, f"only {len(asked.anchors)} users bought again", {})
    had = bought(remembered(History(events))(asked.anchors), asked.anchors.at)
    item = positions(events.items, had.ref)
    hit = asked.holds(had.question, item, len(events.items)).astype(np.float64)
    lately = shopping.lately(item, asked.anchors.at[had.question])
    ours, theirs = (
        gains(had, scores, hit, asked)
        for scores in (repeats.scores(had, lately).astype(np.float64), had.frequency)
    )
    lead = paired_bootstrap(ours, theirs)
    figures = {
        "asked": float(len(ours)),
        "ndcg@10": float(ours.mean()),
        "personal_top_ndcg@10": float(theirs.mean()),
        "lead": lead.difference,
        "lead_low": lead.low,
        "lead_high": lead.high,
    }
    if lead.low > 0:
        return RepeatReport(repeats, "beats personal top-frequency", figures)
    reason = f"no better than personal top-frequency: {lead.low:+.4f} to {lead.high:+.4f}"
    return RepeatReport(None, reason, figures)


def gains(had: Bought, scores: Doubles, hit: Doubles, asked: NextDays) -> PerUser:
    """Return NDCG@10 of each question's list of things had before, (A,).

    Args:
        had: P things.
        scores: (P,), the best first.
        hit: (P,), 1 where it was bought on the day asked about.
        asked: A questions; all that was bought counts, new things too.
    """
    order = np.lexsort((-scores, had.question))
    count = np.bincount(had.question, minlength=len(asked.anchors))
    place = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    shown = order[place < SHOWN]
    gained = hit[shown] * DISCOUNTS[place[place < SHOWN]]
    sizes = np.bincount(asked.question, minlength=len(asked.anchors))
    best = np.cumsum(DISCOUNTS)[np.minimum(sizes, SHOWN) - 1]
    found: PerUser = np.bincount(had.question[shown], gained, len(asked.anchors)) / best
    return found
