"""Outcomes: heads are held against what came, once it can be known, and not before."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from portrait.archive.archive import SCHEMA, Archive
from portrait.events.erasure import Erasures
from portrait.events.event import Action
from portrait.model.heads import CHURN_RISK, PURCHASE_INTENT
from portrait.model.model import Model
from portrait.monitoring.outcomes import ANEW, ArchiveOutcomes
from portrait.monitoring.watch import Live
from portrait.ref import user_ref
from portrait.times import DAY_MS, EPOCH, MILLISECOND
from tests.support.archives import memory_archive
from tests.support.catalogues import ITEMS, SPACE
from tests.support.memory_registry import MemoryRegistry
from tests.support.models import learned
from tests.support.training_shop import OPENED, ListStock, keep, rows

pytestmark = pytest.mark.asyncio

FAITHFUL, LOST = 20, 30  # users who buy every day; users who stopped on day 55
DAYS, TRAINED = 120, 60
MADE = EPOCH + (OPENED + TRAINED * DAY_MS) * MILLISECOND
VERSION = "v1"


class Clock:
    """A day that a test chooses."""

    def __init__(self) -> None:
        self.day = DAYS

    def __call__(self) -> datetime:
        return EPOCH + (OPENED + self.day * DAY_MS) * MILLISECOND


class Counted(ListStock):
    """A `Stock` that counts how often it was read."""

    read = 0

    def items(self) -> list[object]:  # type: ignore[override] # a list is a list
        """Count it."""
        self.read += 1
        return list(super().items())


def shopping(days: int = DAYS) -> Archive:
    """Return an archive of purchases, every user's at the same hour."""
    user = np.repeat(np.arange(FAITHFUL + LOST), [days] * FAITHFUL + [55] * LOST)
    day = np.concatenate([np.arange(days)] * FAITHFUL + [np.arange(55)] * LOST)
    table = rows(user, day % 3, OPENED + day * DAY_MS)
    field = SCHEMA.field("action")
    action = pa.array([Action.PURCHASE.value] * len(user), field.type)
    archive = memory_archive()
    keep(archive, table.set_column(SCHEMA.get_field_index("action"), field, action))
    return archive


async def outcomes_of(
    archive: Archive, clock: Clock | None = None, stock: ListStock | None = None
) -> ArchiveOutcomes:
    registry = MemoryRegistry()
    await registry.store(Model(VERSION, SPACE, learned()))
    return ArchiveOutcomes(archive, stock or ListStock(ITEMS), registry, clock or Clock())


def totals(live: Live, head: str) -> tuple[int, int]:
    """Return how many outcomes are known, and how many happened."""
    count, _, happened, _ = np.array(live.bins[head]).sum(axis=0)
    return int(count), int(happened)


async def test_outcomes_are_those_of_windows_that_have_closed() -> None:
    live = await (await outcomes_of(shopping())).since(VERSION, MADE)

    # Asked once a week from day 60 on: weeks that end by day 119 less the horizon.
    count, bought = totals(live, PURCHASE_INTENT)
    assert bought / count == pytest.approx(FAITHFUL / (FAITHFUL + LOST), abs=0.02)
    assert 7 * (FAITHFUL + LOST) <= count <= 8 * (FAITHFUL + LOST)
    count, lost = totals(live, CHURN_RISK)
    assert lost / count == pytest.approx(LOST / (FAITHFUL + LOST), abs=0.02)
    assert 4 * (FAITHFUL + LOST) <= count <= 5 * (FAITHFUL + LOST)
    assert live.trials == 0


async def test_a_head_is_asked_with_what_was_known_then() -> None:
    live = await (await outcomes_of(shopping())).since(VERSION, MADE)

    bins = np.array(live.bins[CHURN_RISK])  # of these heads silence alone decides
    likely = bins[:, 1] > bins[:, 0] * 0.7
    assert bins[likely, 2].sum() == bins[likely, 0].sum() > 0  # who was silent for days was lost
    assert bins[~likely, 2].sum() == 0 < bins[~likely, 0].sum()


async def test_before_a_window_can_have_closed_nothing_is_read() -> None:
    clock, stock = Clock(), Counted(ITEMS)
    clock.day = TRAINED + 6
    asked = await outcomes_of(shopping(TRAINED + 6), clock, stock)

    assert await asked.since(VERSION, MADE) == Live()
    assert stock.read == 0


async def test_it_is_read_anew_twice_a_day_and_for_another_model() -> None:
    clock, stock = Clock(), Counted(ITEMS)
    asked = await outcomes_of(shopping(), clock, stock)

    first = await asked.since(VERSION, MADE)
    assert await asked.since(VERSION, MADE) == first
    assert stock.read == 1
    assert timedelta(hours=0) < ANEW < timedelta(days=1)
    clock.day += 1
    await asked.since(VERSION, MADE)
    assert stock.read == 2
    assert await asked.since("unknown", MADE) == Live()


async def test_the_erased_are_in_no_figure() -> None:
    archive = shopping()
    everybody = await (await outcomes_of(archive)).since(VERSION, MADE)
    lost = [user_ref(f"user-{n}") for n in range(FAITHFUL, FAITHFUL + LOST)]
    archive.erase(Erasures.of(dict.fromkeys(lost, OPENED + DAYS * DAY_MS)))

    left = await (await outcomes_of(archive)).since(VERSION, MADE)

    assert totals(everybody, PURCHASE_INTENT)[0] > totals(left, PURCHASE_INTENT)[0]
    count, bought = totals(left, PURCHASE_INTENT)
    assert bought == count
