"""Explored: what places that were given to a draw would have brought, had a model chosen.

A model chooses of what a place was drawn among what suits its user best, by what they had done
before. What it truly brought, where it was drawn, weighted by the chance of that, and what others
lead to expect where it was not, add up to an estimate (`off_policy.py`). It knows nothing of what a
request said besides its user, nor of the shop's rules: these held for all that was drawn among.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import MISSING, Codes, Doubles, Refs, positions
from portrait.dataset.draws import ARMS, Draws
from portrait.dataset.history import Positions
from portrait.dataset.interactions import Interactions
from portrait.dataset.past import newest
from portrait.evaluation.exam import LOWEST, MOST_SCORES, Scorer, by_user
from portrait.experiments.off_policy import cross_fitted, values


@dataclass(frozen=True, slots=True)
class Drawn:
    """D draws among the N items and U users of an exam, and where each user stood then."""

    draws: Draws
    events: Interactions
    user: Codes  # (D,)
    place: Codes  # (D,), of the user's first event that was not known yet
    items: Codes  # (D, A), or MISSING
    foreseen: Doubles  # (D, A): touches, by what others brought

    @property
    def lists(self) -> int:
        """In how many lists they were."""
        return len(np.unique(self.draws.list))


def drawn_among(draws: Draws, events: Interactions, user_refs: Refs) -> Drawn:
    """Find draws in what a training has read; those of users whom it does not know are left out.

    Args:
        draws: D of them.
        events: Of U users, on N items.
        user_refs: (U,), ascending.
    """
    user = positions(user_refs, draws.user)
    draws, user = draws.where(user != MISSING), user[user != MISSING]
    return Drawn(
        draws,
        events,
        user,
        Positions(events).find(user, draws.at),
        np.where(draws.items > 0, positions(events.items, draws.items), MISSING),
        cross_fitted(draws.drawn, draws.touched.astype(np.float64), draws.surface, ARMS),
    )


def worth(drawn: Drawn, scorer: Scorer) -> Doubles:
    """Estimate each user's touches of a place, (U',) in order of the users, had a model chosen."""
    draws, cases = drawn.draws, np.arange(len(drawn.draws))
    wanted = np.zeros(draws.items.shape)
    wanted[cases, _choices(drawn, scorer)] = 1
    each = values(
        draws.drawn,
        draws.touched.astype(np.float64),
        draws.chance[cases, draws.drawn],
        wanted,
        drawn.foreseen,
    )
    return by_user(each, drawn.user)


def _choices(drawn: Drawn, scorer: Scorer) -> Codes:
    """Return which arm a model would take, (D,); of equals the first: the list's own."""
    chosen = np.zeros(len(drawn.user), np.int64)
    step = max(1, MOST_SCORES // len(drawn.events.items))
    for start in range(0, len(chosen), step):
        some = slice(start, start + step)
        scores = scorer.scores(*newest(drawn.events, drawn.user[some], drawn.place[some]))
        items = drawn.items[some]
        of_items = np.take_along_axis(scores, np.maximum(items, 0), axis=1)
        chosen[some] = np.where(items != MISSING, of_items, LOWEST).argmax(axis=1)
    return chosen
