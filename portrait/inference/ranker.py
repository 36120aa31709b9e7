"""The ranker: a learned model over one catalogue, for whole histories at once.

    score[j] = behaviour * (state @ item[j])
             + neighbours * (what people who touched these items touch next)[j]
             + text * (decayed mean of the events' text vectors, unit @ text[j])
             + kin * (how near its category is) + price * (how well its price suits)

Of an item that nobody had taken, `cold` texts and `cold_behaviour` stand for the first three.

Before anything is learned, the text part is all: of the long and of the short term, as
`recommend.blend` has it. Afterwards it is of the short term alone, for the behaviour remembers.

Training, judging and benchmarks rank with it, as the service does for one user at a time.

Events are about one of N items or of Q searches: row n is an item, row N + q a search. Searches
say what somebody is after, and are never ranked themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from portrait.arrays import MISSING, Flags, Floats, Refs, Rows
from portrait.catalogue.traits import Traits
from portrait.inference.leaning import leanings
from portrait.inference.paint import vector_weights
from portrait.inference.rank import SEARCHED, USUAL, Mix
from portrait.model.behaviour import CHUNK
from portrait.model.learned import Learned, untaught
from portrait.model.recency import SEARCH, Events
from portrait.model.space import Vectors, unit
from portrait.profiles.layout import LONG, SHORT

Told = tuple[Rows, Events]  # (U, S) each: what events are about, newest first, and the events

WHOLE = np.ones(1, np.float32)


@dataclass(frozen=True, slots=True)
class Ranker:
    """What was learned, over a catalogue of N items and Q searches."""

    learned: Learned
    terms: Mix  # what the long and the short term count in the text part
    items: int  # N
    placed: Floats  # (N + Q, D)
    read: Vectors  # (N + Q, K)
    neighbour_rows: Rows  # (N + Q,), or MISSING
    known: Flags  # (N + Q,): all items, and the searches that have been read
    traits: Traits | None = None  # (N,); None: categories and prices count nothing

    @classmethod
    def over(
        cls,
        learned: Learned | None,
        refs: Refs,
        text_vectors: Vectors,
        traits: Traits | None = None,
    ) -> "Ranker":
        """Place a catalogue, and what was searched for.

        Args:
            learned: The model; None: it goes by texts alone.
            refs: (N,), item_ref.
            text_vectors: (N + Q, K), of the items and then of the searches; unit rows, or zero.
            traits: (N,), of the items, where they are known.
        """
        terms = (0.0, 1.0) if learned else USUAL
        learned = learned or untaught(text_vectors.shape[1])
        is_item = np.arange(len(text_vectors)) < len(refs)
        refs_of_all = np.zeros(len(text_vectors), np.uint64)  # a search has no name of its own
        refs_of_all[is_item] = refs
        return cls(
            learned=learned,
            terms=terms,
            items=len(refs),
            placed=learned.behaviour.items(refs_of_all, text_vectors),
            read=text_vectors,
            neighbour_rows=learned.neighbours.find(refs_of_all),
            known=is_item | text_vectors.any(axis=1),
            traits=traits,
        )

    @property
    def matrix(self) -> Floats:
        """The items where the model sees them, (N, D)."""
        return self.placed[: self.items]

    @property
    def texts(self) -> Vectors:
        """The vectors of the items' texts, (N, K)."""
        return self.read[: self.items]

    @property
    def cold(self) -> Flags:
        """Which items nobody had taken when it was learned, (N,)."""
        cold: Flags = self.neighbour_rows[: self.items] == MISSING
        return cold

    def scores(self, rows: Rows, events: Events) -> Floats:
        """Score every item for U users.

        Args:
            rows: (U, S), what the events are about, newest first; MISSING where one is absent.
            events: (U, S).

        Returns:
            (U, N).
        """
        rows, events = self.heard(rows, events)
        states, texts = self.states(rows, events), self.text_states(rows, events)
        return self.scores_of(states, texts, rows, events)

    def visit_scores(self, past: Told, visit: Told) -> Floats:
        """Score every item for U users in the middle of a visit, as the service does for a session.

        The visit says what they are after now, the past what they like. Who has no past that speaks
        for anything is known by the visit alone; a visit that says nothing leaves the past.

        Args:
            past: (U, P), what was before the visit.
            visit: (U, S), the visit so far.

        Returns:
            (U, N).
        """
        (before, old), (now, new) = self.heard(*past), self.heard(*visit)
        long = self._text_states(before, old, [LONG], WHOLE)
        short = self._text_states(now, new, [SHORT], WHOLE)
        is_said, is_liked = (np.asarray(term.any(axis=1, keepdims=True)) for term in (short, long))
        has_searched = ((new.kind == SEARCH) & new.present).any(axis=1, keepdims=True)
        mix = np.where(
            has_searched, _column(SEARCHED), _column(USUAL)
        )  # (2, U, 1), of past and visit
        terms = mix if self.terms == USUAL else np.broadcast_to(_column(self.terms), mix.shape)
        text = terms[LONG] * np.where(is_liked, long, short) + terms[SHORT] * short
        rows = np.concatenate([now, before], axis=1)
        events = new.where(is_said).after(old.where(is_liked | ~is_said))
        weights = _joined(vector_weights(old), vector_weights(new), is_said, is_liked)
        touched = np.concatenate([now, np.where(is_said, MISSING, before)], axis=1)
        usual, visiting = self.states(before, old), self.states(now, new)
        both = mix[LONG] * usual + mix[SHORT] * visiting
        return self._added(
            np.where(is_said, np.where(is_liked, both, visiting), usual),
            np.where(is_said, text, self.text_states(before, old)),
            self._near(touched, events),  # in a visit co-occurrence follows the visit alone
            self._suited(rows, weights, np.where(is_said, terms, _column(self.terms))),
        )

    def heard(self, rows: Rows, events: Events) -> tuple[Rows, Events]:
        """Leave out searches that nobody has read, as the service does: they age no other event."""
        unheard = events.present & ~self.known[rows]
        if not unheard.any():
            return rows, events
        return np.where(unheard, MISSING, rows), replace(events, present=events.present & ~unheard)

    def scores_of(self, state: Floats, text: Vectors, rows: Rows, events: Events) -> Floats:
        """Score every item, (U, N), for users whose states, (U, D) and (U, K), are known."""
        suited = self._suited(rows, vector_weights(events))
        return self._added(state, text, self._near(rows, events), suited)

    def leanings(self, rows: Rows, events: Events) -> tuple[Floats, Floats]:
        """Return what nearness of categories and of prices each say of every item, (U, N)."""
        leans = leanings(self._traits.at(rows), vector_weights(events), self.terms)
        return leans.kin_of(self._traits), leans.price_of(self._traits)

    def states(self, rows: Rows, events: Events) -> Floats:
        """Encode users, (U, D), by what the model learned; all of the events have been heard."""
        return self.learned.behaviour.states(self.placed, rows, events)

    def text_states(self, rows: Rows, events: Events) -> Vectors:
        """Average the text vectors of events that were heard, recent ones most. Returns (U, K)."""
        return self._text_states(rows, events, self._counted, self._shares)

    def _text_states(
        self, rows: Rows, events: Events, terms: Sequence[int], shares: Floats
    ) -> Vectors:
        """Return the sum of the terms' unit vectors, (U, K), each as much as its share."""
        weight = vector_weights(events)[:, terms]  # (U, T, S)
        asked = np.empty((len(rows), self.read.shape[1]), np.float32)
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            here = np.take(self.read, rows[part], axis=0, mode="clip")
            vectors = unit(np.matmul(weight[part], here))  # (u, T, S) @ (u, S, K)
            asked[part] = np.einsum("t,utk->uk", shares, vectors)
        return asked

    def neighbour_scores(self, rows: Rows, events: Events) -> Floats:
        """Score every item by the neighbours of the events' items, (U, N)."""
        scored = self.learned.neighbours.scores(self._neighbour_rows(rows), events)
        beyond = np.zeros((len(scored), 1), np.float32)  # where MISSING points
        return np.concatenate([scored, beyond], axis=1)[:, self.neighbour_rows[: self.items]]

    def _added(
        self, state: Floats, text: Floats, near: Floats | None, suited: Floats | None
    ) -> Floats:
        """Add up what is said of every item, (U, N), by states, (U, D), texts, (U, K), and more."""
        by_behaviour, by_text = state @ self.matrix.T, text @ self.texts.T
        return self.learned.blend.score(by_behaviour, near, by_text, self.cold, suited)

    def _near(self, rows: Rows, events: Events) -> Floats | None:
        """Return what co-occurrence says, (U, N); None where it counts nothing."""
        return self.neighbour_scores(rows, events) if self.learned.blend.neighbours else None

    def _suited(
        self, rows: Rows, weights: Floats, mix: Mix | Floats | None = None
    ) -> Floats | None:
        """Return what categories and prices add, (U, N), by weights (U, 2, S); None for nothing.

        The mix of terms is that of all unless it is told of each user, (2, U, 1).
        """
        if not self._counts_traits:
            return None
        leans = leanings(self._traits.at(rows), weights, self.terms if mix is None else mix)
        return self.learned.blend.of_traits(
            leans.kin_of(self._traits), leans.price_of(self._traits)
        )

    @property
    def _counts_traits(self) -> bool:
        return self.traits is not None and self.learned.blend.knows_traits

    @property
    def _traits(self) -> Traits:
        assert self.traits is not None  # noqa: S101 - see `_counts_traits`
        return self.traits

    @property
    def _counted(self) -> list[int]:
        """Which of LONG and SHORT count."""
        return [term for term in (LONG, SHORT) if self.terms[term]]

    @property
    def _shares(self) -> Floats:
        """How much those count, (T,)."""
        return np.array([self.terms[term] for term in self._counted], np.float32)

    def _neighbour_rows(self, rows: Rows) -> Rows:
        return np.where(rows == MISSING, MISSING, self.neighbour_rows[rows])


def _joined(past: Floats, visit: Floats, is_said: Flags, is_liked: Flags) -> Floats:
    """Weigh a visit, for the short term, and then the past, for the long: (U, 2, S + P).

    Args:
        past: (U, 2, P), from `vector_weights`.
        visit: (U, 2, S).
        is_said: (U, 1), whether the visit says anything; the past stands alone if not.
        is_liked: (U, 1), whether the past does; a visit without one is long and short term.
    """
    alone = is_said & ~is_liked
    long = np.where(alone, visit[:, SHORT], 0), np.where(alone, 0, past[:, LONG])
    short = np.where(is_said, visit[:, SHORT], 0), np.where(is_said, 0, past[:, SHORT])
    return np.stack([np.concatenate(long, axis=1), np.concatenate(short, axis=1)], axis=1)


def _column(mix: Mix) -> Floats:
    """Return a mix as (2, 1, 1), so that one may be chosen for each user."""
    return np.array(mix, np.float32)[:, None, None]
