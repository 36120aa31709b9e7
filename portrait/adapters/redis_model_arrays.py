"""A model's arrays on Redis: small enough to lie where everybody who serves them looks anyway.

model:<version>  `manifest` (JSON), `space` and `learned` (safetensors), beside what is told of it;
                 of large ones `learned` goes on in `learned:1`, `learned:2` ...: see PART

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
PART = 256 * 2**20  # bytes of one field: Redis takes 512 MB of a value, and 1 GB of a command
MOST_PARTS = 64  # that a manifest may name
# What reading a damaged model's parts raises.
DAMAGED = (SafetensorError, KeyError, IndexError, TypeError, ValueError, SpaceMismatchError)

Fields = dict[str | bytes | bytearray | memoryview | int | float, str | bytes | memoryview]


def write_fields(model: Model) -> tuple[Fields, Sequence[Fields]]:
    """Return a model as its key's fields, and those that have to be there before, one by one.

    A model that learned nothing has no `learned`.
    """
    manifest: dict[str, object] = {
        "version": model.version,
        "encoder": model.space.encoder,
        "space_id": model.space_id,
        "text_space_id": model.space.id,
    }
    space = save({"mean": model.space.mean, "axes": model.space.axes})
    if model.learned is None:
        return {"manifest": json.dumps(manifest), "space": space}, ()
    first, *others = _parts(save(model.learned.to_arrays()))
    if others:
        manifest["parts"] = 1 + len(others)
    fields: Fields = {"manifest": json.dumps(manifest), "space": space, "learned": first}
    return fields, [{_part(number): part} for number, part in enumerate(others, 1)]


def further_fields(found: Sequence[object]) -> list[str]:
    """Name the fields beside `ARRAYS`, whose values these are, that a model has."""
    manifest = found[0]
    try:
        parts = json.loads(manifest).get("parts", 1) if isinstance(manifest, bytes) else 1
    except (ValueError, AttributeError):
        return []  # `read_fields` says what is wrong with it
    most = min(parts, MOST_PARTS) if isinstance(parts, int) else 1
    return [_part(number) for number in range(1, most)]


def read_fields(
    version: str, found: Sequence[object], further: Sequence[object] = ()
) -> Model | None:
    """Return the model that the fields `ARRAYS`, and further ones, hold; None: it is not there.

    Raises:
        ModelInvalidError: They are damaged, or of another layout.
    """
    manifest, space, learned = found
    if not isinstance(manifest, bytes) or not isinstance(space, bytes):
        return None
    try:
        return _model(version, manifest, space, _joined(learned, further))
    except DAMAGED as error:
        msg = f"{version}: its arrays are damaged, or of another layout"
        raise ModelInvalidError(msg) from error


def _parts(whole: bytes) -> list[memoryview]:
    view = memoryview(whole)
    return [view[start : start + PART] for start in range(0, len(whole), PART)]


def _part(number: int) -> str:
    return f"learned:{number}"


def _joined(learned: object, further: Sequence[object]) -> object:
    """Put the parts together; raises TypeError where one is not there."""
    return b"".join([learned, *further]) if further else learned  # type: ignore[list-item] # as said


def _model(version: str, manifest: bytes, space: bytes, learned: object) -> Model:
    arrays = load(space)
    return Model(
        version,
        Space(json.loads(manifest)["encoder"], arrays["mean"], arrays["axes"]),
        Learned.from_arrays(load(learned)) if isinstance(learned, bytes) else None,
    )
