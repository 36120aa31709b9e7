"""What goes in and out over HTTP about profiles."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    Field,
)

from portrait.events.event import Action
from portrait.opinions.aspects import Aspect
from service.fields import (
    Brand,
    Category,
    ItemName,
    Lag,
    ModelName,
    Moment,
    Price,
    ReadTone,
    ResponseBody,
    SpaceName,
    Stale,
    Title,
)

OF_SEARCH = "Of a search, its text, cut to 96 bytes; null where it is not kept."
UserName = Annotated[str, Field(examples=["household-441"])]
Done = Annotated[Action, Field(examples=["purchase"])]
Quantity = Annotated[int, Field(examples=[1])]
Stars = Annotated[float, Field(examples=[4.5])]
Days = Annotated[int, Field(examples=[7])]
Score = Annotated[float, Field(description="0 to 1, four decimals.", examples=[0.82])]


class ProfileEvent(ResponseBody):
    """One event of the user."""

    action: Done
    item_id: ItemName | None = Field(
        description="Null for a search, or an item we know nothing of."
    )
    title: Title | None = Field(description=OF_SEARCH)
    price: Price | None
    quantity: Quantity
    rating: Stars | None = Field(description="Stars that a review gave.", examples=[None])
    tone: ReadTone
    occurred_at: Moment


class InterestEvidence(ResponseBody):
    """One event that made an interest."""

    action: Done
    item_id: ItemName | None
    title: Title | None = Field(description=OF_SEARCH)
    occurred_at: Moment


class Interest(ResponseBody):
    """A category the user is interested in."""

    category: Category
    score: Score
    trend: float = Field(
        description="Share of the visits of the 16 days before the newest event less that of those "
        "before, drawn towards 0 where they are few: -1 to 1, four decimals.",
        examples=[0.17],
    )
    direction: Literal["rising", "steady", "falling"] = Field(
        description="`steady` for a trend of at most 0.1 either way."
    )
    evidence: tuple[InterestEvidence, ...] = Field(description="Heaviest first.")


class BrandShare(ResponseBody):
    """A brand the user prefers."""

    brand: Brand
    share: Score


class PriceBand(ResponseBody):
    """What one piece costs of what the user looked at, put into carts and bought, as these weigh.

    A tenth of it lies below `low`, a tenth above `high`.
    """

    low: float = Field(examples=[1.0])
    typical: float = Field(examples=[2.49])
    high: float = Field(examples=[4.99])


class Period(ResponseBody):
    """How often the user came in 28 days."""

    since: datetime = Field(examples=["2026-11-05T00:00:00Z"])
    until: datetime = Field(examples=["2026-12-03T00:00:00Z"])
    events: int = Field(examples=[4])


class Activity(ResponseBody):
    """Whether the user still comes, as of the last hour."""

    state: Literal["active", "gone"] = Field(
        description="`gone`: silent for more than 30 days and for more than four times the usual "
        "gap; of who came on one day only, for more than 120 days."
    )
    silent_days: float = Field(description="Since the newest event.", examples=[0.6])
    usual_gap_days: float | None = Field(
        description="Between two days with events, of those remembered; null: there was one day.",
        examples=[6.1],
    )


class Vectors(ResponseBody):
    """The user's vectors, unit length or all zero."""

    long: tuple[float, ...] = Field(examples=[[0.6, -0.8]])
    short: tuple[float, ...] = Field(examples=[[1.0, 0.0]])


class HabitShare(ResponseBody):
    """What a habit adds to or takes from the logit of a probability."""

    habit: str = Field(
        description="As in portrait/model/habits.py; `taste` is the learned state.",
        examples=["overdue"],
    )
    share: float = Field(description="Below 0: against it. Four decimals.", examples=[0.81])


class Likelihood(ResponseBody):
    """A calibrated probability, and what speaks for or against it."""

    probability: Score
    within_days: Days
    because: tuple[HabitShare, ...] = Field(description="Strongest first.")


class LikelyInterest(ResponseBody):
    """A category that the user will probably touch."""

    category: Category
    probability: Score
    within_days: Days
    evidence: tuple[InterestEvidence, ...] = Field(description="Their newest events there.")


class ToneCounts(ResponseBody):
    """How many reviews say what, and the newest of them."""

    positive: int = Field(examples=[1])
    neutral: int = Field(examples=[0])
    negative: int = Field(examples=[2])
    evidence: tuple[InterestEvidence, ...] = Field(description="Newest first, at most three.")


class AspectSaid(ToneCounts):
    """What reviews say of one aspect, by their words."""

    aspect: Aspect


class ReadBy(ResponseBody):
    """By what it is known what reviews say, in reviews."""

    bert: int = Field(
        description="The reader of the model in service, fine-tuned on the shop's own reviews, was "
        "sure of the text.",
        examples=[2],
    )
    stars: int = Field(description="By the stars that were given.", examples=[1])
    words: int = Field(description="By a list of words, where there are no stars.", examples=[0])


class ReviewsSaid(ToneCounts):
    """What the user's reviews of one category say, of those among the newest 64 events."""

    category: Category | None = Field(description="Null: of items whose category is not known.")
    read_by: ReadBy
    aspects: tuple[AspectSaid, ...] = Field(description="Those named most first.")


class UnwantedThings(ResponseBody):
    """What the user does not want to see now: in no list, and in no interest."""

    items: tuple[ItemName, ...] = Field(examples=[[]])
    categories: tuple[str, ...] = Field(
        description="As what all ways to write them have in common, with all below.",
        examples=[["grocery > wine"]],
    )
    brands: tuple[str, ...] = Field(description="In small letters.", examples=[[]])


class ProfileAnswer(ResponseBody):
    """What is known of a user."""

    user_id: UserName
    model_version: ModelName | None = Field(description="Null if that model is no longer known.")
    space_id: SpaceName
    profile_as_of: Moment = Field(description="Time of the newest event.")
    received_at: Moment = Field(description="When Kafka took in the newest one.")
    lag_ms: Lag
    stale_seconds: Stale
    events_folded: int = Field(examples=[5])
    totals: dict[Action, int] = Field(
        examples=[{action: int(action is Action.PURCHASE) for action in Action}]
    )
    spend: float = Field(description="Purchases less returns.", examples=[2.49])
    first_seen: datetime = Field(examples=["2026-10-30T09:12:40Z"])
    activity: Activity
    frequency: tuple[Period, ...] = Field(description="Newest first.")
    interests: tuple[Interest, ...] = Field(description="Strongest first.")
    brands: tuple[BrandShare, ...] = Field(description="Strongest first.")
    unwanted: UnwantedThings
    price_band: PriceBand | None
    reviews: tuple[ReviewsSaid, ...] = Field(description="Most reviews first.")
    recent: tuple[ProfileEvent, ...] = Field(description="Newest first.")
    vectors: Vectors | None = Field(None, description="With `?include=vectors`.")
    outlook_as_of: datetime | None = Field(
        description="The moment the following are said of: silence counts.",
        examples=["2026-11-24T09:02:11Z"],
    )
    purchase_intent: Likelihood | None = Field(
        description="Null unless the model has a head that beat its baseline; so are the others."
    )
    churn_risk: Likelihood | None = Field(description="That nothing at all happens.")
    next_action: dict[Action, Score] | None = Field(
        description="Adds up to 1.", examples=[{"click": 0.2, "cart": 0.1, "purchase": 0.7}]
    )
    likely_interests: tuple[LikelyInterest, ...] = Field(description="Likeliest first.")
