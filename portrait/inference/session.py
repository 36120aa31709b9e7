"""Session: what somebody has just looked at, as events, for those we do not know yet."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.lexical import Lexicon, Reading
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.inference.explain import Evidence, evidence_of, weighed
from portrait.inference.factors import factored
from portrait.model.space import Vectors
from portrait.profiles.layout import SHORT
from portrait.ref import item_ref, search_ref

Way = Literal["vector", "words", "nothing"]  # how a text was read

CLICK, SEARCH = ACTION_CODE[Action.CLICK], ACTION_CODE[Action.SEARCH]


def session_ring(items: Sequence[str], texts: Sequence[str]) -> NDArray[np.void]:
    """Write a session as a ring, (S,) of EVENT: an item counts as a click, a text as a search.

    Both lists are oldest first. They are interleaved from their newest ends, so that neither
    makes the other old.
    """
    clicks = [(item_ref(id), CLICK) for id in reversed(items)]
    searches = [(search_ref(text), SEARCH) for text in reversed(texts)]
    pairs = zip_longest(searches, clicks)
    newest_first = [event for pair in pairs for event in pair if event is not None][:RING]
    ring = np.zeros(len(newest_first), EVENT)
    ring["at"] = 1  # no time is told, so all is of one moment: only rank decays
    ring["ref"] = [ref for ref, _ in newest_first]
    ring["action"] = [action for _, action in newest_first]
    return ring


def session_evidence(ring: NDArray[np.void], catalogue: Catalogue) -> Evidence:
    """Find what a session says: it is all short-term, so both of its vectors are that one."""
    evidence = evidence_of(ring, catalogue)
    return _now(evidence)


def read_words(
    evidence: Evidence, texts: Sequence[str], lexicon: Lexicon, matrix: Vectors
) -> tuple[Evidence, list[Way]]:
    """Place a session's texts that BERT has not read by their words.

    Returns:
        The evidence with more vectors, and how each text was read: `vector` (BERT has read it),
        `words` (it stands for the item texts that share its words) or `nothing` (none do,
        or the newer texts were all that one request may have read).
    """
    ring, reading = evidence.ring, Reading(lexicon)
    vectors, known = evidence.vectors.copy(), evidence.known.copy()
    searched = np.where(ring["action"] == SEARCH, ring["ref"], np.uint64(0))
    ways: list[Way] = []
    for text in reversed(texts):  # the newest first: they say most, should it be too much
        places = np.flatnonzero(searched == np.uint64(search_ref(text)))
        if evidence.vectors[places].any():
            ways.append("vector")
            continue
        nearest = reading.vector(text, matrix)
        if nearest is not None:
            vectors[places], known[places] = nearest, True
        ways.append("nothing" if nearest is None else "words")
    return _now(replace(evidence, vectors=vectors, known=known)), ways[::-1]


def factored_session(
    evidence: Evidence, factors: Floats | None, about: Collection[int] = ()
) -> Evidence:
    """Let a session's events count as the shop has it; see `factored`."""
    return evidence if factors is None else _now(factored(evidence, factors, about))


def _now(evidence: Evidence) -> Evidence:
    """Weigh a session's events: the short term is all there is."""
    weight = weighed(evidence.ring, evidence.known, evidence.factor)
    return replace(evidence, weight=weight[[SHORT, SHORT]])
