"""Field errors: what is wrong with what somebody sent, in words that repeat nothing of it."""

from pydantic import ValidationError

MOST_REASONS = 4  # told of one record


def reasons(error: ValidationError) -> str:
    """Say which fields are wrong and how: the first few, and nothing that was sent."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = dict.fromkeys(f"{_field_of(each['loc'])}: {each['type']}" for each in problems)
    return "; ".join([*told][:MOST_REASONS]) + ("; and more" if len(told) > MOST_REASONS else "")


def _field_of(place: tuple[str | int, ...]) -> str:
    """Name a field. What lies inside of `attributes` the sender has named."""
    ours = place[: place.index("attributes") + 1] if "attributes" in place else place
    return ".".join(map(str, ours)) or "payload"
