"""Parts: what the service stands on, of one shop."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from portrait.access.audit import AuditLog
from portrait.access.store import KeyStore
from portrait.audiences.behaviour import BehaviourStore
from portrait.audiences.cohorts import CohortStore
from portrait.audiences.job import AudienceJobs
from portrait.audiences.paths import PathStore
from portrait.catalogue.desk import ReadingDesk
from portrait.catalogue.edges import EdgeStore
from portrait.catalogue.popularity import PopularityStore
from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.words import WordsDesk
from portrait.events.consent import GRANTED, Consent
from portrait.events.progress import OffsetReader, ProgressStore
from portrait.events.stream import Publisher
from portrait.experiments.given import GivenStore
from portrait.experiments.store import ExperimentStore, ShownStore
from portrait.identity.store import IdentityStore
from portrait.lifecycle.jobs import Jobs
from portrait.lifecycle.registry import Registry
from portrait.opinions.store import OpinionStore
from portrait.profiles.store import ProfileStore
from portrait.rights.erasure_job import ErasureJobs
from portrait.rights.export import Exports
from portrait.rules.store import RuleStore
from portrait.segments.store import SegmentStore

Impressions = Literal["answers", "sent", "off"]


class Room(Protocol):
    """How many users and items there may be."""

    async def follow(self) -> None:
        """Learn how many there are, and may be."""
        ...

    async def check_users(self, users: Collection[str]) -> None:
        """Refuse new ones if there are too many already.

        Raises:
            QuotaReachedError: There are.
        """
        ...

    async def check_item(self, id: str) -> None:
        """Refuse a new one if there are too many already.

        Raises:
            QuotaReachedError: There are.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The adapters the service stands on. They live as long as the process."""

    profiles: ProfileStore
    identities: IdentityStore
    catalogue: CatalogueStore
    popularity: PopularityStore
    progress: ProgressStore
    offsets: OffsetReader
    registry: Registry
    rules: RuleStore
    edges: EdgeStore
    keys: KeyStore
    audit: AuditLog
    jobs: Jobs
    desk: ReadingDesk
    words: WordsDesk
    opinions: OpinionStore
    experiments: ExperimentStore
    shown: ShownStore
    given: GivenStore
    audiences: AudienceJobs
    segments: SegmentStore
    behaviour: BehaviourStore
    cohorts: CohortStore
    paths: PathStore
    publisher: Publisher
    erasures: ErasureJobs
    exports: Exports
    ping_store: Callable[[], Awaitable[None]]
    warn_of_store: Callable[[], Awaitable[str | None]]  # what somebody should see to
    declared: Sequence[str] = ()  # of what is said of users: what makes groups
    unsaid: Consent = GRANTED  # what counts of who has said nothing of what may be done
    impressions: Impressions = "answers"  # what counts as seen
    shop: str | None = None  # whose they are; None: there is but one
    room: Room | None = None  # how much it may have; None: as much as it likes
