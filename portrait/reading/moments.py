"""Moments: how producers write when something happened."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from portrait.reading.values import Fields

LONGEST_MOMENT = 64  # characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds until the year 5138; a number beyond is milliseconds, micro- or nanoseconds since 1973.
_UNITS = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (1e20, 10**9))
_USUAL = re.compile(  # read at once: it is how most are written
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?)( UTC)?", re.ASCII
)
_NUMBER = re.compile(r"[+-]?\d{5,}(?:\.\d+)?")
_ZONE_NAME = re.compile(r"\[([A-Za-z0-9_+\-/]{1,40})\]$")
_WORD_FOR_UTC = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日\s*(.*)")
_SHORT = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?=$|[T\s])")
_WITHOUT_SECONDS_SPACE = re.compile(r"(\d)\s+([+-]\d{2}:?\d{2})$")
_SHORT_HOUR = re.compile(r"(?<=[T\s])(\d:)")


def as_moment(value: object, zone: tzinfo) -> object:
    """Read a moment, with its offset.

    Args:
        value: RFC 3339, ISO 8601, SQL text, RFC 2822, a date, with an offset, a zone's name, or
            neither; seconds, milliseconds, micro- or nanoseconds since 1970 as number or text.
        zone: Of moments without an offset.

    Returns:
        A datetime with its offset; what was sent if it cannot be read.
    """
    if isinstance(value, dict):
        return as_moment(_inside(value), zone)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    if not isinstance(value, str) or len(value) > LONGEST_MOMENT:
        return value
    text = unicodedata.normalize("NFKC", value).strip()
    if _NUMBER.fullmatch(text) and not re.fullmatch(r"(19|20)\d{6}", text):
        return _since_1970(float(text) if "." in text else int(text))
    try:
        return _read(text, zone)
    except (ValueError, OverflowError, IndexError, TypeError):
        return value


def _since_1970(number: float) -> object:
    """Read a number by its size. None that can be a moment: what was sent."""
    for limit, unit in _UNITS:
        if abs(number) < limit:
            micros = number * (1e6 / unit) if isinstance(number, float) else _micros(number, unit)
            try:
                return _EPOCH + timedelta(microseconds=round(micros))
            except (OverflowError, ValueError):
                return number
    return number


def _micros(number: int, unit: int) -> int:
    """Return a whole number of a unit's parts of a second as microseconds, exactly."""
    return number * 1_000_000 // unit


def _inside(value: Fields) -> Any:  # noqa: ANN401 - as it was sent
    """Open what MongoDB and protobuf write."""
    if "$date" in value:
        return _inside(value["$date"]) if isinstance(value["$date"], dict) else value["$date"]
    if "$numberLong" in value:
        return value["$numberLong"]
    if isinstance(seconds := value.get("seconds"), int) and isinstance(
        nanos := value.get("nanos", 0), int
    ):
        return seconds * 10**9 + nanos
    return None


def _read(text: str, zone: tzinfo) -> datetime:
    """Read a text.

    Raises:
        ValueError: It is none of the ways.
    """
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        return _with_offset(datetime.fromisoformat(usual[1]), UTC if usual[2] else zone)
    named = _ZONE_NAME.search(text)
    if named:
        text = text[: named.start()]
        zone = _zone(named[1])
    chinese = _CHINESE.fullmatch(text)
    if chinese:
        year, month, day, rest = chinese.groups()
        text = f"{year}-{month}-{day} {rest}".strip()
    text = _SHORT.sub(lambda m: f"{m[1]}-{int(m[2]):02d}-{int(m[3]):02d}", text, count=1)
    text = _SHORT_HOUR.sub(r"0\1", text, count=1).replace("时", ":").replace("分", ":")
    text = text.removesuffix("秒").removesuffix(":")
    if text[:1].isdigit() and not re.match(r"\d{1,2}\s+[A-Za-z]{3}", text):
        bare = _WORD_FOR_UTC.sub("", text)
        if bare != text:
            text, zone = bare, UTC
        moment = datetime.fromisoformat(_WITHOUT_SECONDS_SPACE.sub(r"\1\2", text).replace(",", "."))
    else:
        moment = parsedate_to_datetime(text)
    return _with_offset(moment, zone)


def _with_offset(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _zone(name: str) -> tzinfo:
    """Return a time zone by its name.

    Raises:
        ValueError: There is none of this name.
    """
    try:
        return UTC if name.upper() in {"UTC", "GMT", "Z"} else ZoneInfo(name)
    except (KeyError, OSError) as error:
        msg = "no such zone"
        raise ValueError(msg) from error
