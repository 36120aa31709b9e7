"""What somebody does not want, as producers send it: keyed by user, one thing at a time.

{"category": "Grocery > Wine", "until": "2027-01-01T00:00:00Z", "at": "2026-11-27T09:30:00Z"}
"""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from portrait.errors import RecordInvalidError
from portrait.events.item import Id
from portrait.events.stream import Message, Record
from portrait.events.topics import UNWANTED
from portrait.events.unwanted import FOR_GOOD, Unwanted, What, Word, thing_of
from portrait.field_errors import reasons
from portrait.privacy.redact import redacted
from portrait.reading.consents import moment_said
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.frames import key_behind
from portrait.reading.records import EXACT, LONGEST_KEY, Clock, name_of
from portrait.times import to_ms

LARGEST_SAID = 4_096  # bytes

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512, strip_whitespace=True),
    AfterValidator(redacted),
]


class NotInterested(BaseModel):
    """One thing that somebody does not want, or wants again."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={"examples": [{"category": "Grocery > Wine"}, {"item_id": "1082185"}]},
    )

    item_id: Id | None = None
    category: Name | None = Field(None, description="With all that lies in it.")
    brand: Name | None = None
    until: AwareDatetime | None = Field(None, description="Until then; without it, for good.")
    wanted: bool = Field(default=False, description="True: take back what was said of it.")
    at: AwareDatetime | None = Field(
        None, description="When they said it; without it, when it is taken in."
    )

    @property
    def thing(self) -> tuple[What, str]:
        """What it is about."""
        named = {What.ITEM: self.item_id, What.CATEGORY: self.category, What.BRAND: self.brand}
        return next((what, name) for what, name in named.items() if name is not None)

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if sum(name is not None for name in (self.item_id, self.category, self.brand)) != 1:
            msg = "name one of `item_id`, `category` and `brand`"
            raise ValueError(msg)
        if self.category is not None and thing_of(*self.thing) == f"{What.CATEGORY}:":
            msg = "category: it names nothing"
            raise ValueError(msg)
        return self

    def unwanted(self, at: int) -> Unwanted:
        """Return it as of a moment, ms."""
        until = FOR_GOOD if self.until is None else max(to_ms(self.until), 1)
        word = Word(at, at if self.wanted else until)
        return Unwanted({thing_of(*self.thing): word})


def read_not_interested(
    record: Record, clock: Clock, dialect: Dialect = AS_SENT
) -> tuple[str, Unwanted]:
    """Return who has said something, and what.

    Raises:
        RecordInvalidError: It names nobody or not one thing, or its moment cannot be.
    """
    key = record.key if EXACT in record.headers else key_behind(record.key, dialect.schemas)
    user = name_of(key, LONGEST_KEY)
    if record.value is None or len(record.value) > LARGEST_SAID:
        msg = f"payload: missing, or larger than {LARGEST_SAID} bytes"
        raise RecordInvalidError(msg)
    try:
        said = NotInterested.model_validate_json(record.value)
    except ValidationError as error:
        raise RecordInvalidError(reasons(error)) from None  # the error holds what was sent
    return user, said.unwanted(moment_said(said.at, clock.received(record), clock))


def unwanted_message(user: str, statement: dict[str, Any]) -> Message:
    """Return what somebody said as it goes to the log, under the profile's name as it stands."""
    said = NotInterested.model_validate(statement)
    value = said.model_dump_json(exclude_none=True).encode()
    return Message(UNWANTED, user.encode(), value, [EXACT])
