"""Alerts: what somebody should look at, as it is published, sent and answered."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from portrait.opinions.subject import SubjectKind
from portrait.times import DAY_MS

OPEN_MS = 90 * DAY_MS  # how long others may join an alert: what is wide turns slowly
JOINED_MS = 7 * DAY_MS  # so long after an alert their own turn may have begun
OLD_MS = 7 * DAY_MS  # what turned longer ago than that, by the texts' own time, is history


class AlertKind(StrEnum):
    """What has happened."""

    WORSE = "worse"  # more texts than before are negative
    BETTER = "better"  # fewer are
    HARM = "harm"  # more are harmful
    FEW_AUTHORS = "few_authors"  # many texts, by few


class AlertShare(BaseModel):
    """How many of how many."""

    model_config = ConfigDict(frozen=True)

    count: int = Field(ge=0, examples=[31])
    of: int = Field(ge=0, examples=[68])
    share: float = Field(examples=[0.456])
    low: float = Field(description="Of the interval, 95 times in 100.", examples=[0.343])
    high: float = Field(examples=[0.573])


class Alert(BaseModel):
    """A turn of opinion, a surge of harmful texts, or many texts by few authors."""

    model_config = ConfigDict(frozen=True)

    alert_id: str = Field(description="The same each time that it is sent.", examples=["5f2c7a0c"])
    kind: AlertKind = Field(examples=["worse"])
    subject_kind: SubjectKind = Field(examples=["item"])
    subject: str = Field(examples=["1082185"])
    at: datetime = Field(
        description="When the text was written that decided it.", examples=["2026-11-26T18:02:11Z"]
    )
    since: datetime = Field(
        description="When it began, as nearly as the texts tell.", examples=["2026-11-24T07:00:00Z"]
    )
    not_before: datetime | None = Field(
        None,
        description="It began between this and `not_after`, nineteen times in twenty.",
        examples=["2026-11-23T19:30:00Z"],
    )
    not_after: datetime | None = Field(None, examples=["2026-11-24T15:10:00Z"])
    before: AlertShare = Field(description="Of few_authors: all texts of the day, and none.")
    after: AlertShare = Field(description="Of few_authors: authors, of texts.")
    evidence: float = Field(
        description="Powers of ten by which a change explains the texts better than none.",
        examples=[8.3],
    )
    authors: int = Field(description="Different ones in the last seven days.", examples=[61])
    also: tuple[str, ...] = Field(
        (),
        description="Subjects that turned likewise since, by the same texts; of what is answered "
        "alone.",
        examples=[("brand:Private",)],
    )
    topics: tuple[str, ...] = Field(
        (), description="What the texts are about, by their words.", examples=[("cap leaks",)]
    )
    examples: tuple[str, ...] = Field(
        (),
        description="Some of the texts, redacted; gone seven days after the alert.",
        examples=[("The cap leaks.",)],
    )
