"""What goes in and out over HTTP of the help desk."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from portrait.events.event import ANONYMOUS
from portrait.events.item import Id
from portrait.helpdesk.desk import Language, Mood, Name
from portrait.helpdesk.labels import LONGEST_MESSAGE, MessageText, Outcome
from portrait.privacy.redact import redacted
from service.fields import (
    Brand,
    Category,
    ItemName,
    Lag,
    ModelName,
    Moment,
    Price,
    RequestBody,
    ResponseBody,
    SpaceName,
    Stale,
    Title,
)
from service.profiles.schemas import Activity, PriceBand, Score
from service.recommendations.asked import ProfileName
from service.recommendations.schemas import Reason

MOST_FACTS, MOST_EARLIER, MOST_LABELS = 40, 10, 500
MOST_NEXT = 100
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FactValue = Annotated[str, StringConstraints(max_length=500)] | int | float
AssistId = Annotated[str, StringConstraints(pattern=r"^\d{1,20}-\d{1,20}$")]
IntentName = Annotated[Name, Field(examples=["where_is_my_order"])]
EXAMPLE_ID = "1790000000000-0"
NONE_OF_THESE = "True: it is none of the desk's intents."


def _as_tuple(sent: object) -> object:
    """Read a list of JSON as what cannot be changed."""
    return tuple(sent) if isinstance(sent, list) else sent


class AssistRequest(RequestBody):
    """A customer's message, and what is known at the moment of asking."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": "Where is my order A-17? It should have come on Monday.",
                    "user_id": "household-441",
                    "order": {"order_id": "A-17", "status": "shipped", "due": "Thursday"},
                },
                {"message": "我的订单到哪里了？", "language": "zh", "order": {"order_id": "A-17"}},  # noqa: RUF001
            ]
        }
    )

    message: MessageText = Field(description="It is redacted before anything else is done.")
    user_id: ProfileName | None = None
    anonymous_id: ProfileName | None = Field(None, description="Of who has not logged in.")
    language: Language | None = Field(
        None, description="Of the reply: two letters. Without it `zh` or `en`, by the signs."
    )
    order: dict[FactName, FactValue] = Field(
        default_factory=dict,
        max_length=MOST_FACTS,
        description="What the shop knows of the order; slots `order.…` are filled from it.",
    )
    item_id: Id | None = Field(None, description="What it is about; slots `item.…`.")
    earlier: Annotated[tuple[MessageText, ...], BeforeValidator(_as_tuple)] = Field(
        (), max_length=MOST_EARLIER, description="Earlier messages of theirs, for the mood alone."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.user_id is not None and self.anonymous_id is not None:
            msg = "it is of a user or of an anonymous visitor"
            raise ValueError(msg)
        return self

    @property
    def profile_id(self) -> str | None:
        """Whose profile it is, as events name them."""
        if self.anonymous_id is not None:
            return ANONYMOUS + self.anonymous_id.removeprefix(ANONYMOUS)
        return self.user_id


class LikelyIntent(ResponseBody):
    """An intent, and how probable it is."""

    intent: IntentName
    name: str = Field(examples=["Where is my order?"])
    probability: Score


class FilledSlot(ResponseBody):
    """A slot of the reply, and where its value is from."""

    slot: str = Field(examples=["order_id"])
    source: str = Field(examples=["order.order_id"])
    value: str = Field(examples=["A-17"])


class ReplyAnswer(ResponseBody):
    """A reply that can be sent."""

    reply_id: str = Field(examples=["order-status-en"])
    text: str = Field(examples=["Your order A-17 is shipped and should arrive on Thursday."])
    slots: tuple[FilledSlot, ...]
    rephrased: bool = Field(examples=[False])


class PassageAnswer(ResponseBody):
    """A passage of the shop's own help texts."""

    passage_id: str = Field(examples=["9f86d081884c7d65"])
    source: str = Field(examples=["delivery.md"])
    title: str = Field(examples=["How long delivery takes"])
    anchor: str = Field(examples=["how-long-delivery-takes"])
    text: str = Field(examples=["Orders arrive within three working days."])
    score: Score = Field(description="1: first by its words and by its meaning.")


class CaredFor(ResponseBody):
    """A category somebody is interested in."""

    category: Category
    score: Score
    direction: Literal["rising", "steady", "falling"]


class Offer(ResponseBody):
    """An item to offer."""

    item_id: ItemName
    title: Title
    price: Price | None
    because: tuple[Reason, ...] = Field(description="The strongest reason.")


class Avoided(ResponseBody):
    """An item to leave alone."""

    item_id: ItemName
    title: Title | None
    because: Literal["returned", "bad review"]
    occurred_at: Moment


class CustomerAnswer(ResponseBody):
    """Who writes, in short, for the person who answers."""

    cares_about: tuple[CaredFor, ...]
    brands: tuple[Brand, ...]
    price_band: PriceBand | None
    activity: Activity
    purchase_intent: Score | None
    churn_risk: Score | None
    bad_reviews_lately: int = Field(
        description="In the 90 days before their newest event.", examples=[0]
    )
    offer: tuple[Offer, ...] = Field(description="Nothing, while they are upset.")
    avoid: tuple[Avoided, ...]
    profile_as_of: Moment
    model_version: ModelName | None = Field(description="Null if that model is no longer known.")
    space_id: SpaceName
    lag_ms: Lag
    stale_seconds: Stale


class HandOverAnswer(ResponseBody):
    """Whether a person should take over."""

    yes: bool = Field(examples=[False])
    because: tuple[str, ...] = Field(examples=[[]])


class AssistAnswer(ResponseBody):
    """What a message means, what can be answered, and who writes."""

    assist_id: str | None = Field(
        description="Null: the message is not kept, for whoever writes lets no model learn from "
        "them, or is to be forgotten. Its outcome cannot be told then.",
        examples=[EXAMPLE_ID],
    )
    language: str = Field(examples=["en"])
    intent: LikelyIntent | None
    do_not_know: bool = Field(
        description="True: no intent is sure enough, or a person said that it is none of these.",
        examples=[False],
    )
    likely: tuple[LikelyIntent, ...] = Field(description="As the model reads it, likeliest first.")
    read_by: Literal["person", "model", "words"] = Field(
        description="`person`: somebody has labelled these very words. `model`: as learned from "
        "labels, calibrated. `words`: by the intents' names, descriptions and examples.",
        examples=["model"],
    )
    reply: ReplyAnswer | None
    missing: tuple[str, ...] = Field(
        description="Facts that the first fitting reply needs, and nobody gave.", examples=[[]]
    )
    withheld: bool = Field(
        description="True: a value would have brought in what no answer says.", examples=[False]
    )
    passages: tuple[PassageAnswer, ...] = Field(description="Best first.")
    mood: Mood
    customer: CustomerAnswer | None = Field(description="Null: nobody is named, or known.")
    hand_over: HandOverAnswer
    desk_version: str = Field(examples=["9f86d081884c7d65"])
    model_version: str | None = Field(examples=["20261127T030000Z-9f86d081"])


class OutcomeRequest(RequestBody):
    """What became of an answer."""

    outcome: Outcome
    intent: Name | None = Field(None, description="The right one, where another was taken.")
    none_of_these: bool = Field(default=False, description=NONE_OF_THESE)
    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_MESSAGE)] | None = (
        Field(None, description="What was sent instead; it is redacted.")
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.intent is not None and self.none_of_these:
            msg = "it is an intent, or none of these"
            raise ValueError(msg)
        return self

    @property
    def reply(self) -> str | None:
        """What was sent, as it may be kept."""
        return None if self.text is None else redacted(self.text)


class OutcomeAnswer(ResponseBody):
    """It was taken in."""

    labelled: bool = Field(description="Whether it says what the message means.", examples=[True])


class NewLabel(RequestBody):
    """What one message means."""

    message_id: AssistId | None = Field(None, description="As in `GET /labels/next`.")
    text: MessageText | None = Field(None, description="Or its words.")
    intent: Name | None = None
    none_of_these: bool = Field(default=False, description=NONE_OF_THESE)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.message_id is None) == (self.text is None):
            msg = "it has a message_id or a text"
            raise ValueError(msg)
        if (self.intent is None) != self.none_of_these:
            msg = "it has an intent, or is none of these"
            raise ValueError(msg)
        return self


class LabelsRequest(RequestBody):
    """What messages mean."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"labels": [{"message_id": EXAMPLE_ID, "intent": "where_is_my_order"}]},
                {"labels": [{"text": "do you sell gift cards", "none_of_these": True}]},
            ]
        }
    )

    task: Literal["intent"] = "intent"
    labels: Annotated[tuple[NewLabel, ...], BeforeValidator(_as_tuple)] = Field(
        min_length=1, max_length=MOST_LABELS
    )


class LabelsAnswer(ResponseBody):
    """They were taken in."""

    added: int = Field(examples=[1])


class ToLabel(ResponseBody):
    """A message that is worth a label."""

    message_id: str = Field(examples=[EXAMPLE_ID])
    text: str = Field(description="Redacted.", examples=["it never arrived, what now"])
    language: str = Field(examples=["en"])
    likely: tuple[LikelyIntent, ...]


class NextLabels(ResponseBody):
    """What to label next, what teaches most first."""

    task: Literal["intent"] = "intent"
    pool: int = Field(description="Messages without a label that were looked at.", examples=[214])
    labelled: int = Field(description="Different texts that have a label.", examples=[80])
    messages: tuple[ToLabel, ...]


class ReadyAnswer(ResponseBody):
    """Everything the help desk stands on answers."""

    status: Literal["ready"] = "ready"
    notes: tuple[str, ...] = Field((), description="What somebody should see to, all the same.")
