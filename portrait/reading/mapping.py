"""Mapping: a file in which a shop declares how messages of its own are read. No code runs.

One `Rule` reads one kind of message. A path names a field through nested objects, `customer.id`,
and a place in a list, `addresses.0.city`; with `each`, a rule reads every object of a list, and
`each.` begins the paths inside it. What a rule gives is read like everything else: its numbers,
moments and ids may be written in any of the common ways. A purchase of less than nothing is a
return.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from portrait.events.event import Action
from portrait.reading.acts import MOST_PRODUCTS, TOO_MANY, Acts, part_id
from portrait.reading.names import ALL
from portrait.reading.values import Fields, as_json, as_text, as_whole, is_said, objects, said
from portrait.yaml_file import YamlFile, as_said

EACH = "each"
EventField = Literal[
    "event_id",
    "type",
    "user_id",
    "anonymous_id",
    "session_id",
    "item_id",
    "order_id",
    "quantity",
    "price",
    "currency",
    "text",
    "rating",
    "recommendation_id",
    "declared",
    "occurred_at",
    "sent_at",
    "item.title",
    "item.category",
    "item.brand",
    "item.price",
    "item.attributes",
]
ItemField = Literal[
    "id",
    "title",
    "category",
    "brand",
    "price",
    "currency",
    "attributes",
    "available",
    "available_from",
    "available_until",
    "group_id",
    "withdrawn",
]
Constant = str | int | float | bool


def _worded(value: Any) -> Any:  # noqa: ANN401 - of YAML
    """Return a table with its names as text: YAML reads 1 and yes as what they look like."""
    return (
        {as_text(name): each for name, each in value.items()} if isinstance(value, dict) else value
    )


class Source(BaseModel):
    """Where a field's value comes from: the first path that says something."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | list[str] | None = Field(None, description="Where it stands; of several the first.")
    constant: Constant | None = Field(None, description="The same for every message.")
    join: list[str] | None = Field(None, description="Paths whose values are put together.")
    by: str = Field(":", description="What stands between them.", max_length=8)
    values: Annotated[dict[str, Constant], BeforeValidator(_worded)] | None = Field(
        None, description="What their values mean; what is not named here is not said."
    )
    format: str | None = Field(None, description="Of a moment, by strptime: `%d.%m.%Y %H:%M`.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Source":
        if sum(each is not None for each in (self.path, self.constant, self.join)) != 1:
            msg = "one of `path`, `constant` and `join` says where the value comes from"
            raise ValueError(msg)
        return self

    @field_validator("format")
    @classmethod
    def _is_of_moments(cls, format: str | None) -> str | None:
        if format is not None:
            if "%" not in format:
                msg = "no format of a moment, as `%Y-%m-%d %H:%M` is one: see `strptime` of Python"
                raise ValueError(msg)
            try:
                datetime.strptime(datetime.now(UTC).strftime(format), format)  # noqa: DTZ007
            except ValueError:
                msg = "no format of a moment: see `strptime` of Python"
                raise ValueError(msg) from None
        return format

    @property
    def paths(self) -> list[str]:
        """Every path that is looked at."""
        several = [self.path] if isinstance(self.path, str) else self.path or []
        return [*several, *(self.join or ())]


def _kind(value: object) -> str:
    return "paths" if isinstance(value, list) else "path" if isinstance(value, str) else "more"


From = Annotated[
    Annotated[str, Tag("path")]
    | Annotated[list[str], Tag("paths")]
    | Annotated[Source, Tag("more")],
    Discriminator(_kind),
]


def _paths(source: From) -> list[str]:
    if isinstance(source, Source):
        return source.paths
    return [source] if isinstance(source, str) else source


class Rule(BaseModel):
    """How one kind of message is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, description="What people call these messages.")
    when: dict[str, Constant | list[Constant] | Literal["said"]] = Field(
        default_factory=dict,
        description="Which messages: by path, a value, several, or `said` for any.",
    )
    each: str | None = Field(None, description="A list: every object of it is an event of its own.")
    passed_over: bool = Field(default=False, description="Known, and of no interest.")
    fields: Mapping[str, From] = Field(
        default_factory=dict,
        description="Our fields by name: a path, several of which the first counts that says "
        "something, or more about where it comes from.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.fields and not self.passed_over:
            msg = "it says no fields, nor `passed_over: true`"
            raise ValueError(msg)
        return self

    @field_validator("fields")
    @classmethod
    def _names_what_is_done(cls, fields: Mapping[str, From]) -> Mapping[str, From]:
        source = fields.get("type")
        if isinstance(source, Source):
            for name in [source.constant, *(source.values or {}).values()]:
                if name is not None and not isinstance(ALL.find(name), Action):
                    msg = f"type: {name!r} is no action; there are {', '.join(Action)}"
                    raise ValueError(msg)
        return fields

    @model_validator(mode="after")
    def _knows_each(self) -> Self:
        if self.each is None:
            for name, source in self.fields.items():
                if any(path.partition(".")[0] == EACH for path in _paths(source)):
                    msg = f"{name}: its path begins with `each`, and no `each` says of which list"
                    raise ValueError(msg)
        return self


class EventRule(Rule):
    """How one kind of message of events is read."""

    fields: dict[EventField, From] = Field(default_factory=dict)  # type: ignore[assignment] # of fewer names


class ItemRule(Rule):
    """How one kind of message of the catalogue is read."""

    fields: dict[ItemField, From] = Field(default_factory=dict)  # type: ignore[assignment] # likewise


class MappingFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    events: list[EventRule] = Field(default_factory=list)
    items: list[ItemRule] = Field(default_factory=list)
    categories: dict[str, str] = Field(
        default_factory=dict, description="Paths of categories by the ids that messages name."
    )


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rules, as they are asked."""

    events: tuple[Rule, ...] = ()
    items: tuple[Rule, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)

    def event(self, message: Fields, topic: Action | None = None) -> Acts | None:
        """Read a message by the first rule that is for it; None: none is.

        Args:
            message: What it says.
            topic: What was done, by the topic, where the rule does not say it.
        """
        rule = _rule_for(message, self.events)
        if rule is None:
            return None
        read = [] if rule.passed_over else [*_fields_of(rule, message)]
        if not read:  # or a list in which nothing is
            return Acts(passed_over=[rule.name])
        refusals = [TOO_MANY] if len(read) > MOST_PRODUCTS else []
        if topic is None and _is_unmapped(rule, message, read):
            return Acts(refusals=[f'type: what it says is not among the values of "{rule.name}"'])
        read = read[:MOST_PRODUCTS]
        if len({as_json(fields.get("event_id")) for fields in read}) < len(read):
            for place, fields in enumerate(read):
                fields["event_id"] = part_id(fields.get("event_id"), place)
        of_items = [fields for fields in read if is_said(fields.get("item_id"))]
        others = [rule.name] if 0 < len(of_items) < len(read) else []  # tips, fees and the like
        told = of_items if others else read
        return Acts([_event(fields, topic) for fields in told], others, refusals)

    def names_of(self, field: EventField) -> frozenset[str]:
        """Return what messages call a field of events: the last part of each of its paths."""
        sources = [rule.fields[field] for rule in self.events if field in rule.fields]
        return frozenset(path.rpartition(".")[2] for each in sources for path in _paths(each))

    def rule_of(self, message: Fields) -> str | None:
        """Return the name of the rule that a message is read by; None: none is for it."""
        found = _rule_for(message, self.events) or _rule_for(message, self.items)
        return None if found is None else found.name

    def item(self, message: Fields) -> list[Fields] | None:
        """Return the items of a message by the first rule that is for it; None: none is."""
        rule = _rule_for(message, self.items)
        if rule is None:
            return None
        return [] if rule.passed_over else [*_fields_of(rule, message)][:MOST_PRODUCTS]


def read_mapping(path: Path) -> Mapped:
    """Read a mapping file.

    Raises:
        SettingsInvalidError: It cannot be read; says in which line.
    """
    written = YamlFile.open(path, "PORTRAIT_MAPPING")
    file = written.read(MappingFile, _wrong_word, _TAGS)
    if not (file.events or file.items or file.categories):
        raise written.wrong([], "it says nothing: there are no rules under `events` or `items`")
    return Mapped(tuple(file.events), tuple(file.items), file.categories)


_TAGS = ("path", "paths", "more", "[key]")  # of places in errors, beside names


def _wrong_word(error: Any) -> str:  # noqa: ANN401 - pydantic's
    """Say what is wrong, and of a field that is none, which there are."""
    if error["loc"] and error["loc"][-1] == "[key]":
        return f"no such field; there are {error['ctx']['expected']}"
    if error["type"] == "extra_forbidden":
        return "there is no such word in a mapping"
    return as_said(error)


def _rule_for(message: Fields, rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if _is_for(rule, message)), None)


def _is_for(rule: Rule, message: Fields) -> bool:
    for path, wanted in rule.when.items():
        value = _at(message, path)
        if not is_said(value):
            return False
        values = wanted if isinstance(wanted, list) else [wanted]
        if wanted != "said" and value not in values and str(value) not in map(str, values):
            return False
    return True


def _is_unmapped(rule: Rule, message: Fields, read: Sequence[Fields]) -> bool:
    """Say whether a message names what was done by a word that its rule does not."""
    source = rule.fields.get("type")
    if not isinstance(source, Source) or source.values is None:
        return False
    is_worded = is_said(_first_at((message, {}), source.path or []))
    return is_worded and not any(is_said(fields.get("type")) for fields in read)


def _fields_of(rule: Rule, message: Fields) -> Iterator[Fields]:
    """Yield what a rule reads of a message, or of each object of a list in it."""
    elements = [{}] if rule.each is None else objects(_at(message, rule.each))
    for each in islice(elements, MOST_PRODUCTS + 1):
        yield {name: _value((message, each), source) for name, source in rule.fields.items()}


Scope = tuple[Fields, Fields]  # a message, and the object of a list in it that is read


def _value(scope: Scope, source: From) -> Any:  # noqa: ANN401 - as it was sent
    if not isinstance(source, Source):
        return _first_at(scope, source)
    if source.constant is not None:
        return source.constant
    if source.join is not None:
        parts = [_in(scope, path) for path in source.join]
        return source.by.join(map(str, parts)) if all(map(is_said, parts)) else None
    value = _first_at(scope, source.path or [])
    if source.values is not None:
        return source.values.get(str(as_text(value)))
    if source.format is not None and isinstance(value, str):
        return _parsed(value, source.format)
    return value


def _first_at(scope: Scope, paths: str | list[str]) -> Any:  # noqa: ANN401 - as it was sent
    """Return what the first path says that says something; None if none does."""
    several = [paths] if isinstance(paths, str) else paths
    return next((v for path in several if is_said(v := _in(scope, path))), None)


def _parsed(text: str, format: str) -> object:
    """Read a moment by a format; without an offset in it, in the shop's zone."""
    try:
        moment = datetime.strptime(text.strip(), format)  # noqa: DTZ007 - the zone is added later
        return moment.isoformat() if moment.tzinfo is None else moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


def _in(scope: Scope, path: str) -> Any:  # noqa: ANN401 - as it was sent
    """Follow a path: what begins with `each`, in the object of the list."""
    message, each = scope
    first, _, rest = path.partition(".")
    if first == EACH and rest:
        return _at(each, rest)
    return _at(message, path)


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - as it was sent
    """Follow a path: names of fields, and numbers of places in lists."""
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _event(fields: Fields, topic: Action | None) -> Fields:
    """Return fields of an event: `type` as an action, those of its item in an object."""
    found = ALL.find(fields["type"]) if is_said(fields.get("type")) else topic
    item = {name[5:]: value for name, value in fields.items() if name.startswith("item.")}
    rest = {name: value for name, value in fields.items() if not name.startswith("item.")}
    rest["type"] = found if isinstance(found, Action) else None
    pieces = as_whole(rest.get("quantity"))
    if found is Action.PURCHASE and isinstance(pieces, int) and pieces < 0:  # as tills write it
        rest |= {"type": Action.RETURN, "quantity": -pieces}
    return rest | ({"item": item} if said(item) else {})
