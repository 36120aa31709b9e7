"""The exam: the same questions for every model, from which the judge's figures follow.

interactions ─ moments ─▶ questions: newest, older periods, cold items ─ scores ─▶ ranks ─▶ Figures

A question is an event: given all that its user did before, where in the list did its item stand?
Only an item that is new to the user is asked for, because what they have is not recommended; and
of each user and period only the first few, whose mean counts once, so that one diligent shopper is
not a hundred. An older
period is answered out of what had been sold by then: who learned of later goods has not forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Protocol

import numpy as np

from portrait.arrays import Codes, Flags
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.dataset.past import newest, seen
from portrait.evaluation.ranking import PerUser, Scores, coverage, gains, hits, ranks, top_items
from portrait.evaluation.trial import Figures, Ranks
from portrait.model.kinds import REMOVE
from portrait.model.recency import Events

CUTOFF = 10
EACH = 10  # questions of a user and period
MOST_SCORES = 16_000_000  # in flight at once: 64 MB
MOST_QUESTIONS = 4_000  # of one period: NDCG@10 to within .004; more is slower, not better
LOWEST = np.finfo(np.float32).min  # an item that is not in the list
HEAD_SHARE = 0.2  # of the items: the most popular, outside of which the tail begins


class Scorer(Protocol):
    """A model over one catalogue of N items."""

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score every item for U users by their newest events: (U, S) each. Returns (U, N)."""
        ...


@dataclass(frozen=True, slots=True)
class Exam:
    """Questions by slice: places in the interactions, ascending."""

    interactions: Interactions
    newest: Codes
    older: Mapping[str, Codes]  # each to be answered out of what had been touched by then
    trained: Flags  # (N,), whether training has seen the item at least once

    @property
    def cold(self) -> Codes:
        """The newest questions whose item no training has seen."""
        return self.newest[~self.trained[self.interactions.item[self.newest]]]


@dataclass(frozen=True, slots=True)
class _Answers:
    place: PerUser  # (Q,), rank of each question's item
    shown: Codes  # (Q, CUTOFF), best items


def set_exam(
    interactions: Interactions,
    moments_ms: Sequence[int],
    *,
    asked: Flags | None = None,
    each: int = 1,
    most: int = MOST_QUESTIONS,
) -> Exam:
    """Choose the questions.

    Args:
        interactions: All that is known, the hold-out included.
        moments_ms: Where periods begin, ascending, and where the last one ends: training has seen
            what happened before the last period, which is the newest slice.
        asked: Users that questions may be about, (U,); None: all.
        each: Questions of a user and period: with more, a small shop's exam is less luck.
        most: Questions of a period: everybody's first ones before anybody's second.
    """
    first = _first_touches(interactions)
    if asked is not None:
        first &= asked[interactions.user]
    periods = [
        few_each(interactions, first & _within(interactions, since, until), each, most)
        for since, until in pairwise(moments_ms)
    ]
    past = interactions.before(moments_ms[-2]).item
    trained = np.zeros(len(interactions.items), np.bool_)
    trained[past[past != NO_ITEM]] = True
    older = dict(zip(map(_day, moments_ms), periods[:-1], strict=False))
    return Exam(interactions, periods[-1], older, trained)


def sit(exam: Exam, version: str, scorer: Scorer) -> Figures:
    """Let a model answer every question."""
    latest = _answers(exam, exam.newest, scorer)
    first_touched = _first_touched(exam.interactions)
    user = exam.interactions.user
    is_cold = np.isin(exam.newest, exam.cold)
    tail, targets = _is_tail(exam), exam.interactions.item[exam.newest]
    has_answers = len(latest.place) > 0
    return Figures(
        version=version,
        newest=_ranks(latest.place, user[exam.newest]),
        older={
            name: _ranks(_answers(exam, questions, scorer, first_touched).place, user[questions])
            for name, questions in exam.older.items()
        },
        cold=_ranks(latest.place[is_cold], user[exam.newest[is_cold]]),
        tail_share=float(tail[latest.shown].mean()) if has_answers else None,
        tail=by_user(tail[latest.shown].mean(axis=1), user[exam.newest]),
        tail_taken=float(tail[targets].mean()) if has_answers else None,
        coverage=coverage(latest.shown, len(tail)) if has_answers else None,
    )


def _answers(
    exam: Exam, questions: Codes, scorer: Scorer, first_touched: Codes | None = None
) -> _Answers:
    """Rank every item, or only those that somebody had touched by the time of the question."""
    events, count = exam.interactions, len(exam.interactions.items)
    step = max(1, MOST_SCORES // count)
    place = np.zeros(len(questions))
    shown = np.zeros((len(questions), min(CUTOFF, count)), np.int64)
    for start in range(0, len(questions), step):
        some = questions[start : start + step]
        users = events.user[some]
        scores = scorer.scores(*newest(events, users, some))
        if first_touched is not None:
            scores = np.where(first_touched <= events.at[some, None], scores, LOWEST)
        had = seen(events, users, some)
        place[start : start + step] = ranks(scores, events.item[some], had)
        shown[start : start + step] = top_items(scores, shown.shape[1], had)
    return _Answers(place, shown)


def _first_touched(events: Interactions) -> Codes:
    """Return when anybody first touched each item, (N,); never is later than any question."""
    first = np.full(len(events.items) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, events.item, events.at)  # searches fall on the last place
    return first[:-1]


def _first_touches(events: Interactions) -> Flags:
    """Mark each user's first event with each item, unless it is the user's very first, (E,)."""
    keys = events.user * len(events.items) + events.item
    _, first = np.unique(keys, return_index=True)
    marked = np.zeros(len(events), np.bool_)
    marked[first] = True
    marked &= (events.item != NO_ITEM) & (events.action != REMOVE)
    marked &= np.arange(len(events)) > events.starts[events.user]
    return marked


def _within(events: Interactions, since: int, until: int) -> Flags:
    inside: Flags = (events.at >= since) & (events.at < until)
    return inside


def few_each(events: Interactions, chosen: Flags, each: int, most: int) -> Codes:
    """Return the places of each user's first chosen events; of too many, those drawn."""
    places = np.flatnonzero(chosen & events.asked)
    _, first, count = np.unique(events.user[places], return_index=True, return_counts=True)
    nth = np.arange(len(places)) - np.repeat(first, count)
    places, nth = places[nth < each], nth[nth < each]
    lot = np.random.default_rng(0).permutation(len(places))
    return np.sort(places[np.lexsort((lot, nth))[:most]])


def _is_tail(exam: Exam) -> Flags:
    """Mark the items outside the most popular fifth, (N,)."""
    item = exam.interactions.item
    counts = np.bincount(item[item != NO_ITEM], minlength=len(exam.interactions.items))
    tail = np.ones(len(counts), np.bool_)
    tail[np.argsort(-counts, kind="stable")[: int(len(counts) * HEAD_SHARE)]] = False
    return tail


def _ranks(place: PerUser, user: Codes) -> Ranks:
    return Ranks(by_user(gains(place, CUTOFF), user), by_user(hits(place, CUTOFF), user))


def by_user(figure: PerUser, user: Codes) -> PerUser:
    """Return each user's mean of a figure of their questions, in order of the users."""
    _, place, count = np.unique(user, return_inverse=True, return_counts=True)
    mean: PerUser = np.bincount(place, figure, len(count)) / count
    return mean


def _day(moment_ms: int) -> str:
    return f"{datetime.fromtimestamp(moment_ms / 1_000, UTC):%Y-%m-%d}"
