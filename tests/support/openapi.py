"""What readers of an OpenAPI document make of its schemas."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def example_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - any JSON
    """Compose an example from those of the fields, as Swagger UI does.

    Raises:
        KeyError: A field has none, and none follows from its type.
    """
    for said in ("examples", "enum"):
        if said in schema:
            return schema[said][0]
    for said in ("const", "default"):
        if said in schema:
            return schema[said]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    if "items" in schema:
        return [example_of(schema["items"], schemas)]
    return {name: example_of(each, schemas) for name, each in schema["properties"].items()}
