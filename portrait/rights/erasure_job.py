"""Erasure jobs: how far it has come that somebody is forgotten, place by place.

The service opens one for each request; whoever reads all places (`workers/privacy/clerk.py`) says
how far each is, and signs a receipt. The name of the user goes once there is nothing left to look
for: what stays is a hash.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Protocol
from uuid import uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from portrait.errors import PortraitError
from portrait.ref import user_ref

KEPT = timedelta(days=90)  # after it was asked for
UNFINISHED = timedelta(days=7)  # a training that nobody went on with
SEARCHES_LAST = timedelta(days=90)
AUDIENCES_LAST = timedelta(hours=1)
# How long each topic keeps what it has, as `deploy/topics.yml` declares.
TOPICS_LAST = {
    "events": timedelta(days=7),
    "dead": timedelta(days=30),
    "alerts.opinion": timedelta(days=7),
    "notices": timedelta(days=1),
    "segments": timedelta(days=7),
    "unwanted": timedelta(days=30),
}


class ErasureNotFoundError(PortraitError):
    """There is no such erasure, or it was asked for too long ago."""


class ReceiptMissingError(PortraitError):
    """There is no receipt yet: the archive worker signs it, if it has a key."""


class Place(StrEnum):
    """Where something of somebody may lie."""

    PROFILE = "profile"  # the record, with the words of searches, and what is not wanted
    LISTS = "lists"  # what came of lists that they got
    OPINIONS = "opinions"  # that they wrote, and what of it is an example
    HELP_DESK = "help_desk"  # their messages that wait for a label; labels are without names
    SEGMENTS = "segments"  # that they are in one
    ARCHIVE = "archive"
    DEAD_LETTERS = "dead_letters"
    EVENT_LOG = "event_log"  # what they did, and which lists they got
    UNWANTED_LOG = "unwanted_log"
    ALERTS_LOG = "alerts_log"  # of turns of opinion, in which examples stand
    NOTICES = "notices"
    SEGMENTS_LOG = "segments_log"  # that they entered segments, and left them
    AUDIENCES = "audiences"  # gathered before; nobody is told of them any more
    TRAININGS = "trainings"  # that are not finished
    SEARCH_VECTORS = "search_vectors"  # a hash and a vector each, of no name
    MODEL = "model"


class PlaceState(BaseModel):
    """How far one place is."""

    model_config = ConfigDict(frozen=True)

    state: Literal["waiting", "hidden", "gone", "expires"] = Field(
        "waiting",
        description="`hidden`: no reader sees it, and it leaves the files at the next sweep. "
        "`expires`: nobody removes it, it ends by itself.",
        examples=["gone"],
    )
    at: AwareDatetime | None = Field(
        None,
        description="Since when; of what expires, until when.",
        examples=["2026-11-27T09:30:01Z"],
    )
    found: int | None = Field(None, description="How many there were, where it was counted.")
    model: str | None = Field(
        None,
        description="The first model in service that was made without them: its sums over people "
        "are counted as if they had never been, and its weights learned from nothing of theirs.",
        examples=[None],
    )
    began_from: str | None = Field(
        None,
        description="The model whose weights that training began from, and may have learned from "
        "them; null: none.",
        examples=[None],
    )


EMPTIED = (Place.PROFILE, Place.LISTS, Place.OPINIONS, Place.HELP_DESK, Place.SEGMENTS)  # at once
LOOKED_FOR = (*EMPTIED, Place.ARCHIVE, Place.DEAD_LETTERS)
REMOVED = (*EMPTIED, Place.ARCHIVE, Place.MODEL)
Places = Mapping[Place, PlaceState]
NOWHERE = dict.fromkeys(Place, PlaceState())


def _everywhere(places: dict[Place, PlaceState]) -> dict[Place, PlaceState]:
    """Let a job of before wait for the places that have been added since."""
    return {**NOWHERE, **places}


class ErasureJob(BaseModel):
    """One erasure."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(examples=["5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b"])
    subject: str = Field(
        description="The hash of the user's id, as in the audit log.", examples=["8f14e45fceea167a"]
    )
    user: str | None = Field(None, description="The id, until it is not needed any more.")
    devices: tuple[str, ...] = Field(
        (), description="Keys of the devices they were seen on, until they are not needed any more."
    )
    device_refs: tuple[str, ...] = Field((), description="Their hashes.")
    asked_at: AwareDatetime = Field(examples=["2026-11-27T09:30:00Z"])
    places: Annotated[dict[Place, PlaceState], AfterValidator(_everywhere)] = Field(
        default_factory=lambda: dict(NOWHERE)
    )
    champion: str | None = Field(
        None, description="The model in service when it was asked for.", examples=[None]
    )

    @property
    def refs(self) -> frozenset[int]:
        """The hashes of all keys, as the archive has them."""
        return frozenset(int(each, 16) for each in (self.subject, *self.device_refs))

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody sees anything of them any more, wherever it is looked for."""
        return all(self.places[place].state != "waiting" for place in LOOKED_FOR)

    @property
    def is_over(self) -> bool:
        """Whether all that can be removed is, and a model without them is known."""
        return self.is_forgotten and all(self.places[each].state == "gone" for each in REMOVED)

    def at_places(self, places: Places) -> "ErasureJob":
        """Return it with these places as they are now."""
        return self.model_copy(update={"places": {**self.places, **places}})

    def without_names(self) -> "ErasureJob":
        """Return it once they are not needed any more."""
        return self.model_copy(update={"user": None, "devices": ()})


class ErasureJobs(Protocol):
    """Where they are kept, for `KEPT`."""

    async def ask(self, job: ErasureJob) -> None:
        """Open one."""
        ...

    async def get(self, id: str) -> ErasureJob:
        """Return one.

        Raises:
            ErasureNotFoundError: There is none.
        """
        ...

    async def open(self) -> Sequence[ErasureJob]:
        """Return those that are not over, the oldest first."""
        ...

    async def save(self, job: ErasureJob, receipt: str | None) -> None:
        """Store how far one is, and its newest receipt."""
        ...

    async def receipt(self, id: str) -> str:
        """Return its newest receipt.

        Raises:
            ErasureNotFoundError: There is no such erasure.
            ReceiptMissingError: Nobody has signed one yet.
        """
        ...


def new_erasure(
    user: str, devices: Sequence[str], now: datetime, champion: str | None
) -> ErasureJob:
    """Open a job for a user and the keys of their devices; what ends by itself is known already."""
    ends = {
        Place.EVENT_LOG: now + TOPICS_LAST["events"],
        Place.ALERTS_LOG: now + TOPICS_LAST["alerts.opinion"],
        Place.NOTICES: now + TOPICS_LAST["notices"],
        Place.SEGMENTS_LOG: now + TOPICS_LAST["segments"],
        Place.AUDIENCES: now + AUDIENCES_LAST,
        Place.UNWANTED_LOG: now + TOPICS_LAST["unwanted"],
        Place.TRAININGS: now + UNFINISHED,
        Place.SEARCH_VECTORS: now + SEARCHES_LAST,
    }
    job = ErasureJob(
        id=uuid4().hex,
        subject=f"{user_ref(user):016x}",
        user=user,
        devices=tuple(devices),
        device_refs=tuple(f"{user_ref(device):016x}" for device in devices),
        asked_at=now,
        champion=champion,
    )
    return job.at_places({place: PlaceState(state="expires", at=at) for place, at in ends.items()})
