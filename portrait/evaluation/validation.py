"""Validation: what some users took next, held out, and how high a model ranks it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Flags, Floats
from portrait.dataset.interactions import Interactions
from portrait.dataset.past import newest, seen
from portrait.evaluation.exam import CUTOFF, MOST_QUESTIONS, MOST_SCORES, by_user
from portrait.evaluation.ranking import PerUser, gains, hits, ranks
from portrait.model.recency import Events

Score = Callable[[slice], Floats]  # some users -> (u, N)
Parts = Callable[[slice], list[Floats]]  # some users -> P of (u, N)
# Some users -> scores, those of texts, and what is added to either; (u, N) each.
Views = Callable[[slice], tuple[Floats, Floats, Floats]]

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
        alike = (mixes == mixes[0]).all(axis=0)  # most parts, in a search one weight after another
        step = max(1, MOST_SCORES // self.items // mixes.shape[1])
        for start in range(0, len(self), step):
            users = slice(start, start + step)
            scored = parts(users)
            base = _sum(scored, np.where(alike, mixes[0], 0))
            for mix, weights in enumerate(mixes):
                summed = base + _sum(scored, np.where(alike, 0, weights))
                gained[mix, users] = gains(self._ranked(summed, users), CUTOFF)
        return np.stack([by_user(each, self.users) for each in gained])

    def fair_to_cold(self, views: Views, counts: Floats, cold: Flags) -> float:
        """Return what the texts of cold items have to count, for these to be found by them.

        Each question is asked as if its item were cold, and one in twenty others, too; the least
        count is taken by which such items have the NDCG@10 that they would have if texts alone
        ranked all items. Nothing is learned again: texts know nothing of what was learned.

        Args:
            views: Of some users, the scores of items that are not cold, what texts say, and what
                is added to either by categories and prices; (u, N) each.
            counts: (C,), what may be, ascending.
            cold: (N,), which items are cold as it is.
        """
        lot = np.random.default_rng(0).integers(COLD_ONE_IN, size=self.items)
        own = lot[self.targets]
        found = np.zeros((len(counts) + 1, len(self)))  # the last: by texts alone
        step = max(1, MOST_SCORES // self.items)
        for start in range(0, len(self), step):
            users = slice(start, start + step)
            scores, texts, beside = views(users)
            taken = cold | (lot == own[users, None])  # (u, N)
            mixed = (
                np.where(taken, count * texts + beside, scores)
                for count in counts.astype(np.float32)
            )
            for place, each in enumerate((*mixed, texts)):
                found[place, users] = gains(self._ranked(each, users), CUTOFF)
        *reached, wanted = (by_user(each, self.users).mean() for each in found)
        enough = np.flatnonzero(np.array(reached) >= wanted)
        return float(counts[enough[0] if len(enough) else -1])

    def _ranked(self, scores: Floats, users: slice) -> PerUser:
        """Rank the targets of some users among what they have not seen."""
        first, last = np.searchsorted(self.seen[0], [users.start, users.stop])
        seen = self.seen[0][first:last] - users.start, self.seen[1][first:last]
        return ranks(scores, self.targets[users], seen)


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


def _sum(scored: Sequence[Floats], weights: Floats) -> Floats:
    """Add up the parts of a score, (u, N) each, by their weights, (P,)."""
    summed = np.zeros_like(scored[0])
    for weight, part in zip(weights, scored, strict=True):
        if weight:
            summed += np.float32(weight) * part
    return summed
