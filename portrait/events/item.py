"""Items: what a shop sells, and the text that the encoder reads."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from portrait.events.category import LONGEST, REMEMBERED, SEPARATOR
from portrait.privacy.redact import redacted
from portrait.privacy.redact_id import redacted_id
from portrait.wording import worded

MOST_ATTRIBUTES = 32
TITLE_SAYS = 64  # as much as more fields than there are
PATCH_HEADER = "portrait-patch"  # of a message on `items`; `1`: it is a patch

LONGEST_ID = LONGEST_BRAND = 128  # characters
# What is written into URLs, keys and logs must come back as it was: no line break or other control
# character, and no `.` or `..` between slashes, which clients and proxies resolve to another path.
_LETTER = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029/]"
_NO_DOT = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029/.]"
_SEGMENT = rf"(?:\.*{_NO_DOT}{_LETTER}*|\.{{3,}})?"
ID_PATTERN = rf"^{_SEGMENT}(?:/{_SEGMENT})*$"  # in Rust's syntax: `$` is the very end
ID_RULE = "No control characters, and no `.` or `..` between slashes."

Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=ID_PATTERN)]
# Of neither a user nor an item: it may be another, as long as it is always the same one.
OtherId = Annotated[Id, AfterValidator(redacted_id)]
Title = Annotated[str, StringConstraints(max_length=1_024), AfterValidator(redacted)]
_redacted_name = lru_cache(REMEMBERED)(redacted)  # of brands and the like a shop has thousands
Brand = Annotated[str, StringConstraints(max_length=LONGEST_BRAND), AfterValidator(_redacted_name)]
AttributeName = Annotated[
    str, StringConstraints(min_length=1, max_length=64), AfterValidator(_redacted_name)
]
AttributeValue = Annotated[str, StringConstraints(max_length=256), AfterValidator(redacted)]


def _join_path(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was sent
    if isinstance(value, list) and all(isinstance(level, str) for level in value):
        return SEPARATOR.join(level.strip() for level in value)
    return value


def _bounded(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was sent
    """Refuse too many attributes before each of them is looked at, and told of; null is none."""
    if not isinstance(value, dict):
        return value
    if len(value) > MOST_ATTRIBUTES:
        kind, text = "too_long", "There are too many."
        raise PydanticCustomError(kind, text)
    return {name: "" if each is None else each for name, each in value.items()}


Category = Annotated[
    str,
    BeforeValidator(_join_path),
    StringConstraints(max_length=LONGEST),
    AfterValidator(_redacted_name),
]

Attributes = Annotated[dict[AttributeName, AttributeValue], BeforeValidator(_bounded)]


class ItemSnapshot(BaseModel):
    """What an item is. Inside an event: as the producer saw it."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    title: Title = Field("", validation_alias=AliasChoices("title", "name"))
    category: Category = Field(
        "", description="Path from the widest level, `A > B > C` or a list of levels."
    )
    brand: Brand = ""
    price: float | None = Field(None, ge=0, le=1e9, description="0: it costs nothing.")
    attributes: Attributes = Field(default_factory=dict, max_length=MOST_ATTRIBUTES)
    available: bool = True
    group_id: OtherId | None = Field(
        None,
        description="Of a variant: what it is a size or a colour of. A list has one item of a "
        "group, and none of what is in the cart.",
    )
    available_from: AwareDatetime | None = Field(
        None, description="Not recommended before that moment."
    )
    available_until: AwareDatetime | None = Field(
        None, description="Not recommended from that moment on."
    )

    @property
    def said(self) -> int:
        """How much it says: with a title, more than anything without. Below 256."""
        fields = (self.category != "") + (self.brand != "")
        fields += (self.price is not None) + (self.group_id is not None) + len(self.attributes)
        return fields + (TITLE_SAYS if self.title else 0)

    @property
    def text(self) -> str:
        """What the encoder reads; empty if nothing is known but the id."""
        parts = [self.title, self.category.replace(SEPARATOR, ", "), self.brand]
        parts += self.attributes.values()
        return worded(". ".join(part for part in parts if part))


# What is known of a field that is said to be null. In a patch that takes back what was known.
_UNKNOWN: dict[str, object] = {
    **dict.fromkeys(("title", "name", "category", "brand"), ""),
    "attributes": {},
    "available": True,
    "withdrawn": False,
    "patch": False,
}


def nullable(schema: dict[str, Any]) -> None:
    """Say in a JSON schema that what is not required may be null, and each of its members."""
    for name, field in schema["properties"].items():
        if name not in schema.get("required", ()):
            for part in (field, field.get("additionalProperties", {})):
                if "type" in part:
                    part["type"] = [part["type"], "null"]


class ItemWords(ItemSnapshot):
    """What is said of an item, where null takes back what was known."""

    model_config = ConfigDict(json_schema_extra=nullable)

    @model_validator(mode="before")
    @classmethod
    def _null_is_unknown(cls, said: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was sent
        """Read null as not known. `{}` for attributes says nothing; null, that there are none."""
        if not isinstance(said, dict) or not (None in said.values() or {} in said.values()):
            return said
        return {
            name: _UNKNOWN.get(name) if value is None else value
            for name, value in said.items()
            if not (name == "attributes" and value == {})
        }


class Item(ItemWords):
    """A product of the catalogue, as published on the `items` topic, keyed by id."""

    id: Id = Field(validation_alias=AliasChoices("id", "item_id", "product_id"))
    withdrawn: bool = Field(
        default=False, description="Gone from the catalogue: remembered, never recommended."
    )
    patch: bool = Field(
        default=False,
        exclude=True,
        description="True: the message changes the fields that it names, null takes one back to "
        "unknown, and the others stay; so does one that names no title. Else it says all of the "
        "item.",
    )

    _category_read: str = PrivateAttr("")  # no producer says it, and no message has it
    _brand_read: str = PrivateAttr("")  # likewise

    @property
    def lacks_category(self) -> bool:
        """Whether it is called something, and nobody said where it lies."""
        return bool(self.title) and not self.category

    @property
    def category_read(self) -> str:
        """Where it lies as a model read of its other words; empty of one that has a category."""
        return self._category_read

    @property
    def lies_in(self) -> str:
        """Where it lies in the catalogue: as is said of it, else as was read."""
        return self.category or self.category_read

    @property
    def lacks_brand(self) -> bool:
        """Whether it is called something, and nobody said of which brand it is."""
        return bool(self.title) and not self.brand

    @property
    def brand_read(self) -> str:
        """Its brand as it was read in its title; empty of one that has a brand."""
        return self._brand_read

    @property
    def made_by(self) -> str:
        """Its brand: as is said of it, else as was read."""
        return self.brand or self.brand_read

    def with_read(self, place: str, brand: str = "") -> Self:
        """Return it with what was read of it; a category or a brand that was said outweighs it."""
        place = place if self.lacks_category and len(place) <= LONGEST else ""
        brand = brand if self.lacks_brand and len(brand) <= LONGEST_BRAND else ""
        if (place, brand) == (self._category_read, self._brand_read):
            return self
        item = self.model_copy()
        item._category_read, item._brand_read = place, brand  # noqa: SLF001 - of its own kind
        return item

    @property
    def is_patch(self) -> bool:
        """Whether the message changes what it names, and says nothing of the rest."""
        return self.patch or "title" not in self.model_fields_set

    def upon(self, former: Self | None) -> Self:
        """Return what is known of the item once this is said.

        Args:
            former: What was known before; None: nothing.

        Source of what a patch means: RFC 7396, JSON Merge Patch.
        """
        if not self.is_patch:
            return self.model_copy(update={"attributes": _merged({}, self.attributes)})
        known = type(self)(id=self.id) if former is None else former
        named = {name: getattr(self, name) for name in self.model_fields_set - {"patch"}}
        if self.attributes:
            named["attributes"] = _merged(known.attributes, self.attributes)
        return known.model_copy(update=named)

    def and_then(self, later: Self) -> Self | None:
        """Return what two patches say, one after the other; None if no one message can say it."""
        clears = "attributes" in self.model_fields_set and not self.attributes
        attributes = {**self.attributes, **later.attributes}
        if (clears and later.attributes) or len(attributes) > MOST_ATTRIBUTES:
            return None
        named = {name: getattr(later, name) for name in later.model_fields_set - {"patch", "id"}}
        if later.attributes:
            named["attributes"] = attributes
        return self.model_copy(update=named | {"patch": True})


class IntroducedItem(Item):
    """An item that events speak of and the catalogue does not: remembered for a while."""


def _merged(known: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """Return attributes after some were said, of which empty ones are taken away."""
    kept = [(name, value) for name, value in known.items() if name not in said]
    new = [(name, value) for name, value in said.items() if value]
    return dict([*kept, *new][-MOST_ATTRIBUTES:])
