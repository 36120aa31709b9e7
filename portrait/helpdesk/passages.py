"""Passages: the shop's own help texts in pieces that can be shown, and where each is from."""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from portrait.errors import SettingsInvalidError
from portrait.files import replacing

MOST_PASSAGES = 5_000  # of a desk: encoding them takes a minute of one core
LONGEST = 1_500  # characters of one: a screen; an encoder reads the first 500
LONGEST_TITLE = 200

_BREAK = re.compile(r"\n\s*\n|(?<=[.!?。！？])\s+|\n")  # noqa: RUF001 - Chinese ends so


class Passage(BaseModel):
    """One piece of a help text, plain text throughout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    source: Annotated[str, StringConstraints(min_length=1, max_length=255)]  # the file's name
    title: Annotated[str, StringConstraints(max_length=LONGEST_TITLE)]
    anchor: Annotated[str, StringConstraints(max_length=LONGEST_TITLE)]  # in the source; "": none
    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]

    @property
    def whole(self) -> str:
        """What is searched and encoded."""
        return f"{self.title}. {self.text}" if self.title else self.text


def passages_of(source: str, title: str, anchor: str, text: str) -> Iterator[Passage]:
    """Cut one section into passages, at paragraphs, sentences, or where it must be."""
    title = " ".join(title.split())[:LONGEST_TITLE]
    for piece in _pieces(text):
        digest = blake2b(f"{source}\0{title}\0{piece}".encode(), digest_size=8).hexdigest()
        yield Passage(
            id=digest, source=source[:255], title=title, anchor=anchor[:LONGEST_TITLE], text=piece
        )


def write_passages(path: Path, passages: Iterable[Passage]) -> None:
    """Write passages as a file of a desk, one a line; what it held before is gone."""
    with replacing(path) as file:
        file.writelines(passage.model_dump_json().encode() + b"\n" for passage in passages)


def read_passages(path: Path) -> list[Passage]:
    """Read such a file.

    Raises:
        SettingsInvalidError: A line is no passage; says which.
    """
    found: list[Passage] = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found.append(Passage.model_validate_json(line))
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "the line"
            msg = f"{path}, line {number}: {place} is wrong: import the help text again"
            raise SettingsInvalidError(msg) from None
    return found


def _pieces(text: str) -> Iterator[str]:
    """Yield parts that are short enough, cut where a reader would pause."""
    rest = text.strip()
    while len(rest) > LONGEST:
        breaks = [found.end() for found in _BREAK.finditer(rest, 0, LONGEST)]
        end = breaks[-1] if breaks else LONGEST
        yield rest[:end].strip()
        rest = rest[end:].strip()
    if rest:
        yield rest
