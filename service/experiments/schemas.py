"""What goes out over HTTP about experiments, and about what lists brought."""

from datetime import date
from typing import Any, Literal

from pydantic import ConfigDict, Field

from portrait.events.impression import Variant
from portrait.experiments.definition import Definition, Goal
from portrait.experiments.verdict import End
from service.fields import Moment, ResponseBody

State = Literal["planned", "running", "ended"]

SENTENCE = (
    "With `diverse` 12.3% touch something of a list, 8.3% more than with `control` "
    "(between +2.1% and +14.9%): it is better."
)
EXAMPLE: dict[str, Any] = {
    "variants": {"control": {}, "diverse": {"diversity": 0.7}},
    "goal": "clicks",
    "ramp": 0.2,
    "surfaces": ["home"],
    "author": "Mei",
    "note": "Do people find more if lists are more varied?",
}


class ExperimentBody(Definition):
    """An experiment to put."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class Compared(ResponseBody):
    """One variant by one goal, beside the first."""

    goal: Goal = Field(examples=["clicks"])
    value: float = Field(
        description="Share of the people who did it; of `revenue` and `spending` a person's mean. "
        "Of an interleaving: share of the lists that speak for it.",
        examples=[0.1231],
    )
    lift: float | None = Field(
        description="How much more than with the first variant, as a share of that; null: it is "
        "the first, or that has nothing.",
        examples=[0.0832],
    )
    low: float | None = Field(
        description="Between this and `high` the lift lies, at whatever time one looks, 95 times "
        "in 100; null: it has no bound yet.",
        examples=[0.0214],
    )
    high: float | None = Field(examples=[0.1488])
    p: float | None = Field(
        description="How likely chance alone would ever show as much: it may be looked at at any "
        "time. Null: it is the first.",
        examples=[0.0041],
    )


class VariantAnswer(ResponseBody):
    """One variant, and what came of it."""

    variant: Variant = Field(examples=["diverse"])
    share: float = Field(description="That it is meant to have.", examples=[0.5])
    people: int = Field(
        description="Who saw it. Of an interleaving: lists that speak for it.", examples=[20_003]
    )
    compared: tuple[Compared, ...]


class ExperimentSummary(ResponseBody):
    """An experiment, and what can be said of it so far."""

    experiment_id: str = Field(examples=["diverse-home"])
    revision: int = Field(
        description="One more whenever what is compared or how people are divided was changed; "
        "people are divided anew then, and figures begin again.",
        examples=[1],
    )
    state: State
    definition: Definition = Field(examples=[EXAMPLE])
    changed_at: Moment
    end: End = Field(
        description="What can be said at the moment. It may be looked at at any time, and be "
        "stopped then: that raises no more false alarms than looking once.",
        examples=["better"],
    )
    verdict: str = Field(
        description="The same in a sentence.",
        examples=[SENTENCE],
    )


class ExperimentAnswer(ExperimentSummary):
    """An experiment with all of its figures."""

    ratio_p: float = Field(
        description="How likely chance alone would ever divide people so unevenly; below 0.001 "
        "something is wrong, and the verdict says so.",
        examples=[1.0],
    )
    may_be_looked_at: Literal["at any time"] = "at any time"
    variants: tuple[VariantAnswer, ...]


class ExperimentsAnswer(ResponseBody):
    """Every experiment, by id."""

    experiments: tuple[ExperimentSummary, ...]


class Brought(ResponseBody):
    """What lists brought, of one value of what they are told apart by."""

    surface: str = Field(examples=["home"])
    value: str = Field(
        description="Of `by`: a position from 1, a source, a model's version, "
        "`experiment:revision=variant`; `own`, `popular` or `new`; nothing of `all`.",
        examples=["1"],
    )
    lists: int = Field(description="That were seen; not by position or source.", examples=[0])
    items: int = Field(description="That were seen in them.", examples=[5_120])
    clicks: int = Field(description="Items touched, each once in a list.", examples=[310])
    carts: int = Field(examples=[64])
    purchases: int = Field(examples=[21])
    revenue: float = Field(description="In the shop's unit.", examples=[412.5])


class AttributionAnswer(ResponseBody):
    """What lists brought, the most items first."""

    since: date = Field(description="The first day that counts, by UTC.", examples=["2026-11-20"])
    brought: tuple[Brought, ...]
