"""Impressions: which items were recommended to whom, as published on `impressions`.

The service publishes an answer for each list that it gives. Unless it says that the list counts as
seen, a sighting says later which of it somebody has really had before their eyes.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from portrait.events.event import ANONYMOUS
from portrait.events.item import LONGEST_ID, Id, OtherId

MOST_ITEMS = 100  # of a list
MOST_TRIED = 8  # experiments of one list
MOST_CHOICES = 16  # of one place
DRAWN = "drawn"  # action of an archived place that was given to a draw: nobody did anything
SHOWN = "shown"  # likewise, of a list that somebody saw
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]*$", max_length=64)]
Variant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=32)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID + len(ANONYMOUS))]


class _Message(BaseModel):
    """What both say. Unknown fields are ignored: a newer service must not break an older worker."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    recommendation_id: OtherId
    occurred_at: AwareDatetime


class Choice(BaseModel):
    """One of what a place was drawn among."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    item_id: Id
    arm: Word = Field(
        description="What proposed it: `own`, it would stand there without a draw; `popular`; "
        "`new`, it is little known here."
    )
    propensity: float = Field(gt=0, le=1, description="With which chance it was to be drawn.")


class Slot(BaseModel):
    """One place of a list."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    item_id: Id
    source: Word = Field(
        description="What proposed the item: `session`, `profile`, `popular`; `rules`: one put "
        "it; `new`: it is little known, and tried."
    )
    team: Variant | None = Field(None, description="In an interleaved list, whose pick it is.")
    propensity: float | None = Field(
        None, gt=0, le=1, description="With which chance it was put there, if by a draw."
    )
    arm: Word | None = Field(None, description="Of what was drawn: which of `choices` it is.")
    choices: tuple[Choice, ...] = Field(
        (), max_length=MOST_CHOICES, description="What it was drawn among, itself included."
    )


class Answer(_Message):
    """A list that was given."""

    kind: Literal["answer"] = "answer"
    user_key: Key | None = Field(None, description="For whom; none: nobody was named.")
    surface: Word = Field(description="Where it is shown: `home`.")
    model_version: str = Field(max_length=128)
    experiments: dict[str, Variant] = Field(
        {},
        max_length=MOST_TRIED,
        description="In which experiments, `id:revision`, with which variant.",
    )
    is_seen: bool = Field(description="Whether it counts as seen without a sighting.")
    items: tuple[Slot, ...] = Field(max_length=MOST_ITEMS)


class Sighting(_Message):
    """What of a list was seen."""

    kind: Literal["sighting"] = "sighting"
    item_ids: tuple[Id, ...] | None = Field(
        None, max_length=MOST_ITEMS, description="Which items; none: all of the list."
    )


Impression = Answer | Sighting
_IMPRESSION: TypeAdapter[Impression] = TypeAdapter(
    Annotated[Impression, Field(discriminator="kind")]
)


def read_impression(value: bytes) -> Impression:
    """Read a message of the topic.

    Raises:
        ValidationError: It is none.
    """
    return _IMPRESSION.validate_json(value)
