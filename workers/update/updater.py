"""What an update worker is made of, and what a batch comes to."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portrait import metrics
from portrait.audiences.behaviour import BehaviourStore, Deeds
from portrait.audiences.cohorts import CohortStore
from portrait.audiences.paths import PathStore, Visits
from portrait.catalogue.popularity import PopularityStore
from portrait.catalogue.store import CatalogueStore
from portrait.events.consent import GRANTED, Consent
from portrait.events.progress import OffsetStore, ProgressStore
from portrait.events.resume import Resume
from portrait.events.stream import Message, Publisher
from portrait.identity.store import IdentityStore
from portrait.lifecycle.registry import Registry
from portrait.model.influence import Regulars
from portrait.monitoring.watch import LiveCounts
from portrait.profiles.store import ProfileStore
from portrait.reading.decode import EventBatch
from portrait.reading.dialect import AS_SENT, Dialect
from workers.painter import EncoderOf, Painter, ReaderOf, Studio, by_words
from workers.update.acquainted import Acquainted
from workers.update.backlog import Backlog, Late
from workers.update.prequential import Noted, Prequential


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a batch and an outage."""

    future_tolerance: timedelta
    batch_tokens: int
    outage: timedelta
    encode_wait: timedelta = timedelta(seconds=1)  # for new texts
    offer_unknown: bool = False  # items that only events know
    dialect: Dialect = AS_SENT  # how the shop's messages are read
    unsaid: Consent = GRANTED  # what counts of who has said nothing
    declared: Sequence[str] = ()  # of what is said of users: what makes groups


@dataclass(frozen=True, slots=True)
class Ports:
    """What an update worker is connected to."""

    profiles: ProfileStore
    identities: IdentityStore
    popularity: PopularityStore
    behaviour: BehaviourStore
    cohorts: CohortStore
    paths: PathStore
    progress: ProgressStore
    offsets: OffsetStore
    live: LiveCounts
    publisher: Publisher
    registry: Registry
    catalogue: CatalogueStore


@dataclass(frozen=True, slots=True)
class Updater:
    """Everything that an update touches. Lives as long as the process."""

    profiles: ProfileStore
    identities: IdentityStore
    popularity: PopularityStore
    behaviour: BehaviourStore
    cohorts: CohortStore
    paths: PathStore
    progress: ProgressStore
    resume: Resume
    publisher: Publisher
    studio: Studio
    prequential: Prequential
    limits: Limits
    regulars: Regulars = field(default_factory=Regulars)
    acquainted: Acquainted = field(default_factory=Acquainted)
    visits: Visits = field(default_factory=Visits)
    backlog: Backlog = field(default_factory=Backlog)


def assemble(  # noqa: PLR0913, PLR0917 - what an updater is made of
    ports: Ports,
    painter: Painter,
    encoder_of: EncoderOf,
    limits: Limits,
    group: str,
    reader_of: ReaderOf = by_words,
) -> Updater:
    """Put an updater together, that reads as a group and begins with a painter."""
    return Updater(
        profiles=ports.profiles,
        identities=ports.identities,
        popularity=ports.popularity,
        behaviour=ports.behaviour,
        cohorts=ports.cohorts,
        paths=ports.paths,
        progress=ports.progress,
        resume=Resume(ports.offsets, group),
        publisher=ports.publisher,
        studio=Studio(painter, ports.registry, ports.catalogue, encoder_of, reader_of),
        prequential=Prequential(ports.live),
        limits=limits,
    )


class Among(NamedTuple):
    """What people of whom the same is declared want."""

    group: str
    wanted: NDArray[np.void]  # (E,) of WANTED
    people: Sequence[str]  # (E,)


@dataclass(slots=True)
class Outcome:
    """What a batch has come to so far. It outlives retries: nothing is told twice or forgotten."""

    parts: Sequence[EventBatch]
    painter: Painter
    started: float = field(default_factory=time.perf_counter)
    new: list[NDArray[np.void]] = field(default_factory=list)  # stored events, of EVENT
    wanted: list[NDArray[np.void]] = field(default_factory=list)  # of the same, of WANTED
    among: list[Among] = field(default_factory=list)  # of the same, by what is declared of users
    deeds: list[Deeds] = field(default_factory=list)  # of the same, and who did them
    notices: list[Message] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)  # what the champion is to be asked
    users: int = 0
    joined: set[str] = field(
        default_factory=set
    )  # users of it, of whom more is told than is theirs
    late: list[Late] = field(default_factory=list)  # new texts that are still being read
    is_held: bool = False  # by the backlog

    @property
    def space_id(self) -> str:
        """The space that portraits are painted in."""
        return self.painter.mirror.catalogue.space_id

    @property
    def dead(self) -> list[Message]:
        """The letters of the records that could not be read."""
        return [letter for part in self.parts for letter in part.dead]

    @property
    def logged(self) -> int | None:
        """When the log took the first of its events in, ms."""
        return next((int(each) for part in self.parts for each in part.columns["logged"]), None)


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Add the time of a stage to its histogram."""
    with metrics.stage_seconds.labels(stage).time():
        yield
