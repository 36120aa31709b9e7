"""Fields and models that many requests and answers share."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema

from portrait.events.position import MOST_CHARACTERS
from portrait.events.tone import Tone

ItemName = Annotated[str, Field(examples=["1082185"])]
Title = Annotated[str, Field(examples=["Dark chocolate 85%"])]
Category = Annotated[str, Field(examples=["GROCERY > CANDY"])]
CategoryRead = Annotated[
    str,
    Field(
        description="Of an item that the shop gave no category: where a BERT reads from its other "
        "words that it lies, if it is sure; else empty. It counts for interests, filters and "
        "reasons as one that was said.",
        examples=[""],
    ),
]
Brand = Annotated[str, Field(examples=["Private"])]
BrandRead = Annotated[
    str,
    Field(
        description="Of an item that the shop gave no brand: the brand of other items that stands "
        "in its title, if that is trusted; else empty. It counts for profiles, filters and groups "
        "as one that was said.",
        examples=[""],
    ),
]
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
Lag = Annotated[
    int | None, Field(description="`stale_seconds` in whole milliseconds.", examples=[310])
]
EventName = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{16}$"), Field(examples=["1b4e28ba2fa1d283"])
]
LONGEST_WAIT_MS = 10_000
USUAL_WAIT_MS = 2_000

PositionToken = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description="`position` of `POST /events`: all that was sent before it is to be in what is "
        "read.",
    ),
]
WaitMs = Annotated[
    int,
    Field(ge=0, le=LONGEST_WAIT_MS, description="How long `min_position` is waited for, at most."),
]
ReadTone = Annotated[
    Tone | None,
    Field(
        description="Of a review that counts by its text, and not by stars: as five of them, as "
        "three or as one. Null where nothing was read, where what is said is not sure, and where "
        "stars say the same.",
        examples=[None],
    ),
]


_NUMBER = re.compile(r"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*")


def _text_alone(sent: object) -> object:
    """Refuse a number: seconds or milliseconds, from when on, would be a guess."""
    is_number = isinstance(sent, str) and _NUMBER.fullmatch(sent)
    if is_number or isinstance(sent, int | float):
        msg = "should be a text, as RFC 3339 has it"
        raise ValueError(msg)
    return sent


SentMoment = Annotated[AwareDatetime | None, Field(strict=False), BeforeValidator(_text_alone)]
SAYS_NOTHING: dict[str, Any] = {"enum": [None, ""], "description": "As if it were not there."}
_ABOUT = {"title", "description", "default", "examples"}  # a field, whatever its type is


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

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say so in the contract."""
        said = handler(core_schema)
        schema = handler.resolve_ref_schema(said)
        for name, field in schema.get("properties", {}).items():
            if name not in schema.get("required", ()):
                kinds = {key: field.pop(key) for key in [*field] if key not in _ABOUT}
                field["anyOf"] = [*kinds.pop("anyOf", [kinds] if kinds else []), SAYS_NOTHING]
        return said


class ResponseBody(BaseModel):
    """What clients get."""

    model_config = ConfigDict(frozen=True, extra="forbid")
