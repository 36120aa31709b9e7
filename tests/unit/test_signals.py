"""Signals: what is new is counted without opening files; what has moved is said, noise is not."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import cast

import numpy as np
import pyarrow as pa
import pytest

from portrait.adapters.river_drift import AdwinDrift
from portrait.archive.archive import EVER, Archive, Span
from portrait.archive.segment import Segment
from portrait.arrays import Doubles
from portrait.dataset.stock import place_texts
from portrait.inference.ranker import Ranker
from portrait.lifecycle.manifest import Manifest, Window
from portrait.model.learned import untaught
from portrait.monitoring.drift import Reference
from portrait.monitoring.readings import COHERENCE, REFERENCES, readings
from portrait.monitoring.signals import ArchiveSignals, Counts, Recent
from portrait.ref import text_ref
from portrait.times import DAY_MS, EPOCH, MILLISECOND
from portrait.training.material import Shares, gather
from tests.support.archives import memory_archive
from tests.support.fakes import HashEncoder
from tests.support.memory_registry import MemoryRegistry
from tests.support.training_shop import CATALOGUE, OPENED, SEASON, ListStock, keep, rows, season
from tests.unit.test_learner import PRETRAINED

pytestmark = pytest.mark.asyncio


class Never:
    """An `ErrorDrift` that never sees any; it keeps what it was shown."""

    def __init__(self) -> None:
        self.errors: list[float] = []

    def add(self, errors: Doubles) -> bool:
        """Keep errors."""
        self.errors += errors.tolist()
        return False


class Watched(Recent):
    """An archive that notes which files are opened."""

    def __init__(self, archive: Archive, since: datetime) -> None:
        super().__init__(archive, since)
        self.opened: list[Segment] = []

    def read(
        self, segment: Segment, columns: Sequence[str], within: Span = EVER
    ) -> Iterator[pa.RecordBatch]:
        """Note it and read it."""
        self.opened.append(segment)
        return super().read(segment, columns, within)


def manifest(references: Mapping[str, Reference] | None = None) -> Manifest:
    lists = {name: each.as_lists() for name, each in (references or {}).items()}
    return Manifest(
        version="v0",
        created_at=datetime.now(UTC),
        trained_on=Window(
            since=EPOCH + OPENED * MILLISECOND,
            until=EPOCH + (OPENED + SEASON // 2) * MILLISECOND,
        ),
        encoder=PRETRAINED.space.encoder,
        space_id=PRETRAINED.space.id,
        metrics={REFERENCES: lists},
    )


async def signals(
    archive: Archive, told: Manifest | None, errors: Never | None = None
) -> ArchiveSignals:
    registry = MemoryRegistry()
    await registry.store(PRETRAINED)
    stock = ListStock()
    texts = [item.text for item in CATALOGUE]
    vectors = PRETRAINED.space.place(HashEncoder().encode(texts))
    stock.known = {text_ref(text): vector for text, vector in zip(texts, vectors, strict=True)}
    return ArchiveSignals(
        archive,
        stock,
        registry,
        lambda _: told,
        (lambda: errors) if errors else AdwinDrift,
        every=timedelta(0),
    )


MIDDAY = OPENED // DAY_MS * DAY_MS + DAY_MS // 2


def two_days() -> Archive:
    """Return an archive of 100 events of one day, and 50 of the day after the next."""
    archive = memory_archive()
    nobody = np.zeros(100, np.int64)
    at = MIDDAY + np.arange(100) * 60_000
    keep(archive, rows(nobody, nobody, at))
    keep(archive, rows(nobody[:50], nobody[:50], at[:50] + 2 * DAY_MS, first=100))
    return archive


async def test_events_since_a_moment_are_counted() -> None:
    counted = await signals(two_days(), None)

    assert await counted.labelled(MIDDAY - DAY_MS) == 150
    assert await counted.labelled(MIDDAY + 40 * 60_000) == 110
    assert await counted.labelled(MIDDAY + DAY_MS) == 50
    assert await counted.labelled(MIDDAY + 9 * DAY_MS) == 0


async def test_a_file_of_the_first_day_is_opened_once_and_later_ones_never() -> None:
    watched, counts = Watched(two_days(), EPOCH), Counts()

    for _ in range(3):
        assert counts.since(cast("Archive", watched), MIDDAY + 40 * 60_000) == 110

    assert [each.first for each in watched.opened] == [0]


async def test_files_that_overlap_are_not_counted_twice() -> None:
    archive = memory_archive()
    table = season(0)
    keep(archive, table, table.slice(0, 100))

    counted = await signals(archive, None)

    assert await counted.labelled(OPENED - 2 * DAY_MS) == len(table)


async def test_recent_files_are_those_of_the_day_before_or_later() -> None:
    archive = memory_archive()
    keep(archive, season(0), season(1))
    ends = sorted(segment.day for segment in archive.segments())

    def days(since: date) -> list[date]:
        moment = datetime.combine(since, datetime.min.time(), UTC)
        return sorted(each.day for each in Recent(archive, moment).segments())

    assert days(ends[0] + timedelta(days=1)) == ends
    assert days(ends[0] + timedelta(days=2)) == ends[1:]


async def test_of_a_model_without_manifest_only_what_comes_is_looked_at() -> None:
    archive = memory_archive()
    keep(archive, season(0))
    errors = Never()

    assert await (await signals(archive, None, errors)).drift("v0") is None
    assert errors.errors == []


async def test_errors_are_shown_once_in_order_of_time() -> None:
    archive = memory_archive()
    keep(archive, season(0))
    errors = Never()
    looking = await signals(archive, manifest(), errors)

    for _ in range(3):
        assert await looking.drift("v0") is None

    assert 100 < len(errors.errors) < 400  # each user at most once
    assert set(errors.errors) == {0, 1}
    keep(archive, season(1))
    await looking.drift("v0")
    assert len(errors.errors) > 400


async def test_a_distribution_that_has_moved_is_named_until_another_model_serves() -> None:
    archive = memory_archive()
    keep(archive, season(0))
    elsewhere = {COHERENCE: Reference.of(np.linspace(2, 3, 1_000))}
    looking = await signals(archive, manifest(elsewhere), Never())

    said = await looking.drift("v0")

    assert said is not None
    assert COHERENCE in said
    assert await looking.drift("v0") == said


async def test_a_distribution_like_the_reference_is_no_drift() -> None:
    archive = memory_archive()
    keep(archive, season(0))
    material = gather(archive, CATALOGUE, None, Shares(least_events=10))
    vectors = place_texts(material.texts, PRETRAINED.space, ListStock(), HashEncoder())
    ranker = Ranker.over(untaught(16), material.events.items, vectors)
    values = readings(ranker, material.events)[COHERENCE]

    calm = await signals(archive, manifest({COHERENCE: Reference.of(values)}), Never())

    assert await calm.drift("v0") is None


async def test_a_rise_of_the_misses_is_a_drift() -> None:
    class Alarm(Never):
        def add(self, errors: Doubles) -> bool:
            """Always rise."""
            super().add(errors)
            return True

    archive = memory_archive()
    keep(archive, season(0))
    looking = await signals(archive, manifest(), Alarm())

    said = await looking.drift("v0")

    assert said is not None
    assert "misses" in said
