"""What goes in and out over HTTP about privacy."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field

from portrait.events.consent import Purpose
from service.fields import RequestBody, ResponseBody

UserName = Annotated[str, Field(examples=["household-1929"])]
EXAMPLE = {Purpose.PERSONALISATION: True, Purpose.ANALYTICS: True, Purpose.TRAINING: False}
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
