"""The parts of documents that the code writes: `python -m tests.support.generated` does it.

settings ─▶ the table in deploy/README.md
models   ─▶ the schemas at the end of docs/asyncapi.yaml

The tests compare; nothing else depends on this file.
"""

from pathlib import Path
from textwrap import indent
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from portrait.events.event import Event
from portrait.events.item import Item
from portrait.settings import Settings, shown, variable

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "deploy" / "README.md"
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


def settings_table() -> str:
    """Write a row for every setting."""
    rows = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{shown(field.default)}`"
        rows.append(f"| `{variable(name)}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def message_schemas() -> dict[str, Any]:
    """Return the JSON schemas of what may be published, by name."""
    models: list[Any] = [(Event, "validation"), (Item, "validation")]
    _, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def main() -> None:
    """Write every part."""
    OPERATIONS.write_text(with_settings(OPERATIONS.read_text()))
    ASYNCAPI.write_text(with_schemas(ASYNCAPI.read_text()))


if __name__ == "__main__":
    main()
