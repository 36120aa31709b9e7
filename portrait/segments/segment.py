"""Segments: what a shop says of one, and how it changes who is in it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from portrait.segments.words import LONGEST

MOST_SEGMENTS = 20  # of a shop: each is asked of everybody who does anything
SegmentName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", min_length=1, max_length=48)
]
EXAMPLE = "purchases >= 3 && days_since_last < 14 && interest('GROCERY > CHEESE') > 0.2"
Written = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST),
    Field(description="Who is in it.", examples=[EXAMPLE]),
]


class Segment(BaseModel):
    """A segment, as it is kept."""

    model_config = ConfigDict(frozen=True)

    name: SegmentName
    version: int = Field(ge=1)
    expression: Written
    spelled: dict[str, str] = {}  # how the shop writes what it names: `Thing.key` to the name
    webhook: bool = False
    author: str
    at: AwareDatetime
    walked_at: AwareDatetime | None = None  # when everybody was last looked at by this version

    @property
    def key(self) -> str:
        """What no other segment, and no other version of it, is called."""
        return f"{self.name}:{self.version}"


class Member(NamedTuple):
    """Somebody in a segment."""

    user: str
    since: int  # ms


class Crossing(StrEnum):
    """What happened."""

    ENTERED = "entered"
    LEFT = "left"


class Change(BaseModel):
    """Somebody entered a segment, or left it."""

    model_config = ConfigDict(frozen=True)

    change_id: str = Field(
        description="The same each time that it is sent.", examples=["5f2c7a0c9d1e4b6f"]
    )
    segment: SegmentName = Field(examples=["cheese-regulars"])
    version: int = Field(description="Of the segment's definition.", examples=[1])
    user_id: str = Field(examples=["household-441"])
    change: Crossing = Field(examples=["entered"])
    at: datetime = Field(description="When it was noticed.", examples=["2026-11-27T09:30:01Z"])
    position: int = Field(
        description="Grows from change to change of a shop: of two about the same person and "
        "segment the larger one is what holds.",
        examples=[1_795_771_801_000],
    )
