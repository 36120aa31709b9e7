"""Describe: a stored record as the JSON that `GET /profile` answers.

This is the hottest path of the service: no arrays, one look-up per event shown, one writing. That
the answer is a `ProfileAnswer` is a test's to check, not every request's.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic_core import to_json

from portrait.events.event import Action
from portrait.events.tone import READ, SAID, Tone
from portrait.events.unwanted import What, covers
from portrait.model.kinds import DISLIKED, LIKED, REVIEW
from portrait.model.space import Vectors
from portrait.profiles.activity import activity_of
from portrait.profiles.facts import MONEY, PERIOD_MS
from portrait.profiles.layout import LONG, NO_EVIDENCE, SHORT
from portrait.profiles.record import Event, Record
from portrait.profiles.reviewed import Reading
from portrait.profiles.searched import SEARCH, Texts
from portrait.profiles.trend import STEADY
from service.view import Source

DECIMALS = 4  # of scores and shares
DAY_DECIMALS = 1
PRICE_DECIMALS = 3  # the decimal number that a 32-bit price was
TENTHS = 10  # of a star

_ACTIONS = tuple(action.value for action in Action)
_moment = datetime.fromtimestamp


class _Nameless:
    """What is not in the catalogue."""

    id = None
    title = None


NAMELESS = _Nameless()
Direction = Literal["rising", "steady", "falling"]
Json = dict[str, object]


def profile_json(  # noqa: PLR0913 - it is what the answer is made of
    user_id: str,
    record: Record,
    texts: Texts,
    readings: Mapping[int, Reading],
    source: Source,
    *,
    things: Mapping[What, Sequence[str]],
    model_version: str | None,
    recent: int,
    vectors: Vectors | None,
    now: float,
) -> bytes:
    """Write a profile, but for how it lags: what does not change with time alone in an hour.

    Names the catalogue does not know are left out, or null.
    """
    head = record.head
    answer: Json = {
        "user_id": user_id,
        "model_version": model_version,
        "space_id": record.space_id,
        "profile_as_of": moment(head.last_at),
        "received_at": moment(head.received_at),
        "events_folded": sum(head.totals),
        "totals": dict(zip(_ACTIONS, head.totals, strict=False)),
        "spend": head.spend / MONEY,
        "first_seen": moment(head.first_at),
        "activity": _activity(record, now),
        "frequency": _frequency(head.period, head.by_period),
        "interests": _interests(record, texts, source, things[What.CATEGORY]),
        "brands": _brands(record, source, things[What.BRAND]),
        "unwanted": {
            "items": things[What.ITEM],
            "categories": things[What.CATEGORY],
            "brands": things[What.BRAND],
        },
        "price_band": _price_band(record),
        "recent": [_in_full(event, texts, readings, source) for event in record.events[:recent]],
    }
    if vectors is not None:
        answer["vectors"] = {"long": vectors[LONG].tolist(), "short": vectors[SHORT].tolist()}
    return to_json(answer)


def extended(body: bytes, more: Json) -> bytes:
    """Add members to a JSON object."""
    return b"%b,%b" % (body[:-1], to_json(more)[1:])


def with_lag(body: bytes, lag_ms: int | None) -> bytes:
    """Add what changes from second to second to a profile."""
    if lag_ms is None:
        return b'%b,"lag_ms":null,"stale_seconds":null}' % body[:-1]
    return b'%b,"lag_ms":%d,"stale_seconds":%b}' % (
        body[:-1],
        lag_ms,
        to_json(stale_seconds(lag_ms)),
    )


def stale_seconds(lag_ms: int | None) -> float | None:
    """Return a lag in seconds."""
    return None if lag_ms is None else lag_ms / 1_000


def event_name(id: int) -> str:
    """Name an event of a profile: by its id, as it is kept."""
    return f"{id:016x}"


def moment(milliseconds: int) -> datetime:
    """Return a stored time as a moment."""
    return _moment(milliseconds / 1_000, UTC)


def lag_of(partitions: Sequence[int], reached: Mapping[int, int], now: float) -> int | None:
    """Return how far a user's partitions lag behind `now` (seconds since 1970) in ms, if known.

    Args:
        partitions: As a record has them: 1 + partition, or 0.
        reached: Moment (ms) up to which what was published to each partition is stored.
        now: Seconds since 1970.
    """
    moments = [reached[place - 1] for place in partitions if place and place - 1 in reached]
    return max(round(now * 1_000) - min(moments), 0) if moments else None


def _activity(record: Record, now: float) -> Json:
    silent, gap, is_gone = activity_of(record, now * 1_000)
    return {
        "state": "gone" if is_gone else "active",
        "silent_days": round(silent, DAY_DECIMALS),
        "usual_gap_days": gap if gap is None else round(gap, DAY_DECIMALS),
    }


def _frequency(newest: int, counts: Sequence[int]) -> list[Json]:
    return [
        {
            "since": moment((newest - age) * PERIOD_MS),
            "until": moment((newest - age + 1) * PERIOD_MS),
            "events": events,
        }
        for age, events in enumerate(counts)
        if newest >= age
    ]


def _interests(record: Record, texts: Texts, source: Source, unwanted: Sequence[str]) -> list[Json]:
    name_of, events = source.mirror.catalogue.interests.name_of, record.events
    return [
        {
            "category": name,
            "score": round(score, DECIMALS),
            "trend": round(trend, DECIMALS),
            "direction": direction_of(trend),
            "evidence": [
                mention(events[place], texts, source) for place in places if place != NO_EVIDENCE
            ],
        }
        for ref, score, trend, *places, _pad in record.interests
        if (name := name_of(ref)) is not None and not (unwanted and covers(unwanted, name))
    ]


def direction_of(trend: float) -> Direction:
    """Say in a word whither an interest goes."""
    if trend > STEADY:
        return "rising"
    return "falling" if trend < -STEADY else "steady"


def _brands(record: Record, source: Source, unwanted: Sequence[str]) -> list[Json]:
    name_of = source.mirror.catalogue.brands.name_of
    return [
        {"brand": name, "share": round(share, DECIMALS)}
        for ref, share in record.brands
        if (name := name_of(ref)) is not None and name.casefold() not in unwanted
    ]


def _price_band(record: Record) -> Json | None:
    low, typical, high = record.price
    if not high:
        return None
    return {
        "low": round(low, PRICE_DECIMALS),
        "typical": round(typical, PRICE_DECIMALS),
        "high": round(high, PRICE_DECIMALS),
    }


def _in_full(event: Event, texts: Texts, readings: Mapping[int, Reading], source: Source) -> Json:
    described = mention(event, texts, source)
    price, quantity, rating = event[3], event[4], event[6]
    tone = tone_of(event[5], quantity, rating)
    if tone is not None:  # what it counts as is not what was said
        reading = readings.get(event[1])
        rating = 0 if reading is None else reading.stars
    described["price"] = round(price, PRICE_DECIMALS) if price else None
    described["quantity"] = quantity or SAID
    described["rating"] = rating / TENTHS if rating else None
    described["tone"] = tone
    return described


def tone_of(action: int, quantity: int, tenths: int) -> Tone | None:
    """Say how the text of an event was read that counts by it, by its ACTION_CODE; else None."""
    if action != REVIEW or quantity != READ:
        return None
    if tenths >= LIKED:
        return Tone.POSITIVE
    return Tone.NEGATIVE if tenths <= DISLIKED else Tone.NEUTRAL


def mention(event: Event, texts: Texts, source: Source) -> Json:
    """Name an event; a search has no item but a text, and what it was about may be unknown."""
    row = source.rows.get(event[2])
    item = source.items[row] if row is not None else NAMELESS
    return {
        "action": _ACTIONS[event[5]],
        "item_id": item.id,
        "title": texts.get(event[2]) if event[5] == SEARCH else item.title,
        "occurred_at": _moment(event[0] / 1_000, UTC),
    }
