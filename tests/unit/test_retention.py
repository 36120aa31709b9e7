"""Cohorts: who first came in a week and came back, counted by the update worker and told."""

from dataclasses import replace

import pytest

from portrait.audiences.behaviour import FEWEST_TOLD
from portrait.audiences.cohorts import WEEKS_KEPT, Week, first_day, week_of
from portrait.events.consent import Consent, Purpose
from portrait.events.private import PRIVATE
from portrait.times import DAY_MS, to_moment
from tests.support.memory_cohorts import MemoryCohorts
from tests.support.records import FakeRecord, event_record
from tests.support.shop import Shop, open_shop
from tests.support.streams import memory_updater
from tests.unit.test_update import run

FIRST = week_of(20_500)
TODAY = first_day(FIRST + 4) + 2


def on(day: int, offset: int, user: str = "ann", **changes: object) -> FakeRecord:
    """An event of noon of a day, that the log took in then."""
    noon = day * DAY_MS + DAY_MS // 2
    moment = to_moment(noon).isoformat()
    record = event_record(offset, user_id=user, occurred_at=moment, **changes)
    return replace(record, timestamp=noon)


def kept(store: object) -> dict[Week, set[str]]:
    assert isinstance(store, MemoryCohorts)
    return store.people


def test_a_week_begins_on_monday() -> None:
    assert to_moment(first_day(FIRST) * DAY_MS).weekday() == 0
    days = range(first_day(FIRST), first_day(FIRST) + 7)
    assert {week_of(day) for day in days} == {FIRST}
    assert week_of(days.stop) == FIRST + 1


async def test_people_are_counted_by_the_week_they_first_came_in() -> None:
    day = first_day(FIRST)
    log = [
        on(day, 0),
        on(day + 1, 1),
        on(day + 7, 2),
        on(day + 8, 3, "bob"),
        on(day + 21, 4),
        on(day + 22, 5, "bob"),
    ]
    updater = await run(log[:3], log[3:])
    await run(log, updater=updater)  # a replay

    assert kept(updater.cohorts) == {
        Week(FIRST, FIRST): {"ann"},
        Week(FIRST, FIRST + 1): {"ann"},
        Week(FIRST, FIRST + 3): {"ann"},
        Week(FIRST + 1, FIRST + 1): {"bob"},
        Week(FIRST + 1, FIRST + 3): {"bob"},
    }


async def test_who_came_longer_ago_than_is_kept_is_in_no_cohort() -> None:
    day = first_day(FIRST)
    late = day + 7 * (WEEKS_KEPT + 1)

    updater = await run([on(day, 0)], [on(late, 1)])

    assert kept(updater.cohorts) == {Week(FIRST, FIRST): {"ann"}}


async def test_what_may_not_be_counted_is_in_no_cohort() -> None:
    day = first_day(FIRST)
    updater = await memory_updater()
    await updater.profiles.agree({"bob": Consent(1_000, frozenset({Purpose.ANALYTICS}))})
    private = replace(on(day + 7, 2), headers=(PRIVATE,))

    await run([on(day, 0), on(day, 1, "bob"), private], updater=updater)

    assert kept(updater.cohorts) == {Week(FIRST, FIRST): {"ann"}}


async def test_a_store_that_is_away_loses_cohorts_and_no_profile() -> None:
    updater = await memory_updater()
    assert isinstance(updater.cohorts, MemoryCohorts)
    updater.cohorts.is_down = True

    await run([on(first_day(FIRST), 0)], updater=updater)

    assert await updater.profiles.load(["ann"]) != [None]


async def told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, object]]]:
    monkeypatch.setattr("service.audiences.statistics.time", lambda: (TODAY + 0.5) * DAY_MS / 1_000)
    await shop.stock()
    async with open_shop(shop) as client:
        answer: dict[str, list[dict[str, object]]] = (await client.get("/stats/behaviour")).json()
    return answer


async def test_the_service_tells_cohorts_and_the_curve_over_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [f"u-{n}" for n in range(60)]
    shop = Shop()
    await shop.cohorts.come(
        {
            Week(FIRST, FIRST): people[:40],
            Week(FIRST, FIRST + 1): people[:20],
            Week(FIRST, FIRST + 3): people[:10],
            Week(FIRST, FIRST + 4): people[:9],  # the running week is not over
            Week(FIRST + 2, FIRST + 2): people[40:],
            Week(FIRST + 2, FIRST + 3): people[40:46],
            Week(FIRST + 4, FIRST + 4): people,
        }
    )

    answer = await told(shop, monkeypatch)

    later, first = answer["cohorts"]
    assert first["begins"] == to_moment(first_day(FIRST) * DAY_MS).isoformat().replace(
        "+00:00", "Z"
    )
    assert (first["people"], later["people"]) == (40, 20)
    assert first["returned"] == [
        {"week": 1, "people": 20, "share": 0.5},
        {"week": 2, "people": None, "share": None},
        {"week": 3, "people": 10, "share": 0.25},
    ]
    assert later["returned"] == [{"week": 1, "people": 6, "share": 0.3}]
    assert answer["retention"] == [
        {"week": 1, "of": 60, "share": 0.4333},
        {"week": 2, "of": 40, "share": 0.0},
        {"week": 3, "of": 40, "share": 0.25},
    ]


async def test_of_fewer_than_five_people_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [f"u-{n}" for n in range(FEWEST_TOLD - 1)]
    enough = [*few, "one-more"]
    shop = Shop()
    await shop.cohorts.come(
        {
            Week(FIRST, FIRST): few,
            Week(FIRST, FIRST + 1): few,
            Week(FIRST + 1, FIRST + 1): enough,
            Week(FIRST + 1, FIRST + 2): few,
            Week(FIRST + 1, FIRST + 3): enough,
        }
    )

    answer = await told(shop, monkeypatch)

    (cohort,) = answer["cohorts"]
    assert cohort["people"] == FEWEST_TOLD
    assert cohort["returned"] == [
        {"week": 1, "people": None, "share": None},
        {"week": 2, "people": FEWEST_TOLD, "share": 1.0},
    ]
    assert [each["share"] for each in answer["retention"]] == [0.0, 1.0]
