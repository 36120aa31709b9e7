"""Outlook: what the heads of the model say somebody will do next, as of the moment of asking.

record ─▶ facts, learned state ─▶ heads ─▶ probabilities, and the habits that speak for each

The moment is the user's last event plus the time since it was taken in, by the hour: silence
counts, also where old events are replayed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Refs, Ring
from portrait.events.columns import EVENT, RING
from portrait.events.event import Action
from portrait.events.unwanted import covers
from portrait.inference.explain import evidence_of
from portrait.inference.taste import taste_of
from portrait.model.habits import HABITS
from portrait.model.heads import CHURN_RISK, PURCHASE_INTENT, Head
from portrait.model.learned import Learned
from portrait.profiles.layout import EVIDENCE
from portrait.profiles.profile import Profile
from service.profiles.describe import Json, mention, moment
from service.view import Source

HOUR_MS = 3_600_000
BECAUSE = 3  # habits named for each probability
LIKELY = 8  # categories named
DECIMALS = 4
TASTE = "taste"  # what the learned state says, all channels together
INTENT_DAYS, CHURN_DAYS = 7, 30
WITHIN_DAYS = {PURCHASE_INTENT: INTENT_DAYS, CHURN_RISK: CHURN_DAYS}

NOTHING: Json = {
    "outlook_as_of": None,
    PURCHASE_INTENT: None,
    CHURN_RISK: None,
    "next_action": None,
    "likely_interests": [],
}


_ACTIONS = tuple(action.value for action in Action)
_NAMED = (TASTE, *HABITS)


def hours_silent(received_at_ms: int, now: float) -> int:
    """Return how many whole hours before `now`, in seconds, the newest event was taken in."""
    return max(0, int(now * 1_000) - received_at_ms) // HOUR_MS


def outlook(profile: Profile, source: Source, hours: int, unwanted: Sequence[str] = ()) -> Json:
    """Say what a user will probably do, so many hours after their newest event.

    Args:
        profile: Of the user.
        source: The model, and its catalogue.
        hours: Since the newest event.
        unwanted: Categories, by their meaning, that are named in no case.
    """
    learned = source.model.learned
    if learned is None or learned.heads is None:
        return NOTHING
    heads, head, ring = learned.heads, np.array([profile.head]), _whole_ring(profile)
    state = _state(profile, source, learned)
    as_of = np.array([int(profile.head["last_at"]) + hours * HOUR_MS])
    touched = _touched(ring, source)
    described = heads.describe(head, ring, state, as_of)
    predicted = heads.answer(described, ring, as_of, touched)
    answer: Json = {"outlook_as_of": moment(int(as_of[0]))}
    for name, probability in (
        (PURCHASE_INTENT, predicted.purchase_intent),
        (CHURN_RISK, predicted.churn_risk),
    ):
        if probability is not None:
            answer[name] = {
                "probability": round(float(probability[0]), DECIMALS),
                "within_days": WITHIN_DAYS[name],
                "because": _because(heads.heads[name], described[0], state.shape[1]),
            }
    if predicted.next_action is not None:
        chances = np.round(predicted.next_action[0], DECIMALS).tolist()
        answer["next_action"] = dict(zip(_ACTIONS, chances, strict=True))
    if predicted.interests is not None:
        likely = _likely(predicted.interests[0], heads.categories, touched[0], profile, source)
        answer["likely_interests"] = [
            each for each in likely if not covers(unwanted, str(each["category"]))
        ]
    return {**NOTHING, **answer}


def _whole_ring(profile: Profile) -> Ring:
    """Return the ring as (1, RING)."""
    ring = np.zeros((1, RING), EVENT)
    ring[0, : len(profile.ring)] = profile.ring
    return ring


def _state(profile: Profile, source: Source, learned: Learned) -> NDArray[np.float32]:
    """Return the learned state, (1, D): as stored, or anew if it was painted by another model."""
    if profile.space_id == source.model.space_id:
        stored: NDArray[np.float32] = profile.portrait["state"][None].astype(np.float32)
        return stored
    return taste_of(evidence_of(profile.ring, source.mirror.catalogue), learned).state[None]


def _touched(ring: Ring, source: Source) -> Refs:
    """Name the category of each event's item, (1, RING) of name_ref; 0 where there is none."""
    catalogue = source.mirror.catalogue
    names = catalogue.interests
    items, _ = catalogue.locate(ring)
    codes = catalogue.interest_of(items, np.full_like(items, MISSING))  # as in training
    codes[ring["at"] == 0] = MISSING
    return names.refs[names.ranks[codes]]


def _because(head: Head, described: NDArray[np.float32], dim: int) -> list[Json]:
    """Name what moves a probability most, by its part in the logit."""
    parts = described * head.weights[:, 0]
    shares = np.append(parts[:dim].sum(), parts[dim:])
    strongest = np.argsort(-np.abs(shares), kind="stable")[:BECAUSE].tolist()
    return [
        {"habit": _NAMED[place], "share": round(float(shares[place]), DECIMALS)}
        for place in strongest
    ]


def _likely(
    probability: NDArray[np.float32],
    categories: Refs,
    touched: Refs,
    profile: Profile,
    source: Source,
) -> list[Json]:
    """Name the categories most likely to be touched, and the events that belong to them."""
    answer: list[Json] = []
    events = profile.ring.tolist()
    for place in np.argsort(-probability, kind="stable")[:LIKELY].tolist():
        name = source.mirror.catalogue.interests.name_of(int(categories[place]))
        if name is None:
            continue
        own = np.flatnonzero(touched == categories[place])[:EVIDENCE].tolist()
        answer.append(
            {
                "category": name,
                "probability": round(float(probability[place]), DECIMALS),
                "within_days": INTENT_DAYS,
                "evidence": [mention(events[event], {}, source) for event in own],  # of items alone
            }
        )
    return answer
