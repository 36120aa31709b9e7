"""A model's arrays on Redis: small enough to lie where everybody who serves them looks anyway.

model:<version>  `manifest` (JSON), `space` and `learned` (safetensors), beside what is told of it

The text encoder's weights, if they were trained, lie in the artifact store.
"""

import json
from collections.abc import Sequence

from safetensors import SafetensorError
from safetensors.numpy import load, save

from portrait.errors import ModelInvalidError, SpaceMismatchError
from portrait.model.learned import Learned
from portrait.model.model import Model
from portrait.model.space import Space

ARRAYS = ["manifest", "space", "learned"]  # fields of a model's key
# What reading a damaged model's parts raises.
DAMAGED = (SafetensorError, KeyError, IndexError, TypeError, ValueError, SpaceMismatchError)

Fields = dict[str | bytes | bytearray | memoryview | int | float, str | bytes]


def write_fields(model: Model) -> Fields:
    """Return a model as its key's fields; a model that learned nothing has no `learned`."""
    manifest = {
        "version": model.version,
        "encoder": model.space.encoder,
        "space_id": model.space_id,
        "text_space_id": model.space.id,
    }
    fields: Fields = {
        "manifest": json.dumps(manifest),
        "space": save({"mean": model.space.mean, "axes": model.space.axes}),
    }
    if model.learned is not None:
        fields["learned"] = save(model.learned.to_arrays())
    return fields


def read_fields(version: str, found: Sequence[object]) -> Model | None:
    """Return the model that the fields `ARRAYS` hold; None if they are not there.

    Raises:
        ModelInvalidError: They are damaged, or of another layout.
    """
    manifest, space, learned = found
    if not isinstance(manifest, bytes) or not isinstance(space, bytes):
        return None
    try:
        return _model(version, manifest, space, learned)
    except DAMAGED as error:
        msg = f"{version}: its arrays are damaged, or of another layout"
        raise ModelInvalidError(msg) from error


def _model(version: str, manifest: bytes, space: bytes, learned: object) -> Model:
    arrays = load(space)
    return Model(
        version,
        Space(json.loads(manifest)["encoder"], arrays["mean"], arrays["axes"]),
        Learned.from_arrays(load(learned)) if isinstance(learned, bytes) else None,
    )
