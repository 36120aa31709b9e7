"""Prequential: now and then the champion says what it expects, and is then told what happened.

before fold ─ choose ─▶ questions ─ folded and stored ─▶ note ─▶ rank, in a thread ─▶ count
                        on the loop, which owns the catalogue  │ on copies

The exam's question, asked of live users: given all that somebody did before, does the item that
they took next stand among the first ten? The watch rolls a champion back by these counts.

Only what was received after this process took the champion up is asked, so that nothing of the
answer can have been in its training, however much of the log is read again; of imported history
nothing, which says of no model how it does today. Counts are lost with a crash, and never doubled.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes
from portrait.catalogue.catalogue import Catalogue
from portrait.errors import StoreUnavailableError
from portrait.evaluation.exam import CUTOFF
from portrait.evaluation.ranking import ranks
from portrait.events.columns import ACTION_CODE, is_past
from portrait.events.event import Action
from portrait.inference.eligible import eligible
from portrait.inference.explain import Evidence, evidence_of
from portrait.inference.ranking import RankingRequest
from portrait.inference.shelf import Shelf, shelf_of
from portrait.inference.taste import FirstTaste, taste_of
from portrait.model.kinds import leave_out
from portrait.model.learned import Learned
from portrait.monitoring.watch import Live, LiveCounts
from portrait.profiles.facts import Facts
from workers.painter import Painter

QUESTIONS_A_SECOND = 20
QUESTIONS_AT_ONCE = 5
SHARE = 0.01  # of one core, for ranking: a large catalogue is asked less often, not more slowly
SHELF_SECONDS = 10.0  # until what is offered is looked up again
DECIMALS = 5  # of a score: items of one text share a rank, though a processor rounds each anew
WANTS = [ACTION_CODE[each] for each in (Action.CLICK, Action.CART, Action.PURCHASE, Action.WISH)]

Clock = Callable[[], float]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody had done, and what they did next, which the champion is not told yet."""

    place: int  # of the event among the columns
    ring: NDArray[np.void]  # (S,) of EVENT, newest first, without that event
    target: int  # row of its item


@dataclass(frozen=True, slots=True)
class Noted:
    """A question whose event is stored, with all that ranking needs of a catalogue that moves."""

    evidence: Evidence
    seen: Codes  # (n,), rows of the items that the user had, or MISSING
    target: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the time comes from, in seconds."""

    monotonic: Clock = time.monotonic
    now: Clock = time.time
    core: Clock = time.thread_time  # what the thread has used of a core


SYSTEM = Clocks()


class Prequential:
    """Asks and counts. Lives as long as the worker; used on its loop alone."""

    def __init__(self, counts: LiveCounts, clocks: Clocks = SYSTEM) -> None:
        self._counts = counts
        self._clocks = clocks
        self._next = 0.0  # when to look for questions again
        self._version: str | None = None
        self._since_ms = 0  # when this process took that model up
        self._shelf: tuple[Catalogue, Shelf, float] | None = None

    def choose(self, facts: Facts, columns: NDArray[np.void], painter: Painter) -> list[Question]:
        """Choose questions of facts, (U,), and events, (E,), that are to be folded into them."""
        if painter.model.version != self._version:
            self._version, self._since_ms = painter.model.version, round(self._clocks.now() * 1_000)
        moment = self._clocks.monotonic()
        if moment < self._next:
            return []
        questions = _questions(facts, columns, painter.mirror.catalogue, self._since_ms)
        self._next = moment + max(len(questions), 1) / QUESTIONS_A_SECOND
        return questions

    async def count(self, noted: Sequence[Noted], painter: Painter) -> None:
        """Rank what was noted, and add to the model's counters. At most once, as popularity."""
        if not noted:
            return
        shelf = self._stocked(painter.mirror.catalogue)
        hits, seconds = await asyncio.to_thread(
            _hits, noted, shelf, painter.model.learned, self._clocks.core
        )
        self._next = max(self._next, self._clocks.monotonic() + seconds / SHARE)
        if not len(hits):
            return
        try:
            await self._counts.add(painter.model.version, Live().seen(hits))
        except StoreUnavailableError:
            log.warning("hits_not_counted", questions=len(hits))

    def _stocked(self, catalogue: Catalogue) -> Shelf:
        """Return what is offered, as of a moment ago."""
        moment = self._clocks.monotonic()
        if self._shelf is not None:
            known, shelf, since = self._shelf
            if known is catalogue and moment < since + SHELF_SECONDS:
                return shelf
        catalogue.place()
        shelf = shelf_of(catalogue)
        self._shelf = catalogue, shelf, moment
        return shelf


def note(question: Question, catalogue: Catalogue) -> Noted:
    """Read what ranking needs; after `paint`, so that the vectors of searches are there."""
    ring = question.ring
    left_out = leave_out(ring["ref"], ring["action"], ring["at"])
    return Noted(
        evidence_of(ring, catalogue), catalogue.find(ring["ref"][left_out]), question.target
    )


def _questions(
    facts: Facts, columns: NDArray[np.void], catalogue: Catalogue, since_ms: int
) -> list[Question]:
    """Return a few users' first events, if they are ones to be expected.

    An erasure comes first, at 0, so nothing is asked of those who are to be forgotten.
    """
    event, user = columns["event"], columns["user"]
    order = np.lexsort((event["at"], user))
    ordered = user[order]
    firsts = order[np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(order)])]
    first, theirs = event[firsts], user[firsts]
    rows = catalogue.find(np.ascontiguousarray(first["ref"]))
    newest = facts.ring["at"][theirs, 0]
    fits = (
        (columns["received"][firsts] >= since_ms)
        & ~is_past(columns[firsts])
        & np.isin(first["action"], WANTS)
        & catalogue.offered(rows)
        & (newest > 0)
        & (first["at"] >= newest)  # late, it would be asked with knowledge of what came after
    )
    chosen = np.flatnonzero(fits)
    known = (facts.ring["ref"][theirs[chosen]] == first["ref"][chosen, None]).any(axis=1)
    return [
        _question(facts, int(theirs[place]), int(firsts[place]), int(rows[place]))
        for place in _spread(chosen[~known]).tolist()
    ]


def _question(facts: Facts, user: int, place: int, target: int) -> Question:
    ring = facts.ring[user, : int(facts.head["count"][user])].copy()
    return Question(place, ring, target)


def _spread(places: Codes) -> Codes:
    """Return a few of many, from all over: records lie by topic, and so by action."""
    if len(places) <= QUESTIONS_AT_ONCE:
        return places
    return places[np.linspace(0, len(places) - 1, QUESTIONS_AT_ONCE).astype(np.int64)]


def _hits(
    noted: Sequence[Noted], shelf: Shelf, learned: Learned | None, core: Clock
) -> tuple[NDArray[np.bool_], float]:
    """Return which targets stood among the first ten, and the seconds of a core that it took."""
    started = core()
    ranked = [_rank(one, shelf, learned) for one in noted]
    hits = np.array([rank <= CUTOFF for rank in ranked if rank is not None], np.bool_)
    return hits, core() - started


def _rank(noted: Noted, shelf: Shelf, learned: Learned | None) -> float | None:
    """Return the target's rank among what may be offered; None if the model has nothing to say.

    Of somebody whose events have no vectors nothing is expected: they get what is popular.
    """
    portrait = noted.evidence.portrait()
    allowed, _ = eligible(shelf, RankingRequest(excluded=noted.seen))
    allowed &= shelf.text != MISSING
    if noted.target >= len(shelf) or not allowed[noted.target] or not portrait.any():
        return None
    rows = np.flatnonzero(allowed)
    taste = FirstTaste(noted.evidence) if learned is None else taste_of(noted.evidence, learned)
    scores = taste.scores(shelf, rows, (shelf.matrix @ taste.asked)[shelf.text[rows]])
    place = np.searchsorted(rows, [noted.target])
    return float(ranks(np.round(scores, DECIMALS)[None], place)[0])
