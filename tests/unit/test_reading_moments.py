"""Moments: in every common way of writing one."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.reading.moments import as_moment

SHANGHAI = ZoneInfo("Asia/Shanghai")
HALF_PAST = datetime(2026, 7, 1, 7, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-07-01T07:31:00Z",
        "2026-07-01T07:31:00+00:00",
        "2026-07-01T09:31:00+02:00",
        "2026-07-01T09:31:00+0200",
        "2026-07-01T07:31:00.000000000Z",
        "2026-07-01 07:31:00 UTC",
        "2026-07-01 07:31:00Z",
        "2026-07-01 09:31:00 +02:00",
        "2026-07-01 09:31:00 +0200",
        "2026-07-01T09:31:00+02:00[Europe/Paris]",
        "2026-07-01T09:31:00[Europe/Paris]",
        "20260701T073100Z",
        "2026/07/01 07:31:00 GMT",
        "2026-7-1 7:31 UTC",
        "Wed, 01 Jul 2026 07:31:00 GMT",
        "Wed, 01 Jul 2026 09:31:00 +0200",
        "1 Jul 2026 07:31:00 GMT",
        1_782_891_060,
        1_782_891_060.0,
        1_782_891_060_000,
        1_782_891_060_000_000,
        1_782_891_060_000_000_000,
        "1782891060",
        "1782891060000",
        "1782891060.000",
        {"$date": "2026-07-01T07:31:00Z"},
        {"$date": {"$numberLong": "1782891060000"}},
        {"seconds": 1_782_891_060, "nanos": 0},
    ],
    ids=str,
)
def test_a_moment_with_its_offset_is_itself(written: object) -> None:
    assert as_moment(written, SHANGHAI) == HALF_PAST


@pytest.mark.parametrize(
    "written",
    [
        "2026-07-01T15:31:00",
        "2026-07-01 15:31:00",
        "2026-07-01 15:31",
        "2026-07-01 15:31:00.000",
        "2026-07-01 15:31:00,000",
        "2026/7/1 15:31",
        "2026.07.01 15:31:00",
        "2026年7月1日 15:31:00",
        "2026年7月1日 15时31分",
        "2026年07月01日15:31",
        "20260701 153100",
        "2026-07-01T15:31:00[Asia/Shanghai]",
        "Wed, 01 Jul 2026 15:31:00",
    ],
)
def test_one_without_an_offset_is_of_the_shops_zone(written: str) -> None:
    assert as_moment(written, SHANGHAI) == HALF_PAST


@pytest.mark.parametrize(
    "written",
    [
        *("", "yesterday", "07/01/2026", "31:07", "2026-13-01", "2026-07-01T25:00:00", "x" * 100),
        *("2026-07-01T07:31:00[Nowhere/City]", True, None, [], {}, {"$date": []}, "9" * 30),
    ],
    ids=str,
)
def test_what_is_no_moment_stays_what_it_was(written: object) -> None:
    assert not isinstance(as_moment(written, UTC), datetime)


MOMENTS = st.integers(10**14 + 10**13, 4 * 10**15).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


@given(MOMENTS, st.integers(-12 * 60, 14 * 60))
def test_every_way_of_writing_says_the_same(moment: datetime, minutes: int) -> None:
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))
    micros = round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))

    assert as_moment(there.isoformat(), SHANGHAI) == moment
    assert as_moment(there.isoformat(" "), SHANGHAI) == moment
    assert as_moment(micros, SHANGHAI) == moment
    assert as_moment(micros * 1_000, SHANGHAI) == moment
    milli = moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
    assert as_moment(micros // 1_000, SHANGHAI) == milli
