"""Signals out of the archive: how much is new, and whether it looks different.

names of files ─▶ events since the last training
newest events ─▶ was the next item among the champion's first ten? ─▶ ADWIN
             ─▶ readings ─▶ PSI against the manifest's
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import cast

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from portrait.archive.archive import EVER, Archive, Span, numbers
from portrait.archive.segment import Segment, by_place
from portrait.dataset.archive_reading import read_interactions
from portrait.dataset.stock import Stock
from portrait.evaluation.exam import set_exam, sit
from portrait.events.consent import Consents
from portrait.events.erasure import Erasures
from portrait.events.topics import IMPRESSIONS
from portrait.lifecycle.manifest import Manifest
from portrait.lifecycle.registry import Registry
from portrait.model.model import Model
from portrait.monitoring.drift import ErrorDrift, Reference, moved
from portrait.monitoring.readings import LOOK_BACK_MS, REFERENCES, ranker_over, readings
from portrait.times import to_moment, to_ms

MOST_EVENTS = 50_000  # looked at: enough to tell, and a few MB
LEAST_ERRORS = 30  # new ones, before it is worth a look

ManifestOf = Callable[[str], Manifest | None]


@dataclass(slots=True)
class _Baseline:
    """Where the look at one champion stands."""

    version: str
    errors: ErrorDrift
    since: int  # ms: events before were looked at
    references: Mapping[str, Reference]
    found: str | None = None  # a drift stays until there is another champion
    looked_at: float = -np.inf


class ArchiveSignals:
    """`Signals`. Looks seldom, however often it is asked."""

    def __init__(  # noqa: PLR0913 - what it looks at
        self,
        archive: Archive,
        stock: Stock,
        registry: Registry,
        manifest_of: ManifestOf,
        error_drift: Callable[[], ErrorDrift],
        *,
        every: timedelta = timedelta(minutes=10),
    ) -> None:
        self._archive = archive
        self._stock = stock
        self._registry = registry
        self._manifest_of = manifest_of
        self._error_drift = error_drift
        self._every = every.total_seconds()
        self._counts = Counts()
        self._looked: _Baseline | None = None

    async def labelled(self, since_ms: int) -> int:
        """Return about how many events were received since a moment."""
        return await asyncio.to_thread(self._counts.since, self._archive, since_ms)

    async def drift(self, version: str) -> str | None:
        """Return what has moved since the champion was trained."""
        looked = self._looked
        if looked is None or looked.version != version:
            manifest = await asyncio.to_thread(self._manifest_of, version)
            looked = self._looked = _begin(version, manifest, self._error_drift())
        if looked.found is None and monotonic() - looked.looked_at >= self._every:
            model = await self._registry.model(version)
            if model is not None:
                looked.found = await asyncio.to_thread(self._look, looked, model)
            looked.looked_at = monotonic()
        return looked.found

    def _look(self, looked: _Baseline, model: Model) -> str | None:
        """Take in what has happened since the last look."""
        begin = to_moment(max(0, looked.since - LOOK_BACK_MS))
        recent = cast("Archive", Recent(self._archive, begin))  # reading needs no more of it
        events = read_interactions(recent, begin, most_events=MOST_EVENTS).interactions
        if not len(events) or int(events.at.max()) < looked.since:
            return None
        until = int(events.at.max()) + 1
        exam = set_exam(events, [looked.since, until])
        if len(exam.newest) < LEAST_ERRORS:
            return None
        ranker = ranker_over(model, events, self._stock)
        misses = 1 - sit(exam, model.version, ranker).newest.hit
        looked.since = until
        in_order = np.argsort(events.at[exam.newest], kind="stable")
        if looked.errors.add(misses[in_order]):
            return f"The share of misses among the first ten has risen to {misses.mean():.3f}."
        return moved(looked.references, readings(ranker, events))


def _begin(version: str, manifest: Manifest | None, errors: ErrorDrift) -> _Baseline:
    """Begin to look at a champion: at what happened after its training."""
    if manifest is None or manifest.trained_on is None:
        return _Baseline(version, errors, int(datetime.now(UTC).timestamp() * 1_000), {})
    lists = TypeAdapter(dict[str, dict[str, list[float]]]).validate_python(
        manifest.metrics.get(REFERENCES, {})
    )
    references = {name: Reference.from_lists(each) for name, each in lists.items()}
    return _Baseline(version, errors, to_ms(manifest.trained_on.until), references)


@dataclass(slots=True)
class Counts:
    """Counts what people did since a moment, by receipt; each file is opened at most once."""

    moment: int = -1
    by_file: dict[str, int] = field(default_factory=dict)

    def since(self, archive: Archive, moment_ms: int) -> int:
        """Count: by the names of files, and inside of those from the day of the moment."""
        if moment_ms != self.moment:
            self.moment, self.by_file = moment_ms, {}
        day = to_moment(moment_ms).date()
        total = 0
        files = [each for each in archive.segments() if each.topic != IMPRESSIONS]
        for group in by_place(each for each in files if each.day >= day):
            end = 0
            for segment in group:
                rows = max(segment.end - max(segment.first, end), 0)
                if segment.day == day and rows:
                    rows = min(rows, self._within(archive, segment))
                total += rows
                end = max(end, segment.end)
        return total

    def _within(self, archive: Archive, segment: Segment) -> int:
        if segment.name not in self.by_file:
            batches = archive.read(segment, ["received_at"])
            self.by_file[segment.name] = sum(
                int((numbers(batch["received_at"]) >= self.moment).sum()) for batch in batches
            )
        return self.by_file[segment.name]


class Recent:
    """An archive without the files of days before a moment: none of them is opened."""

    def __init__(self, archive: Archive, since: datetime) -> None:
        self._archive = archive
        self._day = (since - timedelta(days=1)).date()  # clocks may be a little ahead of Kafka's

    def segments(self) -> list[Segment]:
        """List the files of these days: an event is received when it has occurred."""
        return [each for each in self._archive.segments() if each.day >= self._day]

    def read(
        self, segment: Segment, columns: Sequence[str], within: Span = EVER
    ) -> Iterator[pa.RecordBatch]:
        """Read a file."""
        return self._archive.read(segment, columns, within)

    def erasures(self) -> Erasures:
        """Return everybody who is to be forgotten."""
        return self._archive.erasures()

    def consents(self) -> Consents:
        """Return what users let be done."""
        return self._archive.consents()
