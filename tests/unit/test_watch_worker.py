"""The watch in service: it rolls back what regressed, and nothing else."""

import asyncio
from datetime import datetime

import numpy as np
import pytest

from portrait import metrics
from portrait.evaluation.verdict import Check, Verdict
from portrait.model.model import Model
from portrait.monitoring.watch import Live, promise_of
from tests.support.cards import card
from tests.support.catalogues import SPACE
from tests.support.fake_training import MemoryLiveCounts
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_tracking import MemoryTracking
from tests.support.patience import PATIENCE
from tests.support.processes import until
from workers.train import watch as watcher
from workers.train.watch import Watched, follow, look, watch


def check(name: str, champion: float, challenger: float) -> Check:
    return Check(name=name, champion=champion, challenger=challenger, passed=True, reason="so")


PROMOTED = Verdict(
    champion="v1",
    challenger="v2",
    promote=True,
    reason="it is better",
    checks=(check("newest HR@10", 0.10, 0.11), check("churn_risk ECE", 0.02, 0.015)),
)
GOOD_DAYS = Live(trials=5_000, hits=1_000)


class Told:
    """An `Outcomes` that says what it is told to, of one model."""

    def __init__(self) -> None:
        self.live: dict[str, Live] = {}

    async def since(self, version: str, moment: datetime) -> Live:
        """Say it."""
        assert moment == card(version).created_at
        return self.live.get(version, Live())


async def watched(outcomes: Told | None = None) -> Watched:
    """Put v2 in service after v1, which was hit one time in five."""
    registry, tracking = MemoryRegistry(), MemoryTracking()
    for version, verdict in (("v1", None), ("v2", PROMOTED)):
        tracking.register(card(version))
        await registry.add(card(version).model_copy(update={"verdict": verdict}))
        await registry.store(Model(version, SPACE))
        await registry.want(version)
        await registry.switch(version)
    counts = MemoryLiveCounts()
    await counts.add("v1", GOOD_DAYS)
    return Watched(registry, counts, outcomes or Told(), tracking)


async def test_who_keeps_the_promise_stays() -> None:
    here = await watched()
    await here.counts.add("v2", Live(trials=5_000, hits=960))

    assert await look(here) is None
    assert (await here.registry.roles()).champion == "v2"


async def test_who_does_not_is_rolled_back_with_the_reason_on_its_card() -> None:
    here = await watched()
    await here.counts.add("v2", Live(trials=5_000, hits=500))

    reason = await look(here)

    assert reason is not None
    assert "0.1000 after 5,000 predictions; 0.2000 was promised" in reason
    assert (await here.registry.roles()).champion == "v1"
    taken_out = await here.registry.entry("v2")
    assert (taken_out.role, taken_out.card.rolled_back) == ("rolled back", reason)
    assert await look(here) is None  # and that is the end of it


async def test_who_was_put_back_by_a_person_stays_whatever_is_counted() -> None:
    here = await watched()
    await here.counts.add("v2", Live(trials=5_000, hits=500))
    assert await look(here) is not None
    await here.registry.want("v2", reason="the tracking was broken, not the model")
    await here.registry.switch("v2")

    assert await look(here) is None

    assert (await here.registry.roles()).champion == "v2"
    assert metrics.live.labels("live_hit_rate")._value.get() == 0.1  # noqa: SLF001 - its only reader


async def test_a_head_that_went_off_is_a_reason_too() -> None:
    outcomes = Told()
    here = await watched(outcomes)
    await here.counts.add("v2", Live(trials=5_000, hits=960))
    said, happened = np.full(2_000, 0.1), np.arange(2_000) % 2 == 0
    outcomes.live["v2"] = Live().happened("churn_risk", said, happened)

    reason = await look(here)

    assert reason is not None
    assert reason.startswith("churn_risk is off by 0.4")
    shown = {
        sample.labels["figure"]: sample.value
        for metric in metrics.live.collect()
        for sample in metric.samples
    }
    assert shown == pytest.approx(
        {"live_trials": 5_000, "live_hit_rate": 0.192, "live_ece/churn_risk": 0.4}
    )


async def test_without_a_former_a_verdict_or_counts_nothing_happens() -> None:
    bad = Live(trials=5_000, hits=0)
    alone = await watched()
    await alone.counts.add("v1", bad)
    await alone.registry.roll_back("once is enough")
    unjudged = await watched()
    await unjudged.registry.add(card("v2"))
    await unjudged.counts.add("v2", bad)
    uncounted = await watched()

    assert [await look(each) for each in (alone, unjudged, uncounted)] == [None] * 3


async def test_a_former_that_was_hardly_counted_promises_no_hits() -> None:
    assert promise_of(PROMOTED, Live(trials=499, hits=400)).hit_rate == 0
    assert promise_of(PROMOTED, Live(trials=500, hits=400)).hit_rate == 0.8
    assert promise_of(PROMOTED, Live()).ece == {"churn_risk": 0.015}


async def test_the_alias_follows_the_champion_whoever_moved_it() -> None:
    here = await watched()

    known = await follow(here, None)
    assert here.tracking.called("champion") == "v2"
    here.tracking.call("v2", None)
    known = await follow(here, known)
    assert here.tracking.called("champion") is None  # said once
    await here.registry.roll_back("by hand")
    await follow(here, known)

    assert here.tracking.called("champion") == "v1"


async def test_the_loop_looks_until_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "LOOK_EVERY", 0.01)
    here, closing = await watched(), asyncio.Event()
    assert isinstance(here.registry, MemoryRegistry)
    here.registry.is_down = True  # Redis is away at first
    running = asyncio.create_task(watch(here, closing))
    await asyncio.sleep(0.05)
    here.registry.is_down = False

    await here.counts.add("v2", Live(trials=5_000, hits=0))

    async def is_back() -> bool:
        return (await here.registry.roles()).champion == "v1"

    await until(is_back, "the former champion serves")
    closing.set()
    async with asyncio.timeout(PATIENCE):
        await running

    assert (await here.registry.roles()).champion == "v1"
