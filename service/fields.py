"""Fields and models that many requests and answers share."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

ItemName = Annotated[str, Field(examples=["1082185"])]
Title = Annotated[str, Field(examples=["Dark chocolate 85%"])]
Category = Annotated[str, Field(examples=["GROCERY > CANDY"])]
Brand = Annotated[str, Field(examples=["Private"])]
Price = Annotated[float, Field(examples=[2.49])]
Moment = Annotated[datetime, Field(examples=["2026-11-23T18:02:11Z"])]
ModelName = Annotated[str, Field(examples=["20261124T030000Z-9f86d081"])]
SpaceName = Annotated[str, Field(examples=["9f86d081884c7d65"])]
Stale = Annotated[
    float | None,
    Field(
        description="How far the profile lags behind what was published; null if not known.",
        examples=[0.31],
    ),
]
ReadTone = Annotated[
    Literal["negative"] | None,
    Field(
        description="Of a review without stars whose text was read as negative: it counts as one "
        "star does. Null where nothing was read, or what was said is not sure.",
        examples=[None],
    ),
]


class RequestBody(BaseModel):
    """What clients send: a field we do not know is an error, as is `0` for `false`.

    `null` and `""` are as if nothing were said: the default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, sent: object) -> object:
        """Leave out what says nothing."""
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None and value != ""}


class ResponseBody(BaseModel):
    """What clients get."""

    model_config = ConfigDict(frozen=True, extra="forbid")
