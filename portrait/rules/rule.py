"""Rules: what the shop decides about its lists, and the book that has all of them.

A rule says which items it is about (`where`), for which requests (`when`), from when until when,
and what it does (`do`). One kind is about no items, but about what people do: how much that counts.
A book is replaced whole; each has a version, an author and a moment.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AwareDatetime,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import InitErrorDetails, PydanticCustomError

from portrait.rules.condition import (
    ATTRIBUTE,
    DEEPEST,
    NAMES,
    RANGE,
    ItemCondition,
    Part,
    RequestCondition,
    Same,
)

MOST_RULES = 100  # a mask of each lies in memory: 100 KB at 100,000 items
MOST_COLUMNS = 16  # attributes: to read one of 100,000 items takes 20 ms
MOST_PLACES = 100  # of a list
MOST_FACTOR = 10  # of an event; a purchase counts twenty times what a look does
LONGEST_NOTE = 512
EXAMPLE: JsonDict = {
    "id": "no-wine",
    "note": "Wine, from 18 on alone",
    "when": {"not": {"declared": {"age": {"min": 18}}}},
    "where": {"category": ["GROCERY > WINE"]},
    "do": {"exclude": True},
}

RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Note = Annotated[str, StringConstraints(max_length=LONGEST_NOTE)]
Places = Annotated[int, Field(ge=1, le=MOST_PLACES)]
Strength = Annotated[float, Field(gt=0, le=2)]
Kind = Literal["exclude", "pin", "boost", "bury", "quota", "count"]
# What somebody does that says anything by itself: of a removal see `as_seen`.
Counted = Literal["browse", "click", "search", "cart", "purchase", "review", "return", "wish"]
Factor = Annotated[float, Field(ge=0, le=MOST_FACTOR)]


class Pin(Part):
    """Where the best of its items stand, whatever else suits."""

    position: Places = Field(1, description="Of the first of them; 1 is the top.")
    items: Places = Field(1, description="How many of them at most.")


class Quota(Part):
    """How many of its items a list has: so many at least, at most, or at most of each kind."""

    least: Places | None = Field(
        None, description="As far as there are as many that may be listed. Before any `most`."
    )
    most: Annotated[int, Field(ge=0, le=MOST_PLACES)] | None = None
    per: Same | None = Field(
        None, description="`most` counts for each category, brand or value of an attribute."
    )

    @model_validator(mode="after")
    def _says_how_many(self) -> Self:
        if self.least is None and self.most is None:
            msg = "a quota says `least`, `most`, or both"
            raise ValueError(msg)
        if self.least is not None and self.most is not None and self.least > self.most:
            msg = "least is above most"
            raise ValueError(msg)
        if self.per is not None and (self.most is None or self.least is not None):
            msg = "`per` goes with `most` alone"
            raise ValueError(msg)
        return self


class Effect(Part):
    """What a rule does: one of these."""

    exclude: Literal[True] | None = Field(None, description="Its items are in no list.")
    pin: Pin | None = None
    boost: Strength | None = Field(
        None, description="Adds so much to their score: 1 is as much as the best item has."
    )
    bury: Strength | None = Field(None, description="Takes as much from it.")
    quota: Quota | None = None
    count: Annotated[dict[Counted, Factor], Field(min_length=1)] | None = Field(
        None,
        description="How much what people do counts for lists, beside what the model makes of it: "
        "0 nothing, 1 as the model has it, 2 twice that. Such a rule is about no items and has no "
        "`where`. Of two that say it of one action the first counts.",
        examples=[{"wish": 0, "cart": 2}],
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(each is not None for each in self.__dict__.values()) != 1:
            kinds = [f"`{kind}`" for kind in get_args(Kind)]
            said = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
            msg = f"a rule does one thing: {said}"
            raise ValueError(msg)
        return self

    @property
    def kind(self) -> Kind:
        """Which one."""
        kinds: tuple[Kind, ...] = get_args(Kind)
        return next(kind for kind in kinds if getattr(self, kind) is not None)


class Rule(Part):
    """One rule."""

    id: RuleId = Field(description="Named in every list that it changes.", examples=["no-wine"])
    note: Note = Field("", description="For people: why.", examples=["Wine, from 18 on alone"])
    from_: AwareDatetime | None = Field(None, alias="from", strict=False)
    until: AwareDatetime | None = Field(None, strict=False, description="No more from then on.")
    when: RequestCondition | None = Field(None, description="Without it: for every request.")
    where: ItemCondition | None = Field(None, description="Without it: of all items.")
    do: Effect

    def holds_at(self, now: datetime) -> bool:
        """Say whether it is in force at a moment."""
        has_begun = self.from_ is None or self.from_ <= now
        return has_begun and (self.until is None or now < self.until)

    @property
    def is_relative(self) -> bool:
        """Whether the items that it is about depend on the one that is viewed."""
        return self.where is not None and self.where.is_relative

    @property
    def attribute_names(self) -> Iterator[str]:
        """The attributes of items that it looks at."""
        for condition in (self.where, *(self.when.viewed_conditions if self.when else ())):
            if condition is not None:
                yield from condition.attribute_names
        per = self.do.quota.per if self.do.quota else None
        if per is not None and per.startswith(ATTRIBUTE):
            yield per.removeprefix(ATTRIBUTE)

    @model_validator(mode="after")
    def _is_meant(self) -> Self:
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            msg = "it would end before it begins: `from` is not before `until`"
            raise ValueError(msg)
        if self.where is not None and self.do.kind == "count":
            msg = "`count` is about what people do, of whatever items: it has no `where`"
            raise ValueError(msg)
        if self.where is None and self.do.kind not in {"quota", "count"}:
            msg = f"`{self.do.kind}` needs `where`: which items it is about"
            raise ValueError(msg)
        for condition in (self.where, self.when):
            if condition is not None and condition.depth > DEEPEST:
                msg = f"there are more than {DEEPEST} conditions in each other"
                raise ValueError(msg)
        if self.when is not None and any(
            condition.is_relative for condition in self.when.viewed_conditions
        ):
            msg = "`viewed` cannot be compared with itself: `same` and `price_of_viewed` say where"
            raise ValueError(msg)
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _named(cls, said: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say of everything that is wrong with a rule which one it is."""
        try:
            return handler(said)
        except ValidationError as error:
            id = said.get("id") if isinstance(said, dict) else None
            if not isinstance(id, str):
                raise
            wrongs = [
                InitErrorDetails(
                    type=PydanticCustomError(
                        "rule_invalid",
                        "rule `{rule}`: {wrong}",
                        {"rule": id[:64], "wrong": wrong["msg"].removeprefix("Value error, ")},
                    ),
                    loc=tuple(step for step in wrong["loc"] if step not in {RANGE, NAMES}),
                    input=None,
                )
                for wrong in error.errors(include_url=False, include_input=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, wrongs) from None


def check_rules(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return rules that can stand in one book.

    Raises:
        ValueError: Two have the same name, or they look at too many attributes.
    """
    twice = [id for id, times in Counter(rule.id for rule in rules).items() if times > 1]
    if twice:
        msg = f"two rules are called `{twice[0]}`"
        raise ValueError(msg)
    seen: set[str] = set()
    for rule in rules:
        seen |= set(rule.attribute_names)
        if len(seen) > MOST_COLUMNS:
            msg = f"rule `{rule.id}`: all rules together look at {MOST_COLUMNS} attributes at most"
            raise ValueError(msg)
    return rules


class RuleBook(Part):
    """All rules of a shop, as somebody left them."""

    version: int = Field(ge=0, description="One more with each change.", examples=[3])
    author: str = Field(
        description="As in `GET /audit`: whoever changed them last.",
        examples=["key 3f9c1a20b7de"],
    )
    at: AwareDatetime = Field(strict=False, examples=["2026-11-27T09:30:00Z"])
    note: Note = Field("", description="Why they were changed.", examples=["Spring sale"])
    rules: tuple[Rule, ...] = Field(max_length=MOST_RULES, examples=[[EXAMPLE]])
