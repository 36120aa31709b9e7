"""Field errors: what is wrong with what somebody sent, in words that repeat nothing of it."""

from collections.abc import Iterable

from pydantic import ValidationError

MOST_REASONS = 4  # told of one record

Place = tuple[str | int, ...]


def reasons(error: ValidationError) -> str:
    """Say which fields are wrong and how: the first few, and nothing that was sent."""
    return told(places(error))


def places(error: ValidationError) -> list[tuple[Place, str]]:
    """Return where each of the problems lies, and of what kind it is."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return [(each["loc"], each["type"]) for each in problems]


def told(problems: Iterable[tuple[Place, str]]) -> str:
    """Say the first few of the problems in a line."""
    lines = dict.fromkeys(f"{field_of(place)}: {kind}" for place, kind in problems)
    return "; ".join([*lines][:MOST_REASONS]) + ("; and more" if len(lines) > MOST_REASONS else "")


def field_of(place: Place) -> str:
    """Name a field. What lies inside of `attributes` and `declared` the sender has named."""
    named = [at for at, name in enumerate(place) if name in {"attributes", "declared"}]
    ours = place[: named[0] + 1] if named else place
    return ".".join(map(str, ours)) or "payload"
