"""What goes in and out over HTTP about events, items and how the service is."""

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from portrait.events.impression import MOST_ITEMS
from portrait.events.item import Id, ItemSnapshot, ItemWords, nullable
from service.fields import (
    Brand,
    BrandRead,
    Category,
    CategoryRead,
    ItemName,
    Moment,
    Price,
    RequestBody,
    ResponseBody,
    SentMoment,
    Title,
)

MOST_EVENTS = 500  # of one request
MOST_IMPRESSIONS = 50
ReadEvent = Annotated[
    dict[str, Any],
    WithJsonSchema({"$ref": "#/components/schemas/Event"}),
]


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
    position: str | None = Field(
        description="Where they lie in the log, for reads that are to hold them: `min_position` of "
        "`GET /profile/{user_id}` and `POST /recommend`. Good for this shop alone. Null if nothing "
        "was sent on, or into more than 1,000 partitions.",
        examples=["AdyPo5wAAAAAAB8AAAAAAAAAAAC7p1SJp0s3fA"],
    )
    results: tuple[EventResult, ...]


class ImpressionBody(RequestBody):
    """What of one list was seen."""

    recommendation_id: Id = Field(description="As `POST /recommend` answered it.")
    item_ids: tuple[Id, ...] | None = Field(
        None,
        max_length=MOST_ITEMS,
        strict=False,
        description="Which items; without them all of the list.",
    )
    occurred_at: SentMoment = Field(None, description="When; without it: now.")


class ImpressionsBody(RequestBody):
    """What of lists was seen."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "impressions": [
                        {
                            "recommendation_id": "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
                            "item_ids": ["1082185"],
                        }
                    ]
                }
            ]
        }
    )

    impressions: tuple[ImpressionBody, ...] = Field(
        min_length=1, max_length=MOST_IMPRESSIONS, strict=False
    )


class ImpressionsAccepted(ResponseBody):
    """They were taken in."""

    accepted: int = Field(examples=[1])


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

    available_from: SentMoment = None
    available_until: SentMoment = None


class ItemAnswer(ResponseBody):
    """An item of the catalogue."""

    item_id: ItemName
    title: Title
    category: Category
    category_read: CategoryRead
    brand: Brand
    brand_read: BrandRead
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
