"""Paths and moves: counted by the update worker, told by the service."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from portrait.audiences.behaviour import FEWEST_TOLD, Deeds
from portrait.audiences.cohorts import first_day, week_of
from portrait.audiences.paths import (
    WEEKS_KEPT,
    Kind,
    Visits,
    Walked,
    Week,
    move_of,
)
from portrait.events.columns import ACTION_CODE, COLUMNS, ERASURE
from portrait.events.consent import Consent, Purpose
from portrait.events.event import Action
from portrait.events.private import PRIVATE
from portrait.model.habits import VISIT_GAP_MS
from portrait.ref import name_ref
from portrait.times import DAY_MS, to_moment
from tests.support.memory_paths import MemoryPaths
from tests.support.records import FakeRecord, event_record
from tests.support.shop import Shop, open_shop
from tests.support.streams import memory_updater
from tests.unit.test_update import run
from workers.update.updater import Updater

DAY = 20_710
WEEK = week_of(DAY)
MINUTE_MS = 60_000
NAMES = {
    name_ref(name): name for name in ("Grocery > Dairy", "House > Paper", "Pets > Cat", "Pets")
}


def at(minute: float, offset: int, action: str, item: str | None, user: str = "ann") -> FakeRecord:
    """An event so many minutes after a day began, that the log took in then."""
    moment = DAY * DAY_MS + round(minute * MINUTE_MS)
    searched = "cat" if action == "search" else None
    record = event_record(
        offset,
        event_id=f"{action}-{offset}",
        type=action,
        user_id=user,
        item_id=item,
        text=searched,
        occurred_at=to_moment(moment).isoformat(),
    )
    return replace(record, timestamp=moment)


VISIT = [
    at(0, 0, "search", None),
    at(1, 0, "click", "milk"),
    at(2, 0, "browse", "towels"),
    at(3, 0, "cart", "towels"),
    at(4, 0, "purchase", "towels"),
]


def people(updater: Updater, kind: Kind = Kind.STEPS, week: int = WEEK) -> Mapping[str, set[str]]:
    assert isinstance(updater.paths, MemoryPaths)
    return updater.paths.people.get(Week(kind, week), {})


async def test_a_path_is_what_was_done_since_the_visit_began() -> None:
    updater = await run(VISIT)

    assert people(updater) == {
        "search>seen": {"ann"},
        "search>seen>cart": {"ann"},
        "search>seen>cart>bought": {"ann"},
    }


async def test_in_parts_and_read_again_it_is_the_same() -> None:
    updater = await run(*([record] for record in VISIT))
    await run(VISIT, updater=updater)

    assert people(updater) == people(await run(VISIT))
    assert people(updater, Kind.CATEGORIES) == people(await run(VISIT), Kind.CATEGORIES)


async def test_a_move_is_from_one_category_to_another() -> None:
    updater = await run([*VISIT, at(5, 1, "click", "milk"), at(6, 2, "click", "cheese")])

    moves = {
        tuple(NAMES[ref] for ref in move_of(name)): users
        for name, users in people(updater, Kind.CATEGORIES).items()
    }
    assert moves == {
        ("Grocery > Dairy", "House > Paper"): {"ann"},
        ("House > Paper", "Grocery > Dairy"): {"ann"},
    }


async def test_half_an_hour_of_nothing_ends_a_visit() -> None:
    pause = VISIT_GAP_MS / MINUTE_MS
    updater = await run([at(0, 0, "search", None), at(pause, 0, "cart", "milk")])
    still = await run([at(0, 0, "search", None), at(pause - 0.1, 0, "cart", "milk")])

    assert people(updater) == {}
    assert people(still) == {"search>cart": {"ann"}}


async def test_of_a_long_visit_the_last_steps_count() -> None:
    more = [at(6, 1, "search", None), at(7, 1, "click", "tuna")]

    updater = await run([*VISIT, *more])

    assert "cart>bought>search>seen" in people(updater)


async def test_everybodys_visit_is_their_own() -> None:
    log = [at(0, 0, "search", None), at(1, 0, "click", "milk", "bob"), at(2, 1, "click", "milk")]

    assert people(await run(log)) == {"search>seen": {"ann"}}


async def test_what_is_private_is_no_step_of_any_path() -> None:
    hidden = [replace(record, headers=(PRIVATE,)) for record in VISIT[1:3]]

    updater = await run([VISIT[0], *hidden, *VISIT[3:]])

    assert people(updater) == {"search>cart": {"ann"}, "search>cart>bought": {"ann"}}
    assert people(updater, Kind.CATEGORIES) == {}


async def test_who_does_not_let_it_count_is_in_no_path() -> None:
    updater = await memory_updater()
    await updater.profiles.agree({"ann": Consent(1_000, frozenset({Purpose.ANALYTICS}))})

    await run(VISIT, updater=updater)

    assert people(updater) == {}


async def test_what_is_read_late_or_is_long_ago_makes_no_path() -> None:
    late = [at(1, 0, "cart", "milk"), at(0, 0, "search", None), at(2, 0, "purchase", "milk")]
    updater = await run(*([record] for record in late))
    old = await run([replace(each, timestamp=(DAY + 40) * DAY_MS) for each in VISIT])

    assert people(updater) == {"cart>bought": {"ann"}}
    assert people(old) == {}


def test_of_who_is_erased_no_step_is_remembered() -> None:
    visits = Visits()
    columns = np.zeros(3, COLUMNS)
    columns["event"]["at"] = columns["logged"] = DAY * DAY_MS + np.arange(3)
    columns["event"]["action"] = [
        ACTION_CODE[each] for each in (Action.SEARCH, Action.CART, Action.CLICK)
    ]
    columns["topic"] = [0, 0, ERASURE]

    def walk(*places: int) -> Walked:
        some = columns[[*places]]
        counted = some["topic"] != ERASURE
        deeds = Deeds(["ann"], some, counted, np.zeros(1, np.int64))
        return visits.walk([(deeds, np.zeros(len(some), np.uint64))])

    walk(0)
    walk(2)

    assert walk(1) == {}
    assert walk(0) == {}  # it was before
    assert walk(2, 0) == {}
    assert walk(1) == {Week(Kind.STEPS, WEEK): {"search>cart": {"ann"}}}


async def test_only_so_many_are_remembered() -> None:
    updater = replace(await memory_updater(), visits=Visits(most=1))

    await run([VISIT[0]], [at(1, 0, "click", "milk", "bob")], VISIT[1:2], updater=updater)

    assert people(updater) == {}


async def test_a_store_that_is_away_loses_paths_and_no_profile() -> None:
    updater = await memory_updater()
    assert isinstance(updater.paths, MemoryPaths)
    updater.paths.is_down = True

    await run(VISIT, updater=updater)

    assert await updater.profiles.load(["ann"]) != [None]


def crowd(count: int) -> set[str]:
    return {f"u-{n}" for n in range(count)}


async def test_the_service_tells_the_commonest_paths_and_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.audiences.statistics.time", lambda: (DAY + 0.5) * DAY_MS / 1_000)
    shop = Shop()
    await shop.stock()
    dairy, paper, gone = (name_ref(name) for name in ("Grocery > Dairy", "House > Paper", "Gone"))
    await shop.paths.walk(
        {
            Week(Kind.STEPS, WEEK): {"seen>cart": crowd(9), "search>seen": crowd(FEWEST_TOLD)},
            Week(Kind.STEPS, WEEK - 1): {"search>seen": crowd(40), "cart>bought": crowd(4)},
            Week(Kind.STEPS, WEEK - WEEKS_KEPT): {"wish>cart": crowd(90)},
            Week(Kind.CATEGORIES, WEEK): {
                f"{dairy:016x}>{paper:016x}": crowd(7),
                f"{dairy:016x}>{gone:016x}": crowd(8),
                f"{paper:016x}>{dairy:016x}": crowd(FEWEST_TOLD - 1),
            },
        }
    )

    async with open_shop(shop) as client:
        told = (await client.get("/stats/behaviour")).json()["visits"]

    begins = to_moment(first_day(WEEK - WEEKS_KEPT + 1) * DAY_MS).isoformat()
    assert told == {
        "since": begins.replace("+00:00", "Z"),
        "paths": [
            {"steps": ["search", "seen"], "people": 40},
            {"steps": ["seen", "cart"], "people": 9},
        ],
        "paths_missing": 0,
        "moves": [{"before": "Grocery > Dairy", "after": "House > Paper", "people": 7}],
        "moves_missing": 0,
    }
