"""Explain: which events speak for an item and against it, and how much of its score is theirs.

A portrait's vectors are weighted sums of the events' vectors, so a score is a sum over events, and
each event's share of it is exact: with w the weight, v the vector of event e and i the item,

    score = sum over e of (mix[long] * w[long, e] / norm[long] + mix[short] * ...) * (v[e] @ i)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Flags, Floats
from portrait.catalogue.catalogue import Catalogue
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.paint import is_known, vector_weights
from portrait.inference.rank import SEARCHED, USUAL, Mix
from portrait.model.kinds import KIND_WEIGHTS, Kinds, is_complaint
from portrait.model.recency import Events
from portrait.model.space import Vectors, unit
from portrait.profiles.layout import LONG, SHORT


@dataclass(frozen=True, slots=True)
class Evidence:
    """S events, what each weighs, and its vector in one space."""

    ring: NDArray[np.void]  # (S,) of EVENT, newest first
    weight: NDArray[np.float32]  # (2, S): LONG, SHORT
    vectors: Vectors  # (S, K); zeros where the text is not known
    items: Codes  # (S,), rows of the catalogue, or MISSING
    known: Flags  # (S,), whether the item or the search is known
    placed: Vectors  # (S, D), where the learned model sees them; zeros where it has not looked
    visit: int = 0  # how many of them, the first, are of a session beside the past; 0: no such two
    factor: Floats | None = None  # (S,), see `factors.py`; None: each counts as a model has it

    def __len__(self) -> int:
        return len(self.ring)

    @property
    def events(self) -> Events:
        """The events as every model sees them, (1, S)."""
        factor = None if self.factor is None else self.factor[None]
        return Events.of_ring(self.ring[None], self.known[None], factor)

    @property
    def kinds(self) -> Kinds:
        """What each event says of its item, (S,)."""
        kinds: Kinds = self.events.kind[0]
        return kinds

    @property
    def says(self) -> Floats:
        """How much each event says of its item, whatever its age, (S,)."""
        says = KIND_WEIGHTS[self.kinds]
        return says if self.factor is None else says * self.factor

    @property
    def complaints(self) -> Flags:
        """Which events speak against their item, (S,)."""
        return is_complaint(self.kinds)

    def portrait(self) -> Vectors:
        """Return the two vectors these events make, (2, K), as `paint` does, unrounded."""
        return unit(self.weight @ self.vectors)

    @property
    def mix(self) -> Mix:
        """What the past and the session count, or the long and the short term of either."""
        in_words = self.ring["action"][: self.visit] == ACTION_CODE[Action.SEARCH]
        return SEARCHED if (in_words & self.known[: self.visit]).any() else USUAL

    def shares(self, items: Vectors, mix: Mix | None = None) -> NDArray[np.float32]:
        """Return each event's share of each item's score, (N, S), for item vectors (N, K).

        An item's shares add up to its score with `blend(self.portrait(), mix)`; unless another mix
        is asked for, a first model's.
        """
        norm = np.linalg.norm(self.weight @ self.vectors, axis=1)  # (2,)
        scale = np.array(mix or self.mix) / np.where(norm > 0, norm, np.inf)
        shares = (items @ self.vectors.T) * (scale @ self.weight)
        return shares.astype(np.float32)


def evidence_of(ring: NDArray[np.void], catalogue: Catalogue) -> Evidence:
    """Find what each event of one user, (S,) of EVENT, weighs, and its vector.

    The vectors of searches have to be in the catalogue: see `search_refs`, `Mirror.fetch_texts`.
    """
    items, texts = catalogue.locate(ring)
    vectors = catalogue.vectors.matrix[texts]
    vectors[texts == MISSING] = 0
    known = is_known(items, texts)
    placed = _placed(ring, items, catalogue)
    return Evidence(ring, weighed(ring, known), vectors, items, known, placed)


def weighed(
    ring: NDArray[np.void], known: Flags, factor: Floats | None = None
) -> NDArray[np.float32]:
    """Weigh one user's events, (S,), of which some are known. Returns (2, S): LONG, SHORT."""
    if not len(ring):
        return np.zeros((2, 0), np.float32)
    factors = None if factor is None else factor[None]
    events = Events.of_ring(ring[None], known[None], factors)
    weight: NDArray[np.float32] = vector_weights(events)[0]
    return weight


def _placed(ring: NDArray[np.void], items: Codes, catalogue: Catalogue) -> Vectors:
    """Return where the learned model sees each event's item or search, (S, D); zeros if nowhere."""
    places = catalogue.place_of(items)
    others = items == MISSING
    if others.any():
        places[others] = catalogue.placed.find(ring["ref"][others])
    placed = catalogue.placed.matrix[places]
    placed[places == MISSING] = 0
    return placed


def merged(past: Evidence, session: Evidence) -> Evidence:
    """Join a session, for the short term, and what is remembered of a user, for the long term.

    The session comes first: it is newer. It goes on where the past ended, without a pause.
    """
    now = session.ring.copy()
    if len(past):
        now["at"] = past.ring["at"][0]
    return Evidence(
        np.concatenate([now, past.ring]),
        np.stack(
            [
                np.r_[np.zeros(len(session), np.float32), past.weight[LONG]],
                np.r_[session.weight[SHORT], np.zeros(len(past), np.float32)],
            ]
        ),
        np.concatenate([session.vectors, past.vectors]),
        np.concatenate([session.items, past.items]),
        np.concatenate([session.known, past.known]),
        np.concatenate([session.placed, past.placed]),
        visit=len(session),
        factor=_factors(session, past),
    )


def _factors(session: Evidence, past: Evidence) -> Floats | None:
    """Return the factors of both, (S,); None: neither has any."""
    both = session, past
    if all(each.factor is None for each in both):
        return None
    return np.concatenate(
        [np.ones(len(each), np.float32) if each.factor is None else each.factor for each in both]
    )


def search_refs(ring: NDArray[np.void]) -> list[int]:
    """Return the text refs of the searches among these events."""
    refs: list[int] = ring["ref"][ring["action"] == ACTION_CODE[Action.SEARCH]].tolist()
    return refs


@dataclass(frozen=True, slots=True)
class Reasons:
    """What speaks for an item and what against it, strongest first: (event, share of the score)."""

    favour: list[tuple[int, float]]
    against: list[tuple[int, float]]


def reasons_of(shares: Floats, evidence: Evidence, most: int) -> list[Reasons]:
    """Name the events that decide about each of N items, by their shares, (N, S).

    All that was done with one item is one reason: its share is theirs together, so that the shares
    of all items and searches add up to the score. An event names it that is seen: what a complaint
    took back is not. A complaint speaks against what is like its item; for what is unlike it, it is
    no reason.

    Args:
        shares: (N, S).
        evidence: The S events.
        most: Reasons to name, of either list.
    """
    ring, complaint = evidence.ring, evidence.complaints
    if not len(ring):
        return [Reasons([], []) for _ in shares]
    refs, thing = np.unique(ring["ref"], return_inverse=True)  # T things
    is_of = (thing[:, None] == np.arange(len(refs))).astype(np.float32)  # (S, T)
    whole = shares @ is_of  # (N, T)
    liked = np.where(complaint, np.float32(0), shares) @ is_of
    blamed = np.where(complaint, shares, np.float32(0)) @ is_of
    weight = np.where(evidence.events.present[0], evidence.says, np.float32(0))
    for_it = np.where((liked > 0) & (whole > 0), whole, 0)
    against_it = np.where((blamed < 0) & (whole < 0), whole, 0)
    praise, blame = _heaviest(weight, is_of), _heaviest(-weight, is_of)
    return [
        Reasons(*both)
        for both in zip(
            _largest(for_it, praise, most), _largest(against_it, blame, most), strict=True
        )
    ]


def _heaviest(weight: Floats, is_of: Floats) -> Codes:
    """Return the event of each thing, (T,), that says most; of equals the newest."""
    heaviest: Codes = np.where(is_of > 0, weight[:, None], -np.inf).argmax(axis=0)
    return heaviest


def _largest(shares: Floats, event: Codes, most: int) -> list[list[tuple[int, float]]]:
    """Return for each item, (N, T), the events, (T,), of the things with the largest shares."""
    order = np.argsort(-np.abs(shares), axis=1, kind="stable")[:, :most]
    top = np.take_along_axis(shares, order, axis=1)
    return [
        [(int(event[thing]), share) for thing, share in zip(things, values, strict=True) if share]
        for things, values in zip(order.tolist(), top.tolist(), strict=True)
    ]
