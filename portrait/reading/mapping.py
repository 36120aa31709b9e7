"""Mapping: a file in which a shop declares how messages of its own are read. No code runs.

One `Rule` reads one kind of message. A path names a field through nested objects, `customer.id`,
and a place in a list, `addresses.0.city`; with `each`, a rule reads every object of a list, and
`each.` begins the paths inside it. What a rule gives is read like everything else: its numbers,
moments and ids may be written in any of the common ways. A purchase of less than nothing is a
return.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from portrait.errors import SettingsInvalidError
from portrait.events.event import Action
from portrait.reading.acts import Acts, part_id
from portrait.reading.names import ALL
from portrait.reading.values import Fields, as_whole, is_said, objects, said

EACH = "each"
EVENT_FIELDS = (
    *("event_id", "type", "user_id", "anonymous_id", "session_id", "item_id", "order_id"),
    *("quantity", "price", "currency", "text", "rating", "recommendation_id"),
    *("occurred_at", "sent_at"),
    *("item.title", "item.category", "item.brand", "item.price", "item.attributes"),
)
ITEM_FIELDS = (
    *("id", "title", "category", "brand", "price", "currency", "attributes", "available"),
    *("available_from", "available_until", "group_id", "withdrawn"),
)
Constant = str | int | float | bool


class Source(BaseModel):
    """Where a field's value comes from: the first path that says something."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | list[str] | None = Field(None, description="Where it stands; of several the first.")
    constant: Constant | None = Field(None, description="The same for every message.")
    join: list[str] | None = Field(None, description="Paths whose values are put together.")
    by: str = Field(":", description="What stands between them.", max_length=8)
    values: dict[str, Constant] | None = Field(
        None, description="What their values mean; what is not named here is not said."
    )
    format: str | None = Field(None, description="Of a moment, by strptime: `%d.%m.%Y %H:%M`.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Source":
        if sum(each is not None for each in (self.path, self.constant, self.join)) != 1:
            msg = "one of `path`, `constant` and `join` says where the value comes from"
            raise ValueError(msg)
        return self


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
    fields: dict[str, str | list[str] | Source] = Field(
        default_factory=dict,
        description="Our fields by name: a path, several of which the first counts that says "
        "something, or more about where it comes from.",
    )


class MappingFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    events: list[Rule] = Field(default_factory=list)
    items: list[Rule] = Field(default_factory=list)
    categories: dict[str, str] = Field(
        default_factory=dict, description="Paths of categories by the ids that messages name."
    )

    @model_validator(mode="after")
    def _knows_its_fields(self) -> "MappingFile":
        for rules, names in ((self.events, EVENT_FIELDS), (self.items, ITEM_FIELDS)):
            for rule in rules:
                unknown = [name for name in rule.fields if name not in names]
                if unknown:
                    msg = (
                        f"rule `{rule.name}`: no field `{unknown[0]}`; there are {', '.join(names)}"
                    )
                    raise ValueError(msg)
                if not rule.fields and not rule.passed_over:
                    msg = f"rule `{rule.name}` says no fields, nor `passed_over: true`"
                    raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rules, as they are asked."""

    events: tuple[Rule, ...] = ()
    items: tuple[Rule, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)

    def event(self, message: Fields) -> Acts | None:
        """Read a message by the first rule that is for it; None: none is."""
        rule = _rule_for(message, self.events)
        if rule is None:
            return None
        if rule.passed_over:
            return Acts(passed_over=[rule.name])
        read = [_fields(rule, message, each) for each in _elements(rule, message)]
        if len(read) > 1 and len({fields.get("event_id") for fields in read}) < len(read):
            for place, fields in enumerate(read):
                fields["event_id"] = part_id(fields.get("event_id"), place)
        return Acts([_event(fields) for fields in read])

    def rule_of(self, message: Fields) -> str | None:
        """Return the name of the rule that a message is read by; None: none is for it."""
        found = _rule_for(message, self.events) or _rule_for(message, self.items)
        return None if found is None else found.name

    def item(self, message: Fields) -> list[Fields] | None:
        """Return the items of a message by the first rule that is for it; None: none is."""
        rule = _rule_for(message, self.items)
        if rule is None:
            return None
        if rule.passed_over:
            return []
        return [_fields(rule, message, each) for each in _elements(rule, message)]


def read_mapping(path: Path) -> Mapped:
    """Read a mapping file.

    Raises:
        SettingsInvalidError: It cannot be read; says in which line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"PORTRAIT_MAPPING: {path} cannot be read ({type(error).__name__})"
        raise SettingsInvalidError(msg) from error
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        file = MappingFile.model_validate(yaml.safe_load(text) or {})
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        msg = f"PORTRAIT_MAPPING: {path}, line {line}: {error.problem}"
        raise SettingsInvalidError(msg) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        line = _line_of(node, first["loc"])
        where = ".".join(map(str, first["loc"])) or "the file"
        msg = f"PORTRAIT_MAPPING: {path}, line {line}: {where}: {first['msg']}"
        raise SettingsInvalidError(msg) from error
    return Mapped(tuple(file.events), tuple(file.items), file.categories)


def _line_of(node: Any, place: Sequence[str | int]) -> int:  # noqa: ANN401 - yaml is untyped
    """Return the line in which a field stands, as near as can be told."""
    line = node.start_mark.line + 1 if node is not None else 1
    for name in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(name, int):
            node = node.value[name] if name < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            key, node = pairs.get(str(name), (None, node))
            line = key.start_mark.line + 1 if key is not None else line
            continue
        if node is None:
            break
        line = node.start_mark.line + 1
    return int(line)


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


def _elements(rule: Rule, message: Fields) -> list[Fields]:
    return [{}] if rule.each is None else objects(_at(message, rule.each))


def _fields(rule: Rule, message: Fields, each: Fields) -> Fields:
    """Return what a rule reads of a message, or of one object of a list in it."""
    scope = {**message, EACH: each}
    return {name: _value(scope, source) for name, source in rule.fields.items()}


def _value(scope: Fields, source: str | list[str] | Source) -> Any:  # noqa: ANN401 - as it was sent
    if isinstance(source, str | list):
        return _first_at(scope, source)
    if source.constant is not None:
        return source.constant
    if source.join is not None:
        parts = [_at(scope, path) for path in source.join]
        return source.by.join(map(str, parts)) if all(map(is_said, parts)) else None
    value = _first_at(scope, source.path or [])
    if source.values is not None:
        return source.values.get(str(value))
    if source.format is not None and isinstance(value, str):
        return _parsed(value, source.format)
    return value


def _first_at(scope: Fields, paths: str | list[str]) -> Any:  # noqa: ANN401 - as it was sent
    """Return what the first path says that says something; None if none does."""
    several = [paths] if isinstance(paths, str) else paths
    return next((v for path in several if is_said(v := _at(scope, path))), None)


def _parsed(text: str, format: str) -> object:
    """Read a moment by a format; without an offset in it, in the shop's zone."""
    try:
        moment = datetime.strptime(text.strip(), format)  # noqa: DTZ007 - the zone is added later
    except ValueError:
        return text
    return moment.isoformat() if moment.tzinfo is None else moment.astimezone(UTC).isoformat()


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


def _event(fields: Fields) -> Fields:
    """Return fields of an event: `type` as an action, those of its item in an object."""
    found = ALL.find(fields.get("type"))
    item = {name[5:]: value for name, value in fields.items() if name.startswith("item.")}
    rest = {name: value for name, value in fields.items() if not name.startswith("item.")}
    rest["type"] = found if isinstance(found, Action) else None
    pieces = as_whole(rest.get("quantity"))
    if found is Action.PURCHASE and isinstance(pieces, int) and pieces < 0:  # as tills write it
        rest |= {"type": Action.RETURN, "quantity": -pieces}
    return rest | ({"item": item} if said(item) else {})
