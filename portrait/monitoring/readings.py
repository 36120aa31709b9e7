"""Readings: numbers that a model computes of its users, whose distribution tells of drift.

What is read in training is the reference in the manifest; what is read later is held against it.
Both look back equally far, or the length of the log itself would look like drift.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Doubles, Floats
from portrait.catalogue.traits import traits_of
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.dataset.past import located, newest
from portrait.dataset.questions import StateOf
from portrait.dataset.stock import Stock, place_texts, stored_searches
from portrait.inference.ranker import Ranker
from portrait.model.heads import CHURN_RISK, PURCHASE_INTENT
from portrait.model.model import Model
from portrait.model.recency import TEXT_RECENCY, Events
from portrait.monitoring.drift import LEAST_VALUES, Reference
from portrait.ref import item_ref
from portrait.times import DAY_MS

LOOK_BACK_MS = 28 * DAY_MS
MOST_USERS = 4_000
REFERENCES = "references"  # in a manifest's metrics
COHERENCE = "length of users' text vectors"


def ranker_over(model: Model, events: Interactions, stock: Stock) -> Ranker:
    """Let a model rank the items of events by the vectors of texts that workers keep."""
    items = stock.items()
    texts = {item_ref(item.id): item.text for item in items}
    known = [texts.get(ref, "") for ref in events.items.tolist()]
    vectors = np.concatenate(
        [
            place_texts(known, model.space, stock, None),
            stored_searches(events.queries.tolist(), model.space, stock),
        ]
    )
    return Ranker.over(model.learned, events.items, vectors, traits_of(items, events.items))


def readings(ranker: Ranker, interactions: Interactions) -> dict[str, Doubles]:
    """Read every number of the users who did something in the last four weeks of a log.

    Args:
        ranker: The model, over `interactions.items`.
        interactions: Any number of days.

    Returns:
        By name: (n,).
    """
    if not len(interactions):
        return {}
    until = int(interactions.at.max()) + 1
    lately = interactions.where(interactions.at >= until - LOOK_BACK_MS)
    users = np.unique(lately.user)[:MOST_USERS]
    return {COHERENCE: _coherence(ranker, lately, users), **_scores(ranker, lately, users, until)}


def references_of(ranker: Ranker, interactions: Interactions) -> dict[str, dict[str, list[float]]]:
    """Return how every reading is distributed, as a manifest keeps it."""
    return {
        name: Reference.of(values).as_lists()
        for name, values in readings(ranker, interactions).items()
        if len(values) >= LEAST_VALUES
    }


def _coherence(ranker: Ranker, lately: Interactions, users: Codes) -> Doubles:
    """Return how alike the texts of each user's events are: 1 all the same, 0 all different."""
    rows, events = ranker.heard(*newest(lately, users))
    weight = np.abs(TEXT_RECENCY.weights(events)[..., 0])  # (U, S)
    lengths = np.zeros(len(rows))
    for place, row in enumerate(rows):
        here = ranker.read[np.maximum(row, 0)]
        lengths[place] = np.linalg.norm(weight[place] @ here)
    total = weight.sum(axis=1)
    known = (lengths > 0) & (total > 0)
    coherent: Doubles = lengths[known] / total[known]
    return coherent


def _scores(ranker: Ranker, lately: Interactions, users: Codes, until: int) -> dict[str, Doubles]:
    """Return what the heads of one probability say of the users."""
    heads = ranker.learned.heads
    if heads is None:
        return {}
    anchors = Anchors(users, np.full(len(users), until, np.int64))
    facts = History(lately).facts(anchors)
    state = ranker.states(*ranker.heard(*newest(lately, anchors.user)))
    predicted = heads.predict(facts.head, facts.ring, state, anchors.at)
    said = {PURCHASE_INTENT: predicted.purchase_intent, CHURN_RISK: predicted.churn_risk}
    return {name: each.astype(np.float64) for name, each in said.items() if each is not None}


def state_of(ranker: Ranker, events: Interactions) -> StateOf:
    """Return how a model reads rings: (A, RING) to (A, D).

    Args:
        ranker: The model, over the items and queries of the events.
        events: From which the rings are.
    """

    def states(ring: NDArray[np.void]) -> Floats:
        held = int((ring["at"] > 0).sum(axis=1).max(initial=1))
        ring = ring[:, :held]
        rows = located(ring, events)
        return ranker.states(*ranker.heard(rows, Events.of_ring(ring, rows != MISSING)))

    return states
