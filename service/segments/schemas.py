"""What goes in and out over HTTP about segments."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from portrait.segments.fields import FIELDS, FUNCTIONS
from portrait.segments.segment import EXAMPLE, MOST_SEGMENTS, SegmentName, Written
from service.fields import Moment, RequestBody, ResponseBody

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(description="Of those looked at, four decimals.", examples=[0.0412])]


def _words() -> str:
    """Say what an expression may name."""
    fields = [f"`{name}` ({each.type}): {each.says}" for name, each in FIELDS.items()]
    functions = [
        f"`{name}({', '.join(each.asks)})` ({each.type}): {each.says}"
        for name, each in FUNCTIONS.items()
    ]
    return " ".join([*fields, *functions])


LANGUAGE = (
    "Written as in the Common Expression Language: `&& || !`, `== != < <= > >=`, `in [ … ]`, "
    "`+ - * / %`, numbers, texts in quotes, `true`, `false`. All numbers are fractional. No "
    "comparison with what is not known holds, but `!=`. "
)
Expression = Annotated[Written, Field(description=LANGUAGE + _words())]


Unforetold = Annotated[
    tuple[str, ...],
    Field(
        description="Fields it names that no head of the model in service foretells: they are "
        "known of nobody, so no comparison with them holds, but `!=`.",
        examples=[[]],
    ),
]


class SegmentBody(RequestBody):
    """A segment, as it is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expression": "purchases >= 3"}]})

    expression: Expression
    webhook: bool = Field(
        default=False,
        description="Whether who enters and leaves is sent to the webhook of the segment worker, "
        "too, where an operator has set one.",
    )


class SegmentPreviewBody(RequestBody):
    """An expression to try."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expression": "purchases >= 3"}]})

    expression: Expression


class SegmentAnswer(ResponseBody):
    """A segment."""

    name: SegmentName = Field(examples=["cheese-regulars"])
    version: int = Field(description="One more with each other expression.", examples=[1])
    expression: str = Field(examples=[EXAMPLE])
    webhook: bool = Field(examples=[False])
    author: str = Field(description="Who put this expression.", examples=["key 3f9c1a20b7de"])
    at: AwareDatetime = Field(description="When that was.", examples=["2026-11-27T09:30:00Z"])
    state: Literal["filling", "live"] = Field(
        description="`filling`: not everybody has been looked at by this version yet. `live`: who "
        "enters and leaves by what they do is in it or out within seconds; by time alone, by a "
        "consent, or by what a model foretells, at the next look at everybody.",
        examples=["live"],
    )
    as_of: Moment | None = Field(
        description="When the last look at everybody began; null: none has ended yet."
    )
    size: Count = Field(description="How many people are in it.", examples=[1_204])
    unforetold: Unforetold


class SegmentsAnswer(ResponseBody):
    """All segments, by name."""

    segments: tuple[SegmentAnswer, ...] = Field(max_length=MOST_SEGMENTS)


class ClauseAnswer(ResponseBody):
    """One of the conditions that all have to hold, and how many it holds for."""

    clause: str = Field(examples=["purchases >= 3"])
    people: Count = Field(examples=[1_930])
    share: Share


class SegmentPreviewAnswer(ResponseBody):
    """Who would be in a segment, of some people."""

    looked_at: Count = Field(
        description="People who may be in one, as many as could be looked at within a second; "
        "where a forecast is named, of those whom the model in service has painted already.",
        examples=[4_870],
    )
    is_everybody: bool = Field(description="Whether the shop has no more.", examples=[False])
    members: Count = Field(description="Of those, who would be in it.", examples=[201])
    share: Share
    clauses: tuple[ClauseAnswer, ...] = Field(
        description="Each condition by itself, in their order: which of them keeps people out."
    )
    unforetold: Unforetold
