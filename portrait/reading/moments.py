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
_NUMBER = re.compile(r"[+-]?\d{5,}(?:\.\d+)?|[+-]?\d\.\d+[eE]\+?\d{1,2}", re.ASCII)
_DIGITS = re.compile(r"((?:19|20)\d{6})(\d{6})?", re.ASCII)  # 20260701, 20260701073100
_AS_DIGITS = ((19_000_101, 21_000_101), (19_000_101_000_000, 21_000_101_000_000))
_DOTNET = re.compile(r"/Date\((-?\d{1,16})(?:[+-]\d{4})?\)/")
_HALF_DAY = re.compile(
    r"(?:(上午|下午|晚上|凌晨)\s*)?(\d{1,2})(:\d\d(?::\d\d)?)(?:\s*([AP])\.?M\.?)?$", re.IGNORECASE
)
_MIDNIGHT = re.compile(r"(?<=[T ])24(?=:00(?::00(?:\.0+)?)?(?:$|[Z+-]))")
_ABBREVIATION = re.compile(r"\b(?!GMT|UTC)([A-Z]{3,4})\b(?!,)")
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
        if not any(first <= value < end for first, end in _AS_DIGITS):
            return _since_1970(value)
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_MOMENT:
        return value
    try:
        return _read(unicodedata.normalize("NFKC", value).strip(), zone)
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


def _read(text: str, zone: tzinfo) -> object:
    """Read a text.

    Raises:
        ValueError: It is none of the ways.
    """
    if _NUMBER.fullmatch(text) and not _DIGITS.fullmatch(text):
        return _since_1970(float(text) if "." in text else int(text))
    if dotnet := _DOTNET.fullmatch(text):
        return _since_1970(int(dotnet[1]))
    text, days = _MIDNIGHT.subn("00", text)
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        moment = datetime.fromisoformat(usual[1]) + timedelta(days=days)
        return _with_offset(moment, UTC if usual[2] else zone)
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
    text = _in_24_hours(text.removesuffix("秒").removesuffix(":"))
    if digits := _DIGITS.fullmatch(text):
        text = f"{digits[1]}T{digits[2]}" if digits[2] else text
    if text[:1].isdigit() and not re.match(r"\d{1,2}\s+[A-Za-z]{3}", text):
        bare = _WORD_FOR_UTC.sub("", text)
        if bare != text:
            text, zone = bare, UTC
        moment = datetime.fromisoformat(_WITHOUT_SECONDS_SPACE.sub(r"\1\2", text).replace(",", "."))
    else:
        moment = _of_mail(text, zone)
    return _with_offset(moment + timedelta(days=days), zone)


def _in_24_hours(text: str) -> str:
    """Write 03:31 PM and 下午3:31 as 15:31."""
    half = _HALF_DAY.search(text)
    if half is None or not (half[1] or half[4]):
        return text
    is_late = half[1] in {"下午", "晚上"} or (half[4] or "").upper() == "P"
    hour = int(half[2]) % 12 + 12 * is_late if int(half[2]) <= 12 else int(half[2])  # noqa: PLR2004 - a clock
    return f"{text[: half.start()].rstrip()} {hour:02d}{half[3]}"


def _of_mail(text: str, zone: tzinfo) -> datetime:
    """Read RFC 2822, and what Java prints. Three letters are the shop's zone where it is called so.

    RFC 5322: -0000 is UTC of whoever does not tell where they are; CST is China's in China.
    """
    moment = parsedate_to_datetime(text)
    if text.endswith("-0000"):
        return moment.replace(tzinfo=UTC)
    named = _ABBREVIATION.search(text)
    here = moment.replace(tzinfo=zone)
    return here if named is not None and here.tzname() == named[1] else moment


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
