"""The desk: intents, replies, constants and rules of one shop, as its people write them.

    intents.yml     what customers want: names, descriptions, examples
    replies.yml     what is answered, with slots; and the constants that fill some of them
    rules.yml       when a person takes over
    help/*.jsonl    passages of the shop's own help texts: `portrait assist import`

A desk is data: a word that is not foreseen is an error, and nothing in it runs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from portrait.errors import PortraitError
from portrait.helpdesk.harmful import harm_in
from portrait.helpdesk.passages import Passage
from portrait.helpdesk.texts import normal

MOST_INTENTS, MOST_EXAMPLES, MOST_REPLIES = 500, 200, 2_000
LONGEST_REPLY = 2_000  # characters, slots unfilled

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Mood = Literal["upset", "neutral", "pleased"]

ITEM_FACTS = frozenset({"id", "title", "category", "brand", "price"})
PROFILE_FACTS = frozenset({"interest", "brand", "last_item", "last_purchase"})
_FACT = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _is_source(source: str) -> str:
    """Refuse what no slot can be filled from."""
    kind, _, name = source.partition(".")
    known = {"item": ITEM_FACTS, "profile": PROFILE_FACTS}
    free = kind in {"order", "constant"} and _FACT.fullmatch(name) is not None
    if not free and name not in known.get(kind, ()):
        listed = ", ".join(f"{kind}.{name}" for kind in known for name in sorted(known[kind]))
        msg = f"{source} is no source; there are order.FACT, constant.NAME, {listed}"
        raise ValueError(msg)
    return source


Source = Annotated[str, AfterValidator(_is_source)]


class DeskNotReadError(PortraitError):
    """The help desk is still being read: try again in a moment."""


class Written(BaseModel):
    """What people write: a word that is not foreseen is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Intent(Written):
    """Something that customers want."""

    id: Name
    name: Words = Field(description="In a few words, in any language that the encoder reads.")
    description: Words | None = Field(None, description="What belongs to it, in a sentence or two.")
    examples: tuple[Words, ...] = Field((), max_length=MOST_EXAMPLES, description="Messages.")

    @property
    def words(self) -> list[str]:
        """What describes it, for whoever has no label yet."""
        said = [self.name, *([self.description] if self.description else [])]
        return [*said, *self.examples]


class Reply(Written):
    """A template: text with slots, each filled from one declared source or not at all."""

    id: Name
    intent: Name
    language: Language
    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_REPLY)]
    slots: Mapping[str, Source] = Field(
        default_factory=dict,
        description="Each slot's source: `order.FACT` of the request, `item.title`, "
        "`profile.interest`, `constant.NAME`.",
    )

    @field_validator("text")
    @classmethod
    def _is_fit(cls, text: str) -> str:
        try:
            named = _named_in(text)
        except ValueError:
            msg = "a brace is left open; one that is meant is written twice"
            raise ValueError(msg) from None
        if any(not name.isidentifier() for name in named):
            msg = "a slot is written {like_this}, without anything else in the braces"
            raise ValueError(msg)
        if found := harm_in(text):
            msg = f"it would hurt: `{found}` is in portrait/helpdesk/harmful.toml"
            raise ValueError(msg)
        return text.strip()

    @model_validator(mode="after")
    def _declares_its_slots(self) -> Self:
        for name in sorted(self.named ^ self.slots.keys()):
            what = "has no source" if name in self.named else "is not in the text"
            msg = f"the slot {{{name}}} {what}"
            raise ValueError(msg)
        return self

    @property
    def named(self) -> frozenset[str]:
        """The slots in its text."""
        return frozenset(_named_in(self.text))


class HandOver(Written):
    """A rule: when all that it names holds, a person takes over."""

    because: Words = Field(description="What the person who takes over is told.")
    intents: frozenset[Name] = frozenset()
    words: tuple[Words, ...] = Field((), description="Any of these is in the message.")
    below: float | None = Field(None, ge=0, le=1, description="The likeliest intent is less sure.")
    mood: Mood | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.intents or self.words or self.below is not None or self.mood):
            msg = "it names none of `intents`, `words`, `below` and `mood`"
            raise ValueError(msg)
        return self


class IntentsFile(Written):
    """intents.yml."""

    intents: tuple[Intent, ...] = Field(min_length=2, max_length=MOST_INTENTS)


class RepliesFile(Written):
    """replies.yml."""

    constants: Mapping[str, Words] = Field(default_factory=dict)
    replies: tuple[Reply, ...] = Field((), max_length=MOST_REPLIES)


class RulesFile(Written):
    """rules.yml."""

    certain: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Below this probability nothing is said of the intent; without it, where "
        "training found that 98 of 100 are right.",
    )
    hand_over: tuple[HandOver, ...] = ()


@dataclass(frozen=True)  # without slots: it remembers what it has looked up
class Desk:
    """A whole desk."""

    version: str
    intents: tuple[Intent, ...]
    constants: Mapping[str, str]
    replies: tuple[Reply, ...]
    rules: RulesFile
    passages: tuple[Passage, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Intent]:
        """The intents by their ids."""
        return {intent.id: intent for intent in self.intents}

    @cached_property
    def by_example(self) -> Mapping[str, str]:
        """The intents' ids by the normal texts of their examples."""
        return {normal(text): intent.id for intent in self.intents for text in intent.examples}


def _named_in(text: str) -> list[str]:
    """Return the names in braces.

    Raises:
        ValueError: A brace is left open.
    """
    return [
        f"{name}{'!' * bool(turned)}{':' * bool(format)}"
        for _, name, format, turned in Formatter().parse(text)
        if name is not None
    ]
