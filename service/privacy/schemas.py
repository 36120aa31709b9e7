"""What goes in and out over HTTP about privacy."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from portrait.events.consent import Purpose
from portrait.events.unwanted import What
from portrait.reading.unwanted import NotInterested
from portrait.rights.erasure_job import Place, PlaceState
from service.fields import RequestBody, ResponseBody

UserName = Annotated[str, Field(examples=["household-441"])]
EXAMPLE = {Purpose.PERSONALISATION: True, Purpose.ANALYTICS: True, Purpose.TRAINING: False}
ERASURE_ID = "5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b"
Moment = Annotated[AwareDatetime | None, Field(strict=False)]


class ConsentRequest(RequestBody):
    """What somebody says of every purpose."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"personalisation": True, "analytics": True, "training": False}]
        }
    )

    personalisation: bool = Field(
        description="What they are shown may follow from what they do.", examples=[True]
    )
    analytics: bool = Field(
        description="They may count in what is said of everybody: popularity, hit rates.",
        examples=[True],
    )
    training: bool = Field(description="Models may learn from what they do.", examples=[False])
    at: Moment = Field(
        None,
        description="When they said it; without it, now. What was said last counts.",
        examples=["2026-11-23T09:30:00Z"],
    )

    @property
    def allows_all(self) -> bool:
        """Whether nothing is withdrawn."""
        return self.personalisation and self.analytics and self.training


class UnwantedRequest(NotInterested, RequestBody):
    """What somebody does not want, or wants again: one item, category or brand."""


class UnwantedWord(ResponseBody):
    """What somebody said of one thing."""

    kind: What = Field(examples=["category"])
    name: str = Field(
        description="Of a category what all ways to write it have in common; of a brand in small "
        "letters.",
        examples=["grocery > wine"],
    )
    at: datetime = Field(examples=["2026-11-23T09:30:00Z"])
    until: datetime | None = Field(description="Null: for good.", examples=[None])
    holds: bool = Field(description="False: it has ended, or was taken back.", examples=[True])


class UnwantedAnswer(ResponseBody):
    """What somebody said that they do not want."""

    user_id: UserName
    words: tuple[UnwantedWord, ...] = Field(description="The newest first; 100 at most.")


class UnwantedAccepted(ResponseBody):
    """It was taken in, and counts within a second, whichever model serves."""

    user_id: UserName
    at: datetime = Field(examples=["2026-11-23T09:30:00Z"])


class ConsentAccepted(ResponseBody):
    """It was taken in, and counts within a second."""

    user_id: UserName
    at: datetime = Field(examples=["2026-11-23T09:30:00Z"])


class ConsentAnswer(ResponseBody):
    """What somebody lets be done with what they do."""

    user_id: UserName
    purposes: dict[Purpose, bool] = Field(examples=[EXAMPLE])
    at: datetime | None = Field(
        description="When they said so; null: never, and what is set for everybody counts.",
        examples=["2026-11-23T09:30:00Z"],
    )


class ErasureAccepted(ResponseBody):
    """The request was taken in; the profile is gone within a second."""

    user_id: UserName
    status: Literal["accepted"] = "accepted"
    erasure: str = Field(description="How far it is: `GET /erasures/{id}`.", examples=[ERASURE_ID])


class ErasureAnswer(ResponseBody):
    """How far it is that somebody is forgotten. Of whom, only a hash says."""

    id: str = Field(examples=[ERASURE_ID])
    subject: str = Field(
        description="The hash of the user's id, as in the audit log.",
        examples=["8f14e45fceea167a"],
    )
    asked_at: datetime = Field(examples=["2026-11-27T09:30:00Z"])
    forgotten: bool = Field(
        description="Nobody sees anything of them any more, wherever it is looked for.",
        examples=[True],
    )
    over: bool = Field(
        description="All that can be removed is, and a model is known that learned nothing of "
        "them.",
        examples=[False],
    )
    places: dict[Place, PlaceState] = Field(
        examples=[{Place.PROFILE: {"state": "gone", "at": "2026-11-27T09:30:01Z"}}]
    )


class SuppressionLifted(ResponseBody):
    """The request was taken in; what the user does from now on is a new profile."""

    user_id: UserName
    status: Literal["accepted"] = "accepted"


class ExportAwaited(ResponseBody):
    """It is being gathered: ask again."""

    user_id: UserName
    status: Literal["gathering"] = "gathering"
