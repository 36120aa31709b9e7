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
from portrait.facts import MONEY, PERIOD_MS
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.paint import LONG, NO_EVIDENCE, SHORT
from portrait.profile import Profile

STEADY = 0.05  # a trend within this is noise: half an event of ten
DECIMALS = 4  # of scores and shares
TENTHS = 10  # of a star

_ACTIONS = tuple(action.value for action in Action)

Direction = Literal["rising", "steady", "falling"]
Event = tuple[int, int, int, float, int, int, int]  # a row of the ring
Evidence = tuple[str, Item | None, datetime]


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
    head = dict(zip(profile.head.dtype.names or (), profile.head.item(), strict=True))
    events: list[Event] = profile.ring.tolist()
    items = items_of(profile, catalogue)
    totals: list[int] = head["totals"].tolist()
    answer: dict[str, object] = {
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
        "interests": _interests(profile, catalogue, events, items),
        "brands": _brands(profile, catalogue),
        "price_band": _price_band(profile),
        "recent": [_event(*pair) for pair in zip(events[:recent], items, strict=False)],
    }
    if with_vectors:
        vectors = profile.portrait["vectors"].astype(np.float32)
        answer["vectors"] = {"long": vectors[LONG].tolist(), "short": vectors[SHORT].tolist()}
    return to_json(answer)


def items_of(profile: Profile, catalogue: Catalogue) -> list[Item | None]:
    """Return the item of each event; a search has none."""
    rows: list[int] = catalogue.find(np.ascontiguousarray(profile.ring["ref"])).tolist()
    return [None if row == MISSING else catalogue.items[row] for row in rows]


def moment(milliseconds: int) -> datetime:
    """Return a stored time as a moment."""
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def stale_seconds(profile: Profile, reached: Mapping[int, int], now: float) -> float | None:
    """Return how far the user's partitions lag behind `now` (seconds since 1970), if it is known."""
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


def _interests(
    profile: Profile, catalogue: Catalogue, events: Sequence[Event], items: Sequence[Item | None]
) -> list[dict[str, object]]:
    interests = profile.portrait["interests"]
    columns = (interests[name].tolist() for name in ("category", "score", "trend", "evidence"))
    return [
        {
            "category": name,
            "score": round(score, DECIMALS),
            "trend": round(trend, DECIMALS),
            "direction": _direction(trend),
            "evidence": [
                _mention(events[place], items[place]) for place in places if place != NO_EVIDENCE
            ],
        }
        for ref, score, trend, places in zip(*columns, strict=True)
        if ref and (name := catalogue.interests.name_of(ref)) is not None
    ]


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
    return {"low": money(low), "typical": money(typical), "high": money(high)}


def _event(event: Event, item: Item | None) -> dict[str, object]:
    _at, _id, _ref, price, quantity, _action, rating = event
    return _mention(event, item) | {
        "price": money(price) if price else None,
        "quantity": quantity,
        "rating": rating / TENTHS if rating else None,
    }


def _mention(event: Event, item: Item | None) -> dict[str, object]:
    at, _id, _ref, _price, _quantity, action, _rating = event
    return {
        "action": _ACTIONS[action],
        "item_id": None if item is None else item.id,
        "title": None if item is None else item.title,
        "occurred_at": moment(at),
    }


def money(price: float) -> float:
    """Return a stored 32-bit price as the decimal number that was meant."""
    return round(price, 3)
