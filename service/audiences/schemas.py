"""What goes in and out over HTTP about audiences."""

from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from portrait.audiences.gather import FEWEST
from portrait.audiences.job import State
from portrait.events.item import Id
from portrait.inference.session import Way
from portrait.model.heads import CHURN_RISK, PURCHASE_INTENT
from service.fields import Moment, RequestBody, ResponseBody
from service.recommendations.asked import Choice, ProfileName, SessionText

MOST_MEMBERS = 100_000
MOST_LEAVING = 10_000  # each is ranked for when the list is fetched
MOST_NAMED = 2_000
AUDIENCE_ID = "5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b"
Chance = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
TOO_FEW_NAMED = (
    f"name {FEWEST} people at least: an audience never singles anybody out. If you have fewer, say "
    "`item_id`, `category` or `text` instead: what many buy"
)
TOO_SMALL = (
    f"ask for {FEWEST} people at least: an audience never singles anybody out. `size` is the most "
    "that it may have"
)


def _name_enough(sent: object) -> object:
    if isinstance(sent, list) and len(sent) < FEWEST:
        raise ValueError(TOO_FEW_NAMED)
    return sent


def _ask_for_enough(sent: object) -> object:
    if isinstance(sent, int) and sent < FEWEST:
        raise ValueError(TOO_SMALL)
    return sent


class Like(RequestBody):
    """Whom the people of an audience are to be like: one of these. They are not in it themselves.

    Of an item, a category and a text it is those who bought what is meant, as far as it is among
    the newest 64 events that are kept of each.
    """

    users: Annotated[
        tuple[ProfileName, ...],
        Field(min_length=FEWEST, max_length=MOST_NAMED, strict=False),
        BeforeValidator(_name_enough),
    ] = Field((), description="These people.", validate_default=False)
    item_id: Id | None = Field(None, description="Who bought this item.")
    category: Choice | None = Field(
        None, description="Who bought anything in it: a path from the widest level to any depth."
    )
    text: SessionText | None = Field(
        None, description="Who bought one of the items that this finds, as a search would."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            msg = "say one of `users`, `item_id`, `category` and `text`"
            raise ValueError(msg)
        return self


class Between(RequestBody):
    """Bounds of a probability."""

    min: Chance = 0.0
    max: Chance = 1.0


class AudienceBody(RequestBody):
    """An audience to gather."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"like": {"category": "GROCERY > CHEESE"}, "size": 1_000, "active_days": 90},
                {"leaving": True, "size": 500, "least_score": 0.5},
            ]
        }
    )

    like: Like | None = Field(None, description="Say this, or `leaving`.")
    leaving: bool = Field(
        default=False,
        description="Who will probably do nothing for 30 days, the likeliest first, as the model "
        f"says; at most {MOST_LEAVING}. The list has the reasons, and what to offer each.",
    )
    size: Annotated[int, BeforeValidator(_ask_for_enough)] = Field(
        1_000, ge=FEWEST, le=MOST_MEMBERS, description="At most."
    )
    least_score: float = Field(
        0,
        ge=0,
        description="1: no less is to be expected of them than of the average person; 2: twice as "
        "much. Of who is leaving it is the probability.",
    )
    active_days: int | None = Field(
        None, ge=1, le=3_650, description="Their newest event is no older."
    )
    interest: Choice | None = Field(
        None, description="One of their interests lies in this category, or holds it."
    )
    purchase_intent: Between | None = Field(
        None, description="That they buy within 7 days, as the model says, where it does."
    )
    churn_risk: Between | None = Field(
        None, description="That they do nothing for 30 days, likewise."
    )

    @model_validator(mode="after")
    def _is_of_some(self) -> Self:
        if (self.like is not None) == self.leaving:
            msg = "say either `like` or `leaving`: one of the two is required"
            raise ValueError(msg)
        if self.leaving and self.size > MOST_LEAVING:
            msg = f"of who is leaving, `size` is at most {MOST_LEAVING}"
            raise ValueError(msg)
        return self

    @property
    def heads(self) -> dict[str, tuple[float, float]]:
        """Which heads of the model are asked, and between what."""
        asked = {PURCHASE_INTENT: self.purchase_intent, CHURN_RISK: self.churn_risk}
        return {name: (said.min, said.max) for name, said in asked.items() if said is not None}

    @property
    def needed(self) -> frozenset[str]:
        """Which heads the model has to have."""
        return frozenset(self.heads) | ({CHURN_RISK} if self.leaving else frozenset())


class AudienceAnswer(ResponseBody):
    """How far an audience is."""

    audience_id: str = Field(examples=[AUDIENCE_ID])
    state: State = Field(
        description="`running`: ask again. `ready`: `GET /audiences/{id}/members` has them. "
        "`refused`: too few people. `failed`: ask for it anew.",
        examples=["ready"],
    )
    reason: str | None = Field(description="Why it was refused, or failed.", examples=[None])
    asked_at: Moment
    looked_at: Count = Field(
        description="People, each once, though there are two walks.", examples=[24_310]
    )
    leaders: Count = Field(
        description="People whom the others are to be like, at most 2,000 of them.", examples=[412]
    )
    people: Count = Field(description="Others who might be in it.", examples=[11_204])
    fitting: Count = Field(
        description="Of those, who pass the filters and `least_score`.", examples=[5_120]
    )
    size: Count = Field(description="Of those, who are in it: the best.", examples=[1_000])
    left_out: dict[str, int] = Field(
        description="Who could not be: `not_allowed` (erased, suppressed, or no consent to "
        "personalisation), `unwanted` (they do not want to see what it is about), `anonymous`, "
        "`unpainted` (not yet seen by the model in service), `unsaid` (nothing that they did says "
        "what they like).",
        examples=[{"not_allowed": 37, "anonymous": 904}],
    )
    items: Count | None = Field(
        None, description="Items that `item_id`, `category` or `text` means.", examples=[86]
    )
    read: Way | None = Field(None, description="How `text` was understood.", examples=[None])


AudienceName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
