"""Consents, as producers send them: keyed by user, every purpose with true or false.

{"personalisation": true, "analytics": false, "training": false, "at": "2026-11-27T09:30:00Z"}
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from portrait.errors import RecordInvalidError
from portrait.events.consent import Consent, Purpose
from portrait.events.stream import Message, Record
from portrait.events.topics import CONSENTS
from portrait.field_errors import reasons
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.frames import key_behind
from portrait.reading.records import EXACT, LONGEST_KEY, Clock, name_of
from portrait.times import to_ms

LARGEST_CONSENT = 4_096  # bytes

Given = Annotated[bool, Field(strict=True)]


class Statement(BaseModel):
    """What somebody says of every purpose."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={
            "examples": [{"personalisation": True, "analytics": True, "training": False}]
        },
    )

    personalisation: Given = Field(description="What they are shown may follow from what they do.")
    analytics: Given = Field(description="They may count in what is said of everybody.")
    training: Given = Field(description="Models may learn from what they do.")
    at: AwareDatetime | None = Field(
        None, description="When they said it; without it, when it is taken in."
    )

    def consent(self, at: int) -> Consent:
        """Return it as of a moment, ms."""
        return Consent(at, frozenset(purpose for purpose in Purpose if not getattr(self, purpose)))


def read_consent(record: Record, clock: Clock, dialect: Dialect = AS_SENT) -> tuple[str, Consent]:
    """Return who has said something, and what.

    Raises:
        RecordInvalidError: It names nobody or not every purpose, or its moment cannot be.
    """
    key = record.key if EXACT in record.headers else key_behind(record.key, dialect.schemas)
    user = name_of(key, LONGEST_KEY)
    if record.value is None or len(record.value) > LARGEST_CONSENT:
        msg = f"payload: missing, or larger than {LARGEST_CONSENT} bytes"
        raise RecordInvalidError(msg)
    try:
        said = Statement.model_validate_json(record.value)
    except ValidationError as error:
        raise RecordInvalidError(reasons(error)) from None  # the error holds what was sent
    return user, said.consent(moment_said(said.at, clock.received(record), clock))


def moment_said(said: datetime | None, received: int, clock: Clock) -> int:
    """Return when something was said, ms: then, or when it was received.

    Raises:
        RecordInvalidError: In the future, or before 1970: it would count for ever, or never.
    """
    at = received if said is None else to_ms(said)
    if not 0 < at <= received + clock.tolerance:
        msg = "at: in the future" if at > 0 else "at: before 1970"
        raise RecordInvalidError(msg)
    return at


def consent_message(user: str, statement: dict[str, Any]) -> Message:
    """Return a statement as it goes to the log, under the profile's name as it stands."""
    said = Statement.model_validate(statement)
    return Message(CONSENTS, user.encode(), said.model_dump_json().encode(), [EXACT])
