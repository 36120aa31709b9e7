"""Conditions: which items, and which requests, a rule is about.

Members of one condition must all hold. `any`, `all` and `not` nest others; a range has both its
ends. What is not known of an item, a price or an attribute, lies in no range and is no value.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from portrait.catalogue.edges import Relation
from portrait.events.item import AttributeName, Id
from portrait.privacy.redact import redacted

MOST_NAMES = 50  # of one member
MOST_ITEMS = 1_000
MOST_MEMBERS = 20  # conditions in one `any` or `all`
MOST_ATTRIBUTES = 8  # of one condition
DEEPEST = 6  # conditions in each other: more is nobody's meaning
C = TypeVar("C")
ATTRIBUTE = "attributes."  # before the name of one, in `same`


def _as_list(said: object) -> object:
    """Read one name where several may stand as a list of it."""
    return tuple(said) if isinstance(said, list | tuple) else (said,)


class Part(BaseModel):
    """A part of a rule: what we do not know in it is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, serialize_by_alias=True
    )


class Range(Part):
    """A range of numbers, both ends in it; at least one is said."""

    min: float | None = Field(None, examples=[18])
    max: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            msg = "a range says `min`, `max`, or both"
            raise ValueError(msg)
        if self.min is not None and self.max is not None and self.min > self.max:
            msg = "min is above max"
            raise ValueError(msg)
        return self


# As the reader writes what it is compared with.
Name = Annotated[str, StringConstraints(min_length=1, max_length=512), AfterValidator(redacted)]
Names = Annotated[
    tuple[Name, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=MOST_NAMES)
]


def _form(said: object) -> str:
    """Say which of both a test is; the name is no step of a JSON pointer, so it is marked."""
    return RANGE if isinstance(said, dict | Range) else NAMES


RANGE, NAMES = "(range)", "(names)"
Test = Annotated[  # a number within a range, or one of some values
    Annotated[Range, Tag(RANGE)] | Annotated[Names, Tag(NAMES)], Discriminator(_form)
]
Tests = Annotated[dict[AttributeName, Test], Field(min_length=1, max_length=MOST_ATTRIBUTES)]
Same = Annotated[
    str, StringConstraints(pattern=r"^(category|brand|attributes\..{1,64})$", max_length=80)
]


class Linked(Part):
    """Items that an edge leads to: what they are to some items, or what those are to them."""

    relation: Annotated[Relation, Field(strict=False)] = Field(examples=["fits"])
    to: Literal["viewed", "had"] | None = Field(
        None,
        description="They fit, …, the viewed item, or any that the user bought or has in the cart.",
        examples=["had"],
    )
    of: Literal["viewed", "had"] | None = Field(
        None, description="The viewed item, or any that the user has, needs, …, them."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.to is None) == (self.of is None):
            msg = "an edge is looked at from one end: say `to` or `of`"
            raise ValueError(msg)
        return self


class Condition(Part):
    """What both kinds of conditions have in common: they nest."""

    @property
    def parts(self) -> tuple[Self, ...]:
        """The conditions inside."""
        raise NotImplementedError

    @property
    def depth(self) -> int:
        """How many conditions lie in each other, at most."""
        return 1 + max((part.depth for part in self.parts), default=0)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(value is not None for value in self.__dict__.values()):
            msg = "a condition names at least one thing that must hold"
            raise ValueError(msg)
        return self


class ItemCondition(Condition):
    """Which items. `same`, `price_of_viewed` and `linked` compare with those of the request."""

    items: Annotated[tuple[Id, ...], BeforeValidator(_as_list)] | None = Field(
        None, min_length=1, max_length=MOST_ITEMS, description="One of these, by id."
    )
    category: Names | None = Field(
        None, description="In one of these, at any depth below.", examples=[["GROCERY > CANDY"]]
    )
    brand: Names | None = None
    price: Range | None = None
    attributes: Tests | None = Field(
        None,
        description="Each attribute is one of these values, whatever their case, or a number "
        "within a range: `{'stock': {'min': 5}, 'colour': ['red']}`.",
    )
    age_days: Range | None = Field(
        None, description="Days since `available_from`; an item without one has no age."
    )
    available: bool | None = None
    same: Annotated[tuple[Same, ...], BeforeValidator(_as_list)] | None = Field(
        None,
        min_length=1,
        max_length=MOST_ATTRIBUTES,
        description="As of the viewed item: `category`, `brand`, `attributes.seller`.",
        examples=[["brand", "attributes.seller"]],
    )
    price_of_viewed: Range | None = Field(
        None,
        description="Its price as a multiple of that of the viewed item.",
        examples=[{"min": 0.8, "max": 1.25}],
    )
    linked: Linked | None = Field(
        None,
        description="An edge of `portrait import edges` leads there. Says nothing where no edge of "
        "this relation knows of the viewed item, or of anything that the user has.",
    )
    any_: tuple["ItemCondition", ...] | None = Field(
        None, alias="any", min_length=1, max_length=MOST_MEMBERS, strict=False
    )
    all_: tuple["ItemCondition", ...] | None = Field(
        None, alias="all", min_length=1, max_length=MOST_MEMBERS, strict=False
    )
    not_: "ItemCondition | None" = Field(None, alias="not")

    @property
    def parts(self) -> tuple["ItemCondition", ...]:
        """The conditions inside."""
        return _inside(self.any_, self.all_, self.not_)

    @property
    def is_relative(self) -> bool:
        """Whether anything in it compares with the viewed item."""
        compared = self.same, self.price_of_viewed, self.linked
        compares = any(each is not None for each in compared)
        return compares or any(part.is_relative for part in self.parts)

    @property
    def attribute_names(self) -> Iterator[str]:
        """The attributes that it looks at, once or more often."""
        yield from self.attributes or ()
        for same in self.same or ():
            if same.startswith(ATTRIBUTE):
                yield same.removeprefix(ATTRIBUTE)
        for part in self.parts:
            yield from part.attribute_names


class RequestCondition(Condition):
    """Which requests."""

    user: Literal["known", "anonymous"] | None = Field(
        None, description="`known`: the request names a user who is no anonymous visitor."
    )
    declared: Tests | None = Field(
        None,
        description="What the request declares of the user: one of these values, or a number "
        "within a range. What it does not declare is neither.",
        examples=[{"age": {"min": 18}}],
    )
    viewed: ItemCondition | None = Field(
        None, description="What the viewed item is, the newest of the session; false without one."
    )
    any_: tuple["RequestCondition", ...] | None = Field(
        None, alias="any", min_length=1, max_length=MOST_MEMBERS, strict=False
    )
    all_: tuple["RequestCondition", ...] | None = Field(
        None, alias="all", min_length=1, max_length=MOST_MEMBERS, strict=False
    )
    not_: "RequestCondition | None" = Field(None, alias="not")

    @property
    def parts(self) -> tuple["RequestCondition", ...]:
        """The conditions inside."""
        return _inside(self.any_, self.all_, self.not_)

    @property
    def viewed_conditions(self) -> Iterator[ItemCondition]:
        """What it asks of the viewed item, anywhere in it."""
        if self.viewed is not None:
            yield self.viewed
        for part in self.parts:
            yield from part.viewed_conditions


def _inside(
    any_: tuple[C, ...] | None, all_: tuple[C, ...] | None, not_: C | None
) -> tuple[C, ...]:
    return (*(any_ or ()), *(all_ or ()), *(() if not_ is None else (not_,)))
