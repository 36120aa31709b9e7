"""Events: who did what to which item, and when.

Nothing enters the system in any other shape. `portrait/reading` reads the shapes that are sent.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from portrait.events.declared import Declared
from portrait.events.item import Id, ItemSnapshot, OtherId
from portrait.privacy.redact import redacted

# What people write is kept without what names or reaches them.
Text = Annotated[str, StringConstraints(max_length=8_192), AfterValidator(redacted)]

ANONYMOUS = "anonymous:"  # prefix of the profile key of someone who has not logged in


def _is_of_a_user(id: str) -> str:
    """Refuse the name of somebody else's profile."""
    if id.startswith(ANONYMOUS):
        kind = "user_id_anonymous"
        raise PydanticCustomError(kind, "A user_id does not begin with `anonymous:`.")
    return id


UserId = Annotated[Id, AfterValidator(_is_of_a_user)]


class Action(StrEnum):
    """What the user did. The order is part of the stored record: append, never reorder."""

    BROWSE = "browse"
    CLICK = "click"
    SEARCH = "search"
    CART = "cart"
    PURCHASE = "purchase"
    REVIEW = "review"
    RETURN = "return"
    REMOVE = "remove"  # taken out of the cart
    WISH = "wish"  # put on a wish list


class Event(BaseModel):
    """One action of one user, as published on the `events.*` topics, keyed by user.

    Unknown fields are ignored: a new producer must not break an old consumer. The aliases are the
    names that Segment, Snowplow e-commerce and Amazon Personalize producers already send.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    event_id: OtherId = Field(
        validation_alias=AliasChoices("event_id", "messageId", "eventId"),
        description="Names the event: a repeat with the same id counts once.",
    )
    type: Action = Field(validation_alias=AliasChoices("type", "eventType"))
    user_id: UserId | None = Field(
        None,
        validation_alias=AliasChoices("user_id", "userId"),
        description="Who is logged in. Does not begin with `anonymous:`.",
    )
    anonymous_id: Id | None = Field(
        None, validation_alias=AliasChoices("anonymous_id", "anonymousId", "domain_userid")
    )
    session_id: OtherId | None = Field(
        None, validation_alias=AliasChoices("session_id", "sessionId", "domain_sessionid")
    )
    item_id: Id | None = Field(
        None, validation_alias=AliasChoices("item_id", "itemId", "product_id", "productId", "sku")
    )
    item: ItemSnapshot | None = Field(
        None, description="What the item is, for items the catalogue may not know yet."
    )
    quantity: int | None = Field(None, ge=1, le=65_535)
    price: float | None = Field(None, ge=0, le=1e9, description="Of one piece, in the shop's unit.")
    currency: str | None = Field(
        None, max_length=8, description="Of the price, if it is not the shop's: ISO 4217."
    )
    text: Text | None = Field(
        None,
        validation_alias=AliasChoices("text", "query", "review_body"),
        description="The search query or the review. What a review says is read, by a BERT where "
        "one has learned it from the shop's own, else by words: then only of reviews without a "
        "rating, and only whether it speaks against the item.",
    )
    rating: float | None = Field(None, ge=0, le=5, description="Of a review: 1 worst, 5 best.")
    order_id: OtherId | None = Field(
        None,
        validation_alias=AliasChoices("order_id", "orderId", "transaction_id"),
        description="The order: groups what was bought together.",
    )
    recommendation_id: OtherId | None = Field(
        None, validation_alias=AliasChoices("recommendation_id", "recommendationId")
    )
    declared: Declared | None = Field(
        None,
        description="What the shop knows of the user beside events: a region, a membership. It is "
        "counted what is popular among those of whom the same is said, of what "
        "`PORTRAIT_DECLARED` names, for whoever is not known yet; it is kept with no profile.",
        examples=[{"region": "north", "membership": "gold"}],
    )
    occurred_at: AwareDatetime = Field(
        validation_alias=AliasChoices(
            "occurred_at", "originalTimestamp", "derived_tstamp", "timestamp"
        ),
        description="When it happened by the producer's clock, with its UTC offset.",
    )
    sent_at: AwareDatetime | None = Field(
        None,
        validation_alias=AliasChoices("sent_at", "sentAt"),
        description="When it was sent by the same clock; lets a wrong clock be corrected.",
    )
    schema_version: int = Field(1, ge=1, le=1)

    @property
    def user_key(self) -> str:
        """The profile this event belongs to, and the key of its Kafka message."""
        return self.user_id or f"{ANONYMOUS}{self.anonymous_id}"


_OF_EVENTS = {"event_id", "messageId", "eventId", "occurred_at", "originalTimestamp"}
_ACTORS = {"user_id", "userId", "anonymous_id", "anonymousId", "domain_userid"}


def is_event_like(fields: Mapping[str, Any]) -> bool:
    """Say whether a message has what only events have: somebody who did something, a moment."""
    actions = {str(fields.get(name)) for name in ("type", "eventType")}
    is_act = bool(actions & {*Action}) and not _ACTORS.isdisjoint(fields)
    return is_act or not _OF_EVENTS.isdisjoint(fields)
