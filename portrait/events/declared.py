"""Declared: what a shop says of its customers beside what they do, as a region or a membership.

What makes groups of them is a setting, regions and memberships unless it is said: an age, an income
or a sex makes none until the shop names it there.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints


def _as_text(sent: object) -> object:
    """Read a number as it is written in decimal."""
    if isinstance(sent, float):
        return f"{sent:.15g}"
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent


Declared = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[Annotated[str, StringConstraints(max_length=256)], BeforeValidator(_as_text)],
    ],
    Field(max_length=16),
]
