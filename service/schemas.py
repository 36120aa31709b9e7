"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from portrait.events.columns import RING
from portrait.events.event import Action
from portrait.events.item import Id, ItemSnapshot, ItemWords, nullable
from portrait.inference.session import Way
from portrait.reading.records import LONGEST_KEY

MOST_ITEMS = 100  # of one answer
MOST_EVENTS = 500  # of one request
MOST_EXCLUDED = 5_000
MOST_CHOICES = 50  # of one filter
MOST_TEXTS = 20  # of one session
OF_SEARCH = "Of a search, its text, cut to 96 bytes; null where it is not kept."

ProfileName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY)]
Choice = Annotated[str, StringConstraints(min_length=1, max_length=512)]
SessionText = Annotated[
    str, StringConstraints(min_length=1, max_length=1_024, strip_whitespace=True)
]
UserName = Annotated[str, Field(examples=["household-1929"])]
ItemName = Annotated[str, Field(examples=["1082185"])]
Title = Annotated[str, Field(examples=["Dark chocolate 85%"])]
Category = Annotated[str, Field(examples=["GROCERY > CANDY"])]
Brand = Annotated[str, Field(examples=["Private"])]
Price = Annotated[float, Field(examples=[2.49])]
Done = Annotated[Action, Field(examples=["purchase"])]
Quantity = Annotated[int, Field(examples=[1])]
Stars = Annotated[float, Field(examples=[4.5])]
Days = Annotated[int, Field(examples=[7])]
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
Emptied = Literal["catalogue", "filters", "unavailable", "excluded", "seen"]
Score = Annotated[float, Field(description="0 to 1, four decimals.", examples=[0.82])]
Strategy = Literal["session", "session_and_profile", "profile", "popular"]
ReadTone = Annotated[
    Literal["negative"] | None,
    Field(
        description="Of a review without stars whose text was read as negative: it counts as one "
        "star does. Null where nothing was read, or what was said is not sure.",
        examples=[None],
    ),
]
ReadEvent = Annotated[
    dict[str, Any],
    WithJsonSchema({"$ref": "#/components/schemas/Event"}),
]


AvailableMoment = Annotated[AwareDatetime | None, Field(strict=False)]  # in JSON it is a text


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


def _as_name(sent: object) -> object:
    """Read a number as the id that it is in decimal."""
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent


def _as_list(sent: object) -> object:
    """Read one value where several may stand as a list of it."""
    if isinstance(sent, list | tuple):
        return tuple(_as_name(each) for each in sent)
    return (_as_name(sent),)


def _newest(most: int) -> BeforeValidator:
    """Read a list, newest last, of which only the newest count: a long session is no mistake."""
    return BeforeValidator(lambda sent: _as_list(sent)[-most:])  # type: ignore[index] # a tuple


class ResponseBody(BaseModel):
    """What clients get."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Session(RequestBody):
    """What somebody has just looked at; it need not be known who they are."""

    items: Annotated[tuple[Id, ...], _newest(RING)] = Field(
        (), description=f"Item ids, newest last; of more than {RING} the newest."
    )
    texts: Annotated[tuple[SessionText, ...], _newest(MOST_TEXTS)] = Field(
        (),
        description=f"What they searched for, newest last; of more than {MOST_TEXTS} the newest.",
    )
    cart: Annotated[tuple[Id, ...], _newest(RING)] = Field(
        (),
        description="Item ids of what is in their cart: neither it nor its variants are "
        "recommended. What it says of them, say in `items`, too.",
    )


class AskedFilters(RequestBody):
    """What an item must be. Several categories or brands mean any of them."""

    category: Annotated[tuple[Choice, ...], BeforeValidator(_as_list)] = Field(
        (),
        max_length=MOST_CHOICES,
        description="Paths from the widest level to any depth: `A` or `A > B`. Case, spaces and "
        "what separates levels (`a/b`, `A>B`) do not count.",
    )
    brand: Annotated[tuple[Choice, ...], BeforeValidator(_as_list)] = Field(
        (), max_length=MOST_CHOICES
    )
    price_min: float | None = Field(
        None, ge=0, description="Leaves out items of unknown price, as does `price_max`."
    )
    price_max: float | None = Field(None, ge=0)
    available: bool = Field(
        default=True, description="false: also what is not available at the moment."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if None not in (self.price_min, self.price_max) and self.price_min > self.price_max:  # type: ignore[operator] # neither is None
            msg = "price_min is above price_max"
            raise ValueError(msg)
        return self


class RecommendationRequest(RequestBody):
    """For whom, and what, recommendations are wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "household-1929", "limit": 3, "explain": True},
                {"session": {"items": ["1082185"], "texts": ["dark chocolate"]}, "limit": 3},
            ]
        }
    )

    user_id: Annotated[ProfileName | None, BeforeValidator(_as_name)] = Field(
        None, description="Nobody knows them: popular items, not an error."
    )
    session: Session | None = None
    limit: int = Field(20, ge=1, le=MOST_ITEMS)
    exclude: Annotated[tuple[Id, ...], BeforeValidator(_as_list)] = Field(
        (), max_length=MOST_EXCLUDED, description="Item ids."
    )
    exclude_seen: bool = Field(
        default=True,
        description="Leave out what is among the user's newest events, and variants of what they "
        "bought; not what they took out of the cart and have neither touched since nor bought.",
    )
    filters: AskedFilters = AskedFilters()
    diversity: float = Field(
        0.3, ge=0, le=1, description="0: by score alone; more: the less alike the items are."
    )
    by_price: bool = Field(
        default=True,
        description="Let count how much the user usually spends: where the prices of what they "
        "bought stand among those of its category.",
    )
    explain: bool = Field(
        default=False, description="Name the events that speak for each item and against it."
    )


class Reason(ResponseBody):
    """One event that speaks for an item or against it, or that everybody wants it."""

    action: Action | Literal["session", "price", "popularity"] = Field(
        description="`session`: it came in the request. `price`: among the prices of its category "
        "it is where the user usually buys. `click`: also what was put into the cart and taken out "
        "since. `popularity`: what everybody did with it, as far as it counts, over the newest 28 "
        "days with events.",
        examples=["purchase"],
    )
    item_id: ItemName | None = Field(
        description="What it was about; null for a search, a price, and popularity."
    )
    title: Title | None = Field(
        description="Of that item; of a search, its text; of popularity, how much it is wanted."
    )
    tone: ReadTone
    occurred_at: Moment | None
    share: float = Field(
        description="Of the item's `relevance`, four decimals: that of all that was done with this "
        "item, or of this search. The shares of everything, named or not, add up to it.",
        examples=[0.8376],
    )


class RecommendedItem(ResponseBody):
    """One item, and why."""

    item_id: ItemName
    title: Title
    category: Category
    brand: Brand
    price: Price | None
    score: float = Field(
        description="What the list is in the order of: 0 to 1, four decimals, on one scale for "
        "every strategy and model. The weighted mean of `relevance` and of how unlike the item is "
        "to those above it; `diversity` says how much the second counts, and with 0 it is "
        "`relevance` alone. 1: nothing in this list suits better, and nothing like it stands "
        "above. 0: nothing speaks for it, and it is like one above. To be compared within one "
        "answer.",
        examples=[1.0],
    )
    relevance: float = Field(
        description="How well the item suits, whatever stands above it: -1 to 1, four decimals, "
        "as a part of the largest in this list. 0: nothing speaks for it; below: more speaks "
        "against it. By a session or a profile, what the model says of these events; by "
        "popularity, how much everybody wants it. To be compared within one answer.",
        examples=[1.0],
    )
    reasons: tuple[Reason, ...] | None = Field(
        None,
        description="With `explain`: what speaks for it, strongest first, one for each item; else "
        "null. Popularity is named where an item is there for nothing else.",
    )
    against: tuple[Reason, ...] | None = Field(
        None,
        description="With `explain`: returns, and reviews that are bad by their stars or, where "
        "they have none, by their text; else null.",
        examples=[[]],
    )


class TextReading(ResponseBody):
    """How a text of the session was understood."""

    text: str = Field(examples=["dark chocolate"])
    read: Way = Field(
        description="`vector`: BERT has read it. `words`: it stands for the items that "
        "share its words. `nothing`: no item does, or newer texts are all that one request may "
        "have read."
    )


class UnknownName(ResponseBody):
    """A name in the filters that nothing in the shop has."""

    filter: Literal["category", "brand"]
    name: str = Field(description="As it was asked for.", examples=["GROCERY > CANDIES"])
    nearest: tuple[str, ...] = Field(
        description="Names that the shop has, the likest first; of a path, also one that it lies "
        "in. Looked for where it is among the first five unknown names.",
        examples=[["GROCERY > CANDY"]],
    )


class Recommendations(ResponseBody):
    """Items, in the order of their scores."""

    recommendation_id: UUID = Field(
        description="Send it back with the events that follow.",
        examples=["1b4e28ba-2fa1-41d2-883f-0016d3cca427"],
    )
    strategy: Strategy = Field(
        description="What the list was made of: the session alone, the session for what somebody "
        "is after now and their profile for what they like, the profile alone, or what everybody "
        "wants.",
        examples=["session_and_profile"],
    )
    model_version: ModelName
    space_id: SpaceName
    profile_as_of: Moment | None = Field(description="Time of the user's newest event.")
    stale_seconds: Stale
    session_texts: tuple[TextReading, ...]
    matched: int = Field(
        description="Items that fit `filters`, before those of `exclude` and `exclude_seen` are "
        "left out.",
        examples=[214],
    )
    filled: int = Field(
        description="Of the items the last so many: nothing has been read of them yet, and they "
        "fill up the list by popularity alone.",
        examples=[0],
    )
    unknown_names: tuple[UnknownName, ...]
    emptied_by: tuple[Emptied, ...] = Field(
        description="Why there are no items; empty if there are. `catalogue`: the shop has none. "
        "`filters`: none fits. `unavailable`: those that fit are not available at the moment. "
        "`excluded`, `seen`: those that fit were left out by `exclude`; by `exclude_seen`, or for "
        "what is in the cart.",
        examples=[[]],
    )
    items: tuple[RecommendedItem, ...]


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
    """What the user pays for one piece: a tenth of it lies below `low`, a tenth above `high`."""

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


class ProfileAnswer(ResponseBody):
    """What is known of a user."""

    user_id: UserName
    model_version: ModelName | None = Field(description="Null if that model is no longer known.")
    space_id: SpaceName
    profile_as_of: Moment = Field(description="Time of the newest event.")
    received_at: Moment = Field(description="When Kafka took in the newest one.")
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
    price_band: PriceBand | None
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


class ErasureAccepted(ResponseBody):
    """The request was taken in; the profile is gone within a second."""

    user_id: UserName
    status: Literal["accepted"] = "accepted"


class EventResult(ResponseBody):
    """What became of one event."""

    index: int = Field(examples=[0])
    event_id: str | None = Field(examples=["e-1"])
    status: Literal["accepted", "passed_over", "rejected"]
    reason: str | None = Field(
        None,
        description="Why it is no event; of what is passed over, what it is called.",
        examples=[None, "user_id: missing"],
    )
    events: int = Field(
        0, description="Events in it: an order has one for each product.", examples=[1]
    )
    left_out: dict[str, str] = Field(
        default_factory=dict, description="Fields that could not be read, and why.", examples=[{}]
    )
    read: tuple[ReadEvent, ...] | None = Field(
        None,
        description="With `dry_run` alone: the events in it.",
        exclude_if=lambda read: read is None,
        examples=[None],
    )


class EventsAnswer(ResponseBody):
    """What became of the events, in their order."""

    accepted: int = Field(examples=[1])
    passed_over: int = Field(0, description="Known, and of no interest.", examples=[0])
    rejected: int = Field(examples=[0])
    results: tuple[EventResult, ...]


class ItemBody(ItemSnapshot):
    """An item to put."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "title": "Dark chocolate 85%",
                    "category": "GROCERY > CANDY > CHOCOLATE",
                    "brand": "Private",
                    "price": 2.49,
                    "attributes": {"size": "3.5 OZ"},
                }
            ]
        },
    )

    title: Annotated[str, StringConstraints(min_length=1, max_length=1_024)] = Field(
        validation_alias=AliasChoices("title", "name")
    )


def _patch_schema(schema: dict[str, Any]) -> None:
    nullable(schema)
    schema["examples"] = [{"price": 2.19, "available": True, "attributes": {"size": None}}]


class ItemPatch(ItemWords):
    """What is to change of an item: a JSON merge patch. Null: not known any more."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_patch_schema)

    available_from: AvailableMoment = None
    available_until: AvailableMoment = None


class ItemAnswer(ResponseBody):
    """An item of the catalogue."""

    item_id: ItemName
    title: Title
    category: Category
    brand: Brand
    price: Price | None
    attributes: dict[str, str] = Field(examples=[{"size": "3.5 OZ"}])
    available: bool = Field(examples=[True])
    group_id: ItemName | None = Field(description="What it is a variant of.", examples=[None])
    available_from: Moment | None = Field(examples=[None])
    available_until: Moment | None = Field(examples=[None])


class ItemAccepted(ResponseBody):
    """The change was taken in; the catalogue shows it within a second."""

    item_id: ItemName
    status: Literal["accepted"] = "accepted"


class Alive(ResponseBody):
    """The process runs."""

    status: Literal["alive"] = "alive"


class Ready(ResponseBody):
    """Everything the service stands on answers."""

    status: Literal["ready"] = "ready"
    up: tuple[str, ...] = Field(examples=[["redis", "kafka", "model"]])
    notes: tuple[str, ...] = Field((), description="What somebody should see to, all the same.")
