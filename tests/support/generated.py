"""The parts of documents that the code writes: `python -m tests.support.generated` does it.

settings     ─▶ the table in deploy/README.md
models       ─▶ the schemas at the end of docs/asyncapi.yaml
vocabularies ─▶ what others send, in docs/event-schema.md
mappings     ─▶ deploy/mappings/mapping.schema.json

The tests compare; nothing else depends on this file.
"""

import json
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from portrait.events.event import Event
from portrait.events.impression import Answer, Sighting
from portrait.events.item import Item
from portrait.events.post import Post
from portrait.opinions.alert import Alert
from portrait.reading.consents import Statement
from portrait.reading.events import read_events
from portrait.reading.mapping import MappingFile
from portrait.reading.unwanted import NotInterested
from portrait.reading.vocabularies.plain import ALIASES, TYPES
from portrait.segments.segment import Change
from portrait.settings import Settings, shown, told, variable
from tests.support.vocabularies import VOCABULARIES, Vocabulary

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "deploy" / "README.md"
EVENTS = ROOT / "docs" / "event-schema.md"
MAPPING = ROOT / "deploy" / "mappings" / "mapping.schema.json"
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"
TABLE_BEGINS = "<!-- Written by `python -m tests.support.generated`. -->\n"
TABLE_ENDS = "<!-- The end of what is written. -->\n"
SCHEMAS_BEGIN = "    # Written by `python -m tests.support.generated` from the models.\n"


def with_settings(document: str) -> str:
    """Return the document with the table of all settings as they are now."""
    before, rest = document.split(TABLE_BEGINS)
    _, after = rest.split(TABLE_ENDS)
    return f"{before}{TABLE_BEGINS}\n{settings_table()}\n{TABLE_ENDS}{after}"


def with_schemas(document: str) -> str:
    """Return the document with the schemas of all models as they are now."""
    before, _ = document.split(SCHEMAS_BEGIN)
    written = yaml.safe_dump(message_schemas(), sort_keys=False, allow_unicode=True, width=90)
    return before + SCHEMAS_BEGIN + indent(written, "    ")


def with_vocabularies(document: str) -> str:
    """Return the document with what every vocabulary says, as it is read now."""
    before, rest = document.split(TABLE_BEGINS)
    _, after = rest.split(TABLE_ENDS)
    sections = "\n".join([plain_section(), *map(vocabulary_section, VOCABULARIES)])
    return f"{before}{TABLE_BEGINS}\n{sections}\n{TABLE_ENDS}{after}"


def plain_section() -> str:
    """Write by which other names the fields of plain messages are known."""
    rows = [
        f"| {_listed(', '.join(names[1:]))} | `{ours}` |"
        for ours, names in ALIASES.items()
        if names[1:]
    ]
    types = f"| {_listed(', '.join(TYPES[1:]))} | `type` |"
    told = (
        "Messages of our own shape may call their fields otherwise, and say what was done by any "
        "name below."
    )
    return "\n".join([f"### Plain\n\n{told}\n", "| theirs | ours |\n|---|---|", types, *rows, ""])


def vocabulary_section(vocabulary: Vocabulary) -> str:
    """Write what one kind of producer sends, and how that is read."""
    example = vocabulary.examples[0]
    read = read_events(json.dumps(example.sent).encode())
    events = [json.loads(event.model_dump_json(exclude_unset=True)) for event in read.events]
    names, fields = vocabulary.names, vocabulary.fields
    return "\n".join(
        [
            f"### {vocabulary.name}\n",
            f"{vocabulary.about} Source: <{vocabulary.source}>.\n",
            f"```json\n{json.dumps(example.sent, indent=2, ensure_ascii=False)}\n```\n",
            "is read as\n",
            f"```json\n{json.dumps(events, indent=2, ensure_ascii=False)}\n```\n",
            "| theirs | ours |\n|---|---|",
            *(f"| {_listed(theirs)} | {_listed(ours)} |" for theirs, ours in fields.items()),
            *(f"| `{name}` | `{action}` |" for name, action in names.actions.items()),
            "",
            f"Passed over: {', '.join(f'`{name}`' for name in names.passed_over) or 'nothing'}.\n",
        ]
    )


def _listed(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def settings_table() -> str:
    """Write a row for every setting."""
    rows = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{shown(field.default)}`"
        rows.append(f"| `{variable(name)}` | {default} | {told(name)} |")
    return "\n".join(rows) + "\n"


def message_schemas() -> dict[str, Any]:
    """Return the JSON schemas of what may be published, by name."""
    models: list[Any] = [
        (Event, "validation"),
        (Item, "validation"),
        (Statement, "validation"),
        (NotInterested, "validation"),
        (Post, "validation"),
        (Alert, "serialization"),
        (Change, "serialization"),
        (Answer, "validation"),
        (Sighting, "validation"),
    ]
    _, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def main() -> None:
    """Write every part."""
    OPERATIONS.write_text(with_settings(OPERATIONS.read_text()))
    MAPPING.write_text(json.dumps(MappingFile.model_json_schema(), indent=2) + "\n")
    EVENTS.write_text(with_vocabularies(EVENTS.read_text()))
    ASYNCAPI.write_text(with_schemas(ASYNCAPI.read_text()))


if __name__ == "__main__":
    main()
