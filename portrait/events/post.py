"""Posts: what somebody wrote elsewhere about something the shop sells, as published on `opinions`.

A post on a network, an article, a survey's answer. What customers write in the shop itself are
reviews: events.
"""

from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from portrait.events.event import Text
from portrait.events.item import Brand, Category, Id, OtherId
from portrait.privacy.redact import redacted

Words = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(redacted)]
WrittenText = Annotated[Text, StringConstraints(min_length=1)]


class Post(BaseModel):
    """One text about something, keyed by its id. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    post_id: OtherId = Field(
        validation_alias=AliasChoices("post_id", "postId", "id"),
        description="Names the post: a repeat with the same source and id counts once.",
    )
    source: OtherId = Field(description="Where it stands: `weibo`, `news.example`.")
    subject: Words | None = Field(
        None, description="What it is about, in words of the producer: a name, a symbol."
    )
    text: WrittenText = Field(validation_alias=AliasChoices("text", "body"))
    rating: float | None = Field(None, ge=0, le=5, description="Stars, if it has some: 5 best.")
    author: Id | None = Field(
        None,
        validation_alias=AliasChoices("author", "author_id", "authorId"),
        description="Who wrote it, by any id that stays the same. Kept as a hash, for a week. "
        "Without it a burst by few accounts cannot be told from one by many.",
    )
    item_id: Id | None = Field(None, validation_alias=AliasChoices("item_id", "itemId", "sku"))
    brand: Brand = ""
    category: Category = Field("", description="Path from the widest level.")
    occurred_at: AwareDatetime = Field(
        validation_alias=AliasChoices("occurred_at", "published_at", "timestamp"),
        description="When it was published, with its UTC offset.",
    )
    schema_version: int = Field(1, ge=1, le=1)
