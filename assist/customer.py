"""The customer: what is known of who writes, in short, for the person who answers.

Redis ─▶ profile: what they care about, how they do ─┐
      ─▶ record: reviews and returns of late ────────┼─▶ mood, what to offer, what to leave alone
      ─▶ recommendations, unless they are upset ─────┘

All of it is read as `GET /profile` and `POST /recommend` read it; nothing here runs the encoder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from portrait.errors import (
    BusyError,
    ConsentWithdrawnError,
    ModelMissingError,
    ProfileErasedError,
    ProfileNotFoundError,
)
from portrait.events.event import Action
from portrait.helpdesk.desk import Mood
from portrait.helpdesk.mood import mood_of
from portrait.model.kinds import DISLIKED, LIKED
from portrait.profiles.record import Event, Record
from portrait.profiles.searched import read_searched
from portrait.times import DAY_MS
from service.live import Live
from service.parts import Parts
from service.profiles.damage import sound
from service.profiles.describe import mention
from service.profiles.routes import NOTHING_ASKED, read_profile
from service.recommendations.remembered import recommend
from service.recommendations.schemas import ListRequest
from service.recommendations.turns import Turns
from service.view import Source

Json = dict[str, Any]

LATELY_MS = 90 * DAY_MS  # before the newest event
OFFERED, AVOIDED, CARED_FOR = 3, 5, 5
_ACTIONS = tuple(Action)


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of somebody."""

    profile: Json | None = None  # as `GET /profile` answers it
    reviews: tuple[int, int] = (0, 0)  # of late: bad ones, good ones
    avoid: tuple[Json, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)  # for slots: `interest`

    def described(self, mood: Mood, offer: Sequence[Json]) -> Json | None:
        """Return what a person who answers should know; None if nothing is known."""
        profile = self.profile
        if profile is None:
            return None
        return {
            "cares_about": [
                {name: each[name] for name in ("category", "score", "direction")}
                for each in profile["interests"][:CARED_FOR]
            ],
            "brands": [each["brand"] for each in profile["brands"][:CARED_FOR]],
            "price_band": profile["price_band"],
            "activity": profile["activity"],
            "purchase_intent": _probability(profile["purchase_intent"]),
            "churn_risk": _probability(profile["churn_risk"]),
            "bad_reviews_lately": self.reviews[0],
            "offer": [] if mood == "upset" else offer,
            "avoid": self.avoid,
            "profile_as_of": profile["profile_as_of"],
            "model_version": profile["model_version"],
            "space_id": profile["space_id"],
            "lag_ms": profile["lag_ms"],
            "stale_seconds": profile["stale_seconds"],
        }

    def mood(self, texts: Sequence[str]) -> Mood:
        """Read the mood of who writes these texts."""
        disliked, liked = self.reviews
        return mood_of(texts, disliked, liked)


async def known_customer(user_id: str | None, parts: Parts, live: Live) -> Customer:
    """Read what is known of somebody; nothing, if nobody is named or known.

    Raises:
        StoreUnavailableError: Redis does not answer.
    """
    if user_id is None or live.view is None:
        return Customer()
    try:
        profile = from_json((await read_profile(user_id, NOTHING_ASKED, parts, live)).body)
    except (ConsentWithdrawnError, ProfileErasedError, ProfileNotFoundError, ModelMissingError):
        return Customer()
    ((payload, searched, *_),) = await parts.profiles.load_whole([user_id])
    record = None if payload is None else sound(payload)
    if record is None:
        return Customer()
    lately = [each for each in record.events if each[0] >= record.head.last_at - LATELY_MS]
    mentioned = _Mentioned(live.view.source, read_searched(searched))
    return Customer(
        profile,
        (sum(map(_is_bad, lately)), sum(map(_is_good, lately))),
        tuple(_avoided(lately, mentioned)),
        _facts(profile, record, mentioned),
    )


async def offers_for(user_id: str | None, parts: Parts, live: Live, turns: Turns) -> Sequence[Json]:
    """Return what to offer and the strongest reason of each; nothing where many ask for rankings.

    Raises:
        StoreUnavailableError: Redis does not answer.
    """
    if user_id is None or live.view is None:
        return ()
    asked = ListRequest(user_id=user_id, limit=OFFERED, explain=True)
    try:
        answer = from_json(await recommend(asked, parts, live, turns, is_counted=False))
    except (BusyError, ModelMissingError):
        return ()
    return [
        {
            "item_id": item["item_id"],
            "title": item["title"],
            "price": item["price"],
            "because": item["reasons"][:1],
        }
        for item in answer["items"]
    ]


@dataclass(frozen=True, slots=True)
class _Mentioned:
    """Names of what events are about."""

    source: Source
    texts: Mapping[int, str]

    def __call__(self, event: Event) -> Json:
        return mention(event, self.texts, self.source)


def _is_bad(event: Event) -> bool:
    return _ACTIONS[event[5]] is Action.REVIEW and 0 < event[6] <= DISLIKED


def _is_good(event: Event) -> bool:
    return _ACTIONS[event[5]] is Action.REVIEW and event[6] >= LIKED


def _avoided(events: Sequence[Event], mentioned: _Mentioned) -> list[Json]:
    """Name what somebody sent back or complained about, newest first, each thing once."""
    found: dict[str, Json] = {}
    for event in events:
        is_returned = _ACTIONS[event[5]] is Action.RETURN
        if not (is_returned or _is_bad(event)):
            continue
        told = mentioned(event)
        why = "returned" if is_returned else "bad review"
        if told["item_id"] is not None:
            found.setdefault(
                str(told["item_id"]),
                {
                    "item_id": told["item_id"],
                    "title": told["title"],
                    "because": why,
                    "occurred_at": told["occurred_at"],
                },
            )
    return [*found.values()][:AVOIDED]


def _facts(profile: Json, record: Record, mentioned: _Mentioned) -> dict[str, object]:
    """Return what slots may be filled with."""
    interests, brands = profile["interests"], profile["brands"]
    things = [each for each in record.events if _ACTIONS[each[5]] is not Action.SEARCH]
    bought = [each for each in things if _ACTIONS[each[5]] is Action.PURCHASE]
    return {
        "interest": interests[0]["category"] if interests else None,
        "brand": brands[0]["brand"] if brands else None,
        "last_item": mentioned(things[0])["title"] if things else None,
        "last_purchase": mentioned(bought[0])["title"] if bought else None,
    }


def _probability(likelihood: Json | None) -> float | None:
    return None if likelihood is None else likelihood["probability"]
