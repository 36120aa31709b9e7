"""What goes in and out over HTTP about groups: categories and brands as what is recommended."""

from typing import Literal

from pydantic import ConfigDict, Field

from service.fields import (
    Brand,
    BrandRead,
    Category,
    CategoryRead,
    ItemName,
    Lag,
    ModelName,
    Moment,
    Price,
    ResponseBody,
    SpaceName,
    Stale,
    Title,
)
from service.recommendations.asked import AskedFilters, AskerBody
from service.recommendations.schemas import AppliedRule, Reason, Strategy

MOST_GROUPS = 50
MOST_OF_EACH = 10
By = Literal["category", "brand"]


class GroupRequest(AskerBody):
    """For whom, and which groups are wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"by": "category", "user_id": "household-441", "limit": 5, "items": 3}]
        }
    )

    by: By = Field(
        description="What is recommended. A category is named as interests of a profile are."
    )
    limit: int = Field(5, ge=1, le=MOST_GROUPS)
    items: int = Field(3, ge=0, le=MOST_OF_EACH, description="Of each, the best, at most.")
    exclude_seen: bool = Field(
        default=False,
        description="Leave out of `items` what is among the user's newest events; a group of which "
        "nothing is left is not there.",
    )
    filters: AskedFilters = Field(
        AskedFilters(), description="What groups are made of: they may be `brand`s of a category."
    )


class GroupItem(ResponseBody):
    """One of the best items of a group."""

    item_id: ItemName
    title: Title
    category: Category
    category_read: CategoryRead
    brand: Brand
    brand_read: BrandRead
    price: Price | None
    relevance: float = Field(
        description="How well it suits, four decimals, as a part of the largest of all items.",
        examples=[1.0],
    )


class RecommendedGroup(ResponseBody):
    """One category or brand, and why."""

    name: str = Field(examples=["GROCERY > CANDY"])
    score: float = Field(
        description="What the groups are in the order of: 0 to 1, four decimals. Six tenths of it "
        "are the group's share of what they did, four how well its ten best items suit, each as a "
        "part of the largest; by popularity, how much everybody wants it. To be compared within "
        "one answer.",
        examples=[0.9412],
    )
    reasons: tuple[Reason, ...] | None = Field(
        None,
        description="With `explain`: what speaks for it, strongest first; shares are of `score`.",
    )
    against: tuple[Reason, ...] | None = Field(None, description="With `explain`, as of items.")
    items: tuple[GroupItem, ...]


class RecommendedGroups(ResponseBody):
    """Categories or brands, in the order of their scores."""

    by: By
    strategy: Strategy = Field(examples=["profile"])
    model_version: ModelName
    space_id: SpaceName
    profile_as_of: Moment | None = Field(description="Time of the user's newest event.")
    lag_ms: Lag
    stale_seconds: Stale
    position_reached: bool | None = Field(
        description="As in lists: whether all up to `min_position` is known.", examples=[None]
    )
    rules_version: int = Field(description="Of `GET /rules`; 0: there are none.", examples=[3])
    rules: tuple[AppliedRule, ...] = Field(
        description="The shop's rules that this request is subject to. Here `exclude` and `count` "
        "alone do anything: others say where items stand in a list."
    )
    groups: tuple[RecommendedGroup, ...]
