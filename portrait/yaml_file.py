"""YAML files that people write: what is wrong in one is told with its name and line."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from portrait.errors import SettingsInvalidError

Model = TypeVar("Model", bound=BaseModel)
Place = Sequence[str | int]  # names of fields, and numbers of places in lists


def as_said(error: Any) -> str:  # noqa: ANN401 - pydantic's
    """Say what is wrong in pydantic's words."""
    if error["type"] == "extra_forbidden":
        return "there is no such word here"
    return str(error["msg"]).removeprefix("Value error, ")


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file that is YAML, whatever it says."""

    setting: str  # that names it, or its folder
    path: Path
    node: Any  # where everything stands; yaml is untyped
    said: Any

    @classmethod
    def open(cls, path: Path, setting: str) -> Self:
        """Open a file.

        Raises:
            SettingsInvalidError: It cannot be read, or is no YAML; says in which line.
        """
        file = cls(setting, path, None, None)
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise file.wrong_at(line, "not UTF-8") from error
        except OSError as error:
            msg = f"{setting}: {path} cannot be read ({type(error).__name__})"
            raise SettingsInvalidError(msg) from error
        try:
            node = yaml.compose(text, yaml.SafeLoader)
            for key in _repeated(node):
                raise file.wrong_at(key.start_mark.line + 1, f"`{key.value}` stands there before")
            return cls(setting, path, node, yaml.safe_load(text))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise file.wrong_at(line, str(error.problem)) from error
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise file.wrong_at(line, "a character that YAML does not allow") from error

    def read(
        self,
        model: type[Model],
        told: Callable[[Any], str] = as_said,
        tags: Collection[str] = (),
    ) -> Model:
        """Read it as a model.

        Args:
            model: What it should be.
            told: Says what is wrong, of an error of pydantic's.
            tags: What pydantic puts into places that stands in no file.

        Raises:
            SettingsInvalidError: It is something else; says in which line.
        """
        try:
            return model.model_validate(self.said or {})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = [name for name in first["loc"] if name not in tags]
            where = ".".join(map(str, place)) or "the file"
            raise self.wrong(place, f"{where}: {told(first)}") from error

    def wrong(self, place: Place, what: str) -> SettingsInvalidError:
        """Return the error that says what is wrong at a place."""
        return self.wrong_at(self._line_of(place), what)

    def wrong_at(self, line: int, what: str) -> SettingsInvalidError:
        """Return the error that says what is wrong in a line."""
        return SettingsInvalidError(f"{self.setting}: {self.path}, line {line}: {what}")

    def _line_of(self, place: Place) -> int:
        """Return the line in which a field stands, as near as can be told."""
        node = self.node
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


def _repeated(node: Any) -> Iterator[Any]:  # noqa: ANN401 - yaml is untyped
    """Yield the keys that stand twice in one table."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _repeated(each)
