"""How many people came how far: counted by the update worker, told by the service."""

from collections.abc import Sequence

import pytest

from portrait.audiences.behaviour import DAYS_KEPT, ERROR, BehaviourStore, Span, Stage
from portrait.errors import StoreUnavailableError
from portrait.events.consent import Consent, Purpose
from portrait.times import DAY_MS
from tests.support.memory_behaviour import MemoryBehaviour
from tests.support.records import event_record
from tests.support.shop import Shop, open_shop
from tests.support.streams import memory_updater
from tests.unit.test_update import later, run

DAY = 20_000


async def counted(updater_behaviour: BehaviourStore, stages: Sequence[Stage]) -> list[int]:
    return await updater_behaviour.count([Span(stage, range(40_000)) for stage in stages])


async def test_the_update_worker_notes_who_came_how_far() -> None:
    log = [
        event_record(0),
        later(event_record(1, user_id="bob", type="cart")),
        later(event_record(2, user_id="bob", type="purchase")),
        later(event_record(3, user_id="eve", type="search", text="cat", item_id=None)),
    ]
    updater = await run(log)
    await run(log, updater=updater)  # a replay

    assert await counted(updater.behaviour, [*Stage]) == [3, 1, 1, 1]


async def test_who_does_not_let_it_count_is_not_counted() -> None:
    updater = await memory_updater()
    await updater.profiles.agree({"bob": Consent(1_000, frozenset({Purpose.ANALYTICS}))})
    await run([event_record(0), later(event_record(1, user_id="bob"))], updater=updater)

    assert await counted(updater.behaviour, [Stage.ACTIVE]) == [1]


async def test_a_store_that_is_away_loses_counts_and_no_profile() -> None:
    updater = await memory_updater()
    assert isinstance(updater.behaviour, MemoryBehaviour)
    updater.behaviour.is_down = True
    with pytest.raises(StoreUnavailableError):
        await updater.behaviour.meet({})

    await run([event_record(0)], updater=updater)

    assert await updater.profiles.load(["ann"]) != [None]


async def test_the_service_tells_days_weeks_and_how_far_people_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.audiences.statistics.time", lambda: (DAY + 0.5) * DAY_MS / 1_000)
    people = [f"u-{n}" for n in range(60)]
    shop = Shop()
    await shop.stock()
    await shop.behaviour.meet(
        {
            (DAY, Stage.ACTIVE): people[:30],
            (DAY, Stage.SEEN): people[:20],
            (DAY - 1, Stage.ACTIVE): people[10:50],
            (DAY - 1, Stage.BOUGHT): people[10:12],
            (DAY - 7, Stage.ACTIVE): people,
            (DAY - 30, Stage.CART): people,
        }
    )

    async with open_shop(shop) as client:
        told = (await client.get("/stats/behaviour?days=14")).json()
        wrong = await client.get(f"/stats/behaviour?days={DAYS_KEPT + 1}")

    assert told["funnel"] == {"active": 60, "seen": 20, "cart": 0, "bought": 2}
    assert [day["active"] for day in told["days"][:3]] == [30, 40, 0]
    assert len(told["days"]) == 14
    assert [week["active"] for week in told["weeks"]] == [50, 60]
    assert told["standard_error"] == ERROR
    assert wrong.status_code == 422


async def test_categories_rise_and_fall_by_what_is_wanted() -> None:
    shop = Shop()
    await shop.stock()
    for day in range(DAY - 27, DAY + 1):
        is_late = day > DAY - 14
        wanted = {"milk": 3_000 if is_late else 1_000, "tuna": 1_000, "beef": 2_000}
        await shop.popularity.add(day, wanted)

    async with open_shop(shop) as client:
        told = (await client.get("/stats/behaviour")).json()

    assert [(each["category"], each["share"], each["before"]) for each in told["rising"]] == [
        ("Grocery > Dairy", 0.5, 0.25)
    ]
    assert [each["category"] for each in told["falling"]] == ["Pets > Dog", "Pets > Cat"]
