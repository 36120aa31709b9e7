"""Items: what a shop sells, and the text that the encoder reads."""

from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from portrait.errors import ItemInvalidError
from portrait.events.category import LONGEST, SEPARATOR
from portrait.field_errors import reasons

MOST_ATTRIBUTES = 32

LONGEST_ID = 128  # characters
# What is written into URLs, keys and logs must come back as it was: no line break or other control
# character, and no `.` or `..` between slashes, which clients and proxies resolve to another path.
_LETTER = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029/]"
_NO_DOT = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029/.]"
_SEGMENT = rf"(?:\.*{_NO_DOT}{_LETTER}*|\.{{3,}})?"
ID_PATTERN = rf"^{_SEGMENT}(?:/{_SEGMENT})*$"  # in Rust's syntax: `$` is the very end
ID_RULE = "No control characters, and no `.` or `..` between slashes."

Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=ID_PATTERN)]
Title = Annotated[str, StringConstraints(max_length=1_024)]
Brand = Annotated[str, StringConstraints(max_length=128)]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
AttributeValue = Annotated[str, StringConstraints(max_length=256)]


def _join_path(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was sent
    if isinstance(value, list) and all(isinstance(level, str) for level in value):
        return SEPARATOR.join(level.strip() for level in value)
    return value


def _bounded(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was sent
    """Refuse too many attributes before each of them is looked at, and told of."""
    if isinstance(value, dict) and len(value) > MOST_ATTRIBUTES:
        kind, text = "too_long", "There are too many."
        raise PydanticCustomError(kind, text)
    return value


Category = Annotated[str, BeforeValidator(_join_path), StringConstraints(max_length=LONGEST)]

Attributes = Annotated[dict[AttributeName, AttributeValue], BeforeValidator(_bounded)]


class ItemSnapshot(BaseModel):
    """What an item is. Inside an event: as the producer saw it."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    title: Title = Field("", validation_alias=AliasChoices("title", "name"))
    category: Category = Field(
        "", description="Path from the widest level, `A > B > C` or a list of levels."
    )
    brand: Brand = ""
    price: float | None = Field(None, ge=0, le=1e9)
    attributes: Attributes = Field(default_factory=dict, max_length=MOST_ATTRIBUTES)
    available: bool = True

    @property
    def text(self) -> str:
        """What the encoder reads; empty if nothing is known but the id."""
        parts = [self.title, self.category.replace(SEPARATOR, ", "), self.brand]
        parts += self.attributes.values()
        return ". ".join(part for part in parts if part)


class Item(ItemSnapshot):
    """A product of the catalogue, as published on the `items` topic, keyed by id."""

    id: Id = Field(validation_alias=AliasChoices("id", "item_id", "product_id"))
    withdrawn: bool = Field(
        default=False, description="Gone from the catalogue: remembered, never recommended."
    )

    def upon(self, former: Self | None) -> Self:
        """Return what is known of the item now: one that names no title changes what it names."""
        if former is None or "title" in self.model_fields_set:
            return self
        named = {name: getattr(self, name) for name in self.model_fields_set}
        return former.model_copy(update=named)


class IntroducedItem(Item):
    """An item that events speak of and the catalogue does not: remembered for a while."""


def parse_item(payload: bytes) -> Item:
    """Read the value of one message of the `items` topic (UTF-8 JSON).

    Raises:
        ItemInvalidError: Not JSON, or not an item. Dead-letter it; do not retry.
    """
    try:
        return Item.model_validate_json(payload)
    except ValidationError as error:
        raise ItemInvalidError(reasons(error)) from None  # the error repeats what was sent
