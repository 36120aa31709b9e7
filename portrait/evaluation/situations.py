"""Situations: what people are in the middle of, and how well a model answers them then.

    search ─▶ what was taken after it
    first two events of a visit ─▶ what was taken next, with what was known of the user and without
    complaint ─▶ do its item and its like stand lower than before?

The exam asks for what comes next of whole histories, of which these are a small part: a model may
lose all of them there and seem no worse. Of each user only a few questions are asked, and their
mean counts once. In the middle of a visit people come back to what they have seen: lists leave out
what the visit itself has told, and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Flags
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions
from portrait.dataset.past import newest
from portrait.evaluation.exam import CUTOFF, MOST_SCORES, Scorer, by_user, few_each
from portrait.evaluation.ranking import PerUser, Scores, hits, ranks
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import KIND_WEIGHTS, Kinds, is_complaint, kinds_of
from portrait.model.recency import Events
from portrait.profiles.trend import VISIT_MS

SEARCH, KNOWN, NEW, COMPLAINT = "search", "known visitor", "new visitor", "complaint"
SITUATIONS = (SEARCH, KNOWN, NEW, COMPLAINT)
SESSION = 2  # events of a visit that are told
EACH = 5  # questions of a user
MOST = 1_000  # questions of a situation: shares of cases to within .03; more is slower
NOISE = 1e-5  # scores differ by as much for no reason

Told = tuple[Codes, Events]


class Companion(Scorer, Protocol):
    """A model that is asked in the middle of visits, too."""

    def visit_scores(self, past: Told, visit: Told) -> Scores:
        """Score every item, (U, N), for users in the middle of a visit."""
        ...


@dataclass(frozen=True, slots=True)
class Situations:
    """Questions as places in the interactions, ascending."""

    interactions: Interactions
    searched: tuple[Codes, Codes]  # (Q,) each: a search, and what was taken after it
    visited: tuple[Codes, Codes]  # (V,) each: a visit's first event, and what was taken in it
    complaints: Codes  # (C,)
    categories: Codes  # (N,), code of each item's category, or MISSING


def situations_of(
    events: Interactions, since_ms: int, categories: NDArray[np.uint64], *, most: int = MOST
) -> Situations:
    """Find what people were in the middle of.

    Args:
        events: All that is known, the hold-out included.
        since_ms: Where the hold-out begins. Complaints are looked for in all time: what comes of
            them is no prediction.
        categories: (N,), name_ref of each item's category; 0 = none.
        most: Questions of a situation.
    """
    kind = kinds_of(events.action, events.rating)
    visit = _visits(events)
    _, code = np.unique(categories, return_inverse=True)
    return Situations(
        events,
        _searched(events, kind, visit, since_ms, most),
        _visited(events, kind, visit, since_ms, most),
        _complaints(events, kind, most),
        np.where(categories == 0, MISSING, code),
    )


def answered(situations: Situations, model: Companion) -> Mapping[str, PerUser]:
    """Let a model answer. Returns by situation each user's share of questions answered well.

    After a search and within a visit that is what was taken among the first ten; after a complaint
    its item, and on average the others of its category, standing lower than before.
    """
    events, (first, _) = situations.interactions, situations.visited
    is_known = first > events.starts[events.user[first]]
    found = {
        SEARCH: (_after_searches(situations, model), situations.searched[0]),
        KNOWN: (_in_visits(situations, model, is_known, with_past=True), first[is_known]),
        NEW: (_in_visits(situations, model, first >= 0, with_past=False), first),
        COMPLAINT: (_lowered(situations, model), situations.complaints),
    }
    return {name: by_user(right, events.user[places]) for name, (right, places) in found.items()}


def _visits(events: Interactions) -> Codes:
    """Number visits, (E,): half an hour of silence ends one."""
    begins = np.ones(len(events), np.bool_)
    begins[1:] = np.diff(events.user) > 0
    begins[1:] |= np.diff(events.at) > VISIT_MS
    return np.cumsum(begins)


def _searched(
    events: Interactions, kind: Kinds, visit: Codes, since_ms: int, most: int
) -> tuple[Codes, Codes]:
    """Find the searches that something was taken after, in the same visit and before the next."""
    is_search = events.action == ACTION_CODE[Action.SEARCH]
    taken, following = _next(_taken(events, kind)), _next(is_search)
    place = np.flatnonzero(is_search & (events.query != NO_QUERY) & (events.at >= since_ms))
    target = taken[place + 1]
    place = place[_of_visit(target, visit, place) & (target < following[place + 1])]
    place = few_each(events, _marked(events, place), EACH, most)
    return place, taken[place + 1]


def _visited(
    events: Interactions, kind: Kinds, visit: Codes, since_ms: int, most: int
) -> tuple[Codes, Codes]:
    """Find each user's last visit in which something was taken beyond what is told of it.

    A session tells what somebody looked at or searched for, and no complaints.
    """
    first = np.flatnonzero(np.diff(visit, prepend=0) > 0)
    told = first[visit - 1, None] + np.arange(SESSION)  # (E, SESSION)
    told = np.minimum(told, len(events) - 1)
    beyond = _taken(events, kind) & (events.item[told] != events.item[:, None]).all(axis=1)
    taken = np.append(_next(beyond), [len(events)] * SESSION)
    target = taken[first + SESSION]
    is_fit = _of_visit(target, visit, first) & (events.at[first] >= since_ms)
    first = first[is_fit & (KIND_WEIGHTS[kind[told[first]]] > 0).all(axis=1)]
    is_last = np.append(np.diff(events.user[first]) > 0, values=True)[: len(first)]
    first = few_each(events, _marked(events, first[is_last]), 1, most)
    return first, taken[first + SESSION]


def _taken(events: Interactions, kind: Kinds) -> Flags:
    """Mark the events that speak for an item, (E,)."""
    taken: Flags = (events.item != NO_ITEM) & (KIND_WEIGHTS[kind] > 0)
    return taken


def _of_visit(target: Codes, visit: Codes, place: Codes) -> Flags:
    """Say which targets, (Q,) or E for none, are of the same visit as the places."""
    is_same: Flags = np.append(visit, 0)[target] == visit[place]
    return is_same


def _marked(events: Interactions, places: Codes) -> Flags:
    marked = np.zeros(len(events), np.bool_)
    marked[places] = True
    return marked


def _complaints(events: Interactions, kind: Kinds, most: int) -> Codes:
    """Find the newest complaints of people of whom something is known that they like."""
    likes = np.append(0, np.cumsum(KIND_WEIGHTS[kind] > 0))
    chosen = is_complaint(kind) & (events.item != NO_ITEM)
    chosen &= likes[:-1] > likes[events.starts[events.user]]
    newest_first = np.argsort(-events.at[chosen], kind="stable")
    old = np.flatnonzero(chosen)[newest_first[most:]]
    chosen[old] = False
    return few_each(events, chosen, EACH, most)


def _next(marked: Flags) -> Codes:
    """Return the place of the next marked event from each on, (E + 1,); E where there is none."""
    count = len(marked)
    place = np.where(np.append(marked, False), np.arange(count + 1), count)
    return np.minimum.accumulate(place[::-1])[::-1]


def _after_searches(situations: Situations, model: Companion) -> PerUser:
    """Return which searches have what was taken after them among the first ten, (Q,)."""
    events, (searches, targets) = situations.interactions, situations.searched
    right = np.zeros(len(searches))
    for part in _parts(events, len(searches)):
        users, ends = events.user[searches[part]], searches[part] + 1
        scores = model.scores(*newest(events, users, ends))
        right[part] = hits(ranks(scores, events.item[targets[part]]), CUTOFF)
    return right


def _in_visits(
    situations: Situations, model: Companion, chosen: Flags, *, with_past: bool
) -> PerUser:
    """Return which visits have what was taken in them among the first ten."""
    events = situations.interactions
    first, targets = (places[chosen] for places in situations.visited)
    right = np.zeros(len(first))
    for part in _parts(events, len(first)):
        some, visit = first[part], session(events, first[part])
        past = newest(events, events.user[some], some) if with_past else _nobody(len(some))
        scores, told = model.visit_scores(past, visit), _pairs(visit[0], events)
        right[part] = hits(ranks(scores, events.item[targets[part]], told), CUTOFF)
    return right


def _lowered(situations: Situations, model: Companion) -> PerUser:
    """Return after which complaints their item and its like stand lower than before, (C,)."""
    events, places = situations.interactions, situations.complaints
    right = np.zeros(len(places))
    for part in _parts(events, len(places)):
        some = places[part]
        users, items = events.user[some], events.item[some]
        before, after = (
            _standing(model.scores(*newest(events, users, ends)), items, situations.categories)
            for ends in (some, some + 1)
        )
        right[part] = (after < before - NOISE).all(axis=1)
    return right


def _standing(scores: Scores, items: Codes, categories: Codes) -> PerUser:
    """Return how an item, and its like on average, stand above the mean of all, (U, 2).

    An item without any like stands for itself.
    """
    rows = np.arange(len(items))
    like = (categories == categories[items][:, None]) & (categories[items] != MISSING)[:, None]
    like[rows, items] = False
    own, count = scores[rows, items], like.sum(axis=1)
    others = np.where(count, (scores * like).sum(axis=1) / np.maximum(count, 1), own)
    standing: PerUser = np.stack([own, others], axis=1) - scores.mean(axis=1)[:, None]
    return standing


def session(events: Interactions, first: Codes, length: int = SESSION) -> Told:
    """Tell the first events of visits as a session is: clicks and searches of one moment.

    Newest first; of the two newest the search comes first, as `session_ring` has it.

    Args:
        events: Of everybody.
        first: (V,), places of the visits' first events.
        length: How many to tell, SESSION at most.
    """
    place = first[:, None] + np.arange(length)[::-1]
    is_search = events.action[place] == ACTION_CODE[Action.SEARCH]
    place = np.take_along_axis(place, np.argsort(~is_search, axis=1, kind="stable"), axis=1)
    is_search = events.action[place] == ACTION_CODE[Action.SEARCH]
    kind = np.where(is_search, ACTION_CODE[Action.SEARCH], ACTION_CODE[Action.CLICK])
    about = events.about(place)
    return about, Events(kind.astype(np.uint8), np.ones(place.shape, np.int64), about != MISSING)


def _nobody(users: int) -> Told:
    """Tell of users of whom nothing is known."""
    nothing = np.zeros((users, 1), np.int64)
    return nothing + MISSING, Events(nothing.astype(np.uint8), nothing, nothing > 0)


def _pairs(about: Codes, events: Interactions) -> tuple[Codes, Codes]:
    """Return the items of sessions, (V, S), as pairs of row and item, none twice."""
    row, column = np.nonzero((about != MISSING) & (about < len(events.items)))
    width = len(events.items)
    pairs = np.unique(row * width + about[row, column])
    return pairs // width, pairs % width


def _parts(events: Interactions, questions: int) -> Sequence[slice]:
    step = max(1, MOST_SCORES // max(1, len(events.items)))
    return [slice(start, start + step) for start in range(0, questions, step)]
