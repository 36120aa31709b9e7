"""Validation: what each of some users took next, held out, and how high a model ranks it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from portrait.evaluate import PerUser, gains, ranking_figures, ranks
from portrait.facts import RING
from portrait.hash_index import MISSING
from portrait.interactions import Codes, Interactions
from portrait.recency import Events, Floats

MOST_USERS = 4_000  # NDCG@10 to within .004; more is slower, not better
MOST_SCORES = 16_000_000  # in flight at once: 64 MB

Score = Callable[[slice], Floats]  # some users -> (u, N)
Parts = Callable[[slice], list[Floats]]  # some users -> P of (u, N)


@dataclass(frozen=True, slots=True)
class Validation:
    """V users, newest event first, and the item that each took next."""

    rows: Codes  # (V, S), of the catalogue, or MISSING
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
        figures = ranking_figures(place)
        return {"ndcg@10": figures["ndcg@10"], "hr@10": figures["hr@10"]}

    def mixed(self, parts: Parts, mixes: Floats) -> PerUser:
        """Return each user's NDCG@10 of C weighted sums of the P parts of a score, in one pass.

        Args:
            parts: Of the scores of some users.
            mixes: (C, P).

        Returns:
            (C, V).
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
                gained[mix, users] = gains(self._ranked(summed, users), 10)
        return gained

    def _ranked(self, scores: Floats, users: slice) -> PerUser:
        """Rank the targets of some users among what they have not seen."""
        first, last = np.searchsorted(self.seen[0], [users.start, users.stop])
        seen = self.seen[0][first:last] - users.start, self.seen[1][first:last]
        return ranks(scores, self.targets[users], seen)


def validation_of(
    events: Interactions, users: Codes, targets: Codes, *, most: int = MOST_USERS, seed: int = 0
) -> Validation:
    """Hold what users took next against their histories.

    Args:
        events: Everything that happened before.
        users: (V,), of `events`, ascending.
        targets: (V,), the item that each took next.
        most: More users than these are drawn from.
        seed: Of that draw.
    """
    if len(users) > most:
        kept = np.sort(np.random.default_rng(seed).choice(len(users), most, replace=False))
        users, targets = users[kept], targets[kept]
    rows, newest_events = newest(events, users)
    starts = events.starts
    count = starts[users + 1] - starts[users]
    place = np.repeat(np.arange(len(users)), count)
    within = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    item = events.item[np.repeat(starts[users], count) + within]
    key = np.unique((place * len(events.items) + item)[item >= 0])
    seen = key // len(events.items), key % len(events.items)
    return Validation(rows, newest_events, targets, seen, len(events.items))


def newest(events: Interactions, users: Codes, most: int = RING) -> tuple[Codes, Events]:
    """Return the newest events of users, newest first: rows of items or MISSING, and events."""
    ends = events.starts[users + 1][:, None]
    begins = events.starts[users][:, None]
    widest = min(most, int((ends - begins).max(initial=1)))
    place = ends - 1 - np.arange(widest)  # (V, S)
    inside = place >= begins
    place = np.where(inside, place, 0)
    item = np.where(inside, events.item[place], MISSING)
    return item, Events(
        action=np.where(inside, events.action[place], 0).astype(np.uint8),
        at=np.where(inside, events.at[place], 0),
        present=item != MISSING,
    )
