"""Describe: a stored record as the JSON that `GET /profile` answers.

This is the hottest path of the service. Arrays become Python values whole, by `tolist`, and the
answer is written once; that it is a `ProfileAnswer` is a test's to check, not every request's.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic_core import to_json

from portrait.catalogue import Catalogue
from portrait.event import Action
from portrait.facts import HEAD, MONEY, PERIOD_MS
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.paint import LONG, NO_EVIDENCE, SHORT
from portrait.profile import Profile

STEADY = 0.05  # a trend within this is noise: half an event of ten
DECIMALS = 4  # of scores and shares
PRICE_DECIMALS = 3  # the decimal number that a 32-bit price was
TENTHS = 10  # of a star

_ACTIONS = tuple(action.value for action in Action)
_HEAD = HEAD.names or ()

Event = tuple[str, int, Item | None]  # action, ms since 1970, what it was about

Direction = Literal["rising", "steady", "falling"]
Json = dict[str, object]


def profile_json(  # noqa: PLR0913 - it is what the answer is made of
    user_id: str,
    profile: Profile,
    catalogue: Catalogue,
    *,
    model_version: str | None,
    stale_seconds: float | None,
    recent: int,
    with_vectors: bool,
) -> bytes:
    """Write a profile. Names the catalogue does not know are left out, or null."""
    head = dict(zip(_HEAD, profile.head.item(), strict=True))
    totals: list[int] = head["totals"].tolist()
    events = _events(profile, catalogue)
    answer: Json = {
        "user_id": user_id,
        "model_version": model_version,
        "space_id": profile.space_id,
        "profile_as_of": moment(head["last_at"]),
        "received_at": moment(head["received_at"]),
        "stale_seconds": stale_seconds,
        "events_folded": sum(totals),
        "totals": dict(zip(_ACTIONS, totals, strict=False)),
        "spend": head["spend"] / MONEY,
        "first_seen": moment(head["first_at"]),
        "frequency": _frequency(head["period"], head["by_period"].tolist()),
        "interests": _interests(profile, catalogue, events),
        "brands": _brands(profile, catalogue),
        "price_band": _price_band(profile),
        "recent": _recent(profile, events, recent),
    }
    if with_vectors:
        vectors = profile.portrait["vectors"].astype(np.float32)
        answer["vectors"] = {"long": vectors[LONG].tolist(), "short": vectors[SHORT].tolist()}
    return to_json(answer)


def moment(milliseconds: int) -> datetime:
    """Return a stored time as a moment."""
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def stale_seconds(profile: Profile, reached: Mapping[int, int], now: float) -> float | None:
    """Return how far the user's partitions lag behind `now` (seconds since 1970), if known."""
    partitions: Iterable[int] = profile.head["partition"].tolist()
    moments = [reached[place - 1] for place in partitions if place and place - 1 in reached]
    return round(max(now - min(moments) / 1_000, 0.0), 3) if moments else None


def _frequency(newest: int, counts: Sequence[int]) -> list[dict[str, object]]:
    return [
        {
            "since": moment((newest - age) * PERIOD_MS),
            "until": moment((newest - age + 1) * PERIOD_MS),
            "events": events,
        }
        for age, events in enumerate(counts)
        if newest >= age
    ]


def _events(profile: Profile, catalogue: Catalogue) -> list[Event]:
    """Return action, time and item of each event; a search has no item."""
    ring, items = profile.ring, catalogue.items
    rows: list[int] = catalogue.find(np.ascontiguousarray(ring["ref"])).tolist()
    return [
        (_ACTIONS[action], at, None if row == MISSING else items[row])
        for action, at, row in zip(ring["action"].tolist(), ring["at"].tolist(), rows, strict=True)
    ]


def _interests(profile: Profile, catalogue: Catalogue, events: Sequence[Event]) -> list[Json]:
    name_of = catalogue.interests.name_of
    return [
        {
            "category": name,
            "score": round(score, DECIMALS),
            "trend": round(trend, DECIMALS),
            "direction": _direction(trend),
            "evidence": [_mention(events[place]) for place in places if place != NO_EVIDENCE],
        }
        for ref, score, trend, places, _pad in _interest_rows(profile)
        if ref and (name := name_of(ref)) is not None
    ]


def _interest_rows(profile: Profile) -> Iterable[tuple[int, float, float, list[int], int]]:
    """Read the interests; numpy leaves an array within a row as it is."""
    interests = profile.portrait["interests"]
    places: list[list[int]] = interests["evidence"].tolist()
    for (ref, score, trend, _places, pad), those in zip(interests.tolist(), places, strict=True):
        yield ref, score, trend, those, pad


def _direction(trend: float) -> Direction:
    if trend > STEADY:
        return "rising"
    return "falling" if trend < -STEADY else "steady"


def _brands(profile: Profile, catalogue: Catalogue) -> list[dict[str, object]]:
    return [
        {"brand": name, "share": round(share, DECIMALS)}
        for ref, share in profile.portrait["brands"].tolist()
        if ref and (name := catalogue.brands.name_of(ref)) is not None
    ]


def _price_band(profile: Profile) -> dict[str, float] | None:
    low, typical, high = profile.portrait["price"].tolist()
    if not high:
        return None
    return {
        "low": round(low, PRICE_DECIMALS),
        "typical": round(typical, PRICE_DECIMALS),
        "high": round(high, PRICE_DECIMALS),
    }


def _recent(profile: Profile, events: Sequence[Event], most: int) -> list[Json]:
    ring = profile.ring[:most]
    columns = (ring[name].tolist() for name in ("price", "quantity", "rating"))
    return [
        {
            **_mention(event),
            "price": round(price, PRICE_DECIMALS) if price else None,
            "quantity": quantity,
            "rating": rating / TENTHS if rating else None,
        }
        for event, price, quantity, rating in zip(events, *columns, strict=False)
    ]


def _mention(event: Event) -> Json:
    action, at, item = event
    if item is None:
        return {"action": action, "item_id": None, "title": None, "occurred_at": moment(at)}
    return {"action": action, "item_id": item.id, "title": item.title, "occurred_at": moment(at)}
