"""Validation: what some users took next, held out, and how high a model ranks it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from portrait.evaluate import PerUser, gains, hits, ranks
from portrait.exam import CUTOFF, LOWEST, MOST_QUESTIONS, MOST_SCORES, by_user
from portrait.interactions import Codes, Interactions
from portrait.learned import Flags
from portrait.past import newest, seen
from portrait.recency import Events, Floats

Score = Callable[[slice], Floats]  # some users -> (u, N)
Parts = Callable[[slice], list[Floats]]  # some users -> P of (u, N)
Halves = Callable[[slice], tuple[Floats, Floats]]  # some users -> scores, and of texts: (u, N) each

COLD_ONE_IN = 20  # items are taken for cold, as many as the quality benchmark holds out


@dataclass(frozen=True, slots=True)
class Validation:
    """V questions: a user's events, newest first, and an item that was taken next.

    A user's mean counts once, as in the exam.
    """

    users: Codes  # (V,), ascending
    rows: Codes  # (V, S), what the events are about, or MISSING: see `newest`
    events: Events  # (V, S)
    targets: Codes  # (V,)
    seen: tuple[Codes, Codes]  # pairs of user and item, none twice
    items: int  # N

    def __len__(self) -> int:
        return len(self.targets)

    def figures(self, score: Score) -> dict[str, float]:
        """Rank what each user has not seen; NDCG@10 first, by which choices are made."""
        step = max(1, MOST_SCORES // self.items)
        place = np.concatenate(
            [
                self._ranked(score(slice(at, at + step)), slice(at, at + step))
                for at in range(0, len(self), step)
            ]
        )
        return {
            f"{name}@{CUTOFF}": float(by_user(figure(place, CUTOFF), self.users).mean())
            for name, figure in (("ndcg", gains), ("hr", hits))
        }

    def mixed(self, parts: Parts, mixes: Floats) -> PerUser:
        """Return each user's NDCG@10 of C weighted sums of the P parts of a score, in one pass.

        Args:
            parts: Of the scores of some users.
            mixes: (C, P).

        Returns:
            (C, U).
        """
        gained = np.zeros((len(mixes), len(self)))
        step = max(1, MOST_SCORES // self.items // mixes.shape[1])
        for start in range(0, len(self), step):
            users = slice(start, start + step)
            scored = parts(users)
            for mix, weights in enumerate(mixes):
                summed = np.zeros_like(scored[0])
                for weight, part in zip(weights, scored, strict=True):
                    summed += weight * part
                gained[mix, users] = gains(self._ranked(summed, users), CUTOFF)
        return np.stack([by_user(each, self.users) for each in gained])

    def fair_to_cold(self, halves: Halves, cold: Flags) -> float:
        """Return what the texts of cold items have to count, for these to be shown as others are.

        Of each question a twentieth of the items is taken for cold, another one each time: so it is
        known where they stand without being learned again, for texts know nothing of what was
        learned. Together they may have a twentieth of the places in the lists, at most.

        Args:
            halves: Of some users, the scores of items that are not cold, and what texts say.
            cold: (N,), which items are cold as it is.
        """
        lot = np.random.default_rng(0).integers(COLD_ONE_IN, size=self.items)
        drawn = np.arange(len(self)) % COLD_ONE_IN
        step = max(1, MOST_SCORES // self.items)
        needed = np.concatenate(
            [
                self._needed(*halves(users), (lot == drawn[users, None]) & ~cold, cold, users)
                for users in (slice(at, at + step) for at in range(0, len(self), step))
            ]
        )
        places = len(self) * min(CUTOFF, self.items) // COLD_ONE_IN
        if not len(needed):
            return 0.0
        return float(np.sort(needed)[: places + 1][-1])

    def _needed(
        self, scores: Floats, texts: Floats, taken: Flags, cold: Flags, users: slice
    ) -> Floats:
        """Return what the text of each item taken for cold has to count to be among the first."""
        rows, seen = self._seen(users)
        scores = np.where(taken | cold, LOWEST, scores)
        scores[rows, seen] = LOWEST
        taken[rows, seen] = False
        last = min(CUTOFF, self.items)
        least = np.maximum(-np.partition(-scores, last - 1, axis=1)[:, last - 1], 0)
        user, item = np.nonzero(taken & (texts > 0))
        needed: Floats = least[user] / texts[user, item]
        return needed

    def _ranked(self, scores: Floats, users: slice) -> PerUser:
        """Rank the targets of some users among what they have not seen."""
        return ranks(scores, self.targets[users], self._seen(users))

    def _seen(self, users: slice) -> tuple[Codes, Codes]:
        """Return what some users have: pairs of their place here and the item."""
        first, last = np.searchsorted(self.seen[0], [users.start, users.stop])
        return self.seen[0][first:last] - users.start, self.seen[1][first:last]


def validation_of(
    events: Interactions, users: Codes, targets: Codes, ends: Codes | None = None
) -> Validation:
    """Hold what users took next against their histories.

    Args:
        events: Of everybody.
        users: (V,), of `events`, ascending; of several items that one took, several times.
        targets: (V,), the items.
        ends: (V,), the place of each one's first event that is not told; None: all are.

    Of more than MOST_QUESTIONS some are drawn, always the same.
    """
    if len(users) > MOST_QUESTIONS:
        draw = np.random.default_rng(0)
        kept = np.sort(draw.choice(len(users), MOST_QUESTIONS, replace=False))
        users, targets = users[kept], targets[kept]
        ends = None if ends is None else ends[kept]
    rows, happened = newest(events, users, ends)
    had = seen(events, users, ends)
    return Validation(users, rows, happened, targets, had, len(events.items))
