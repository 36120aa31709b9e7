"""Labels: what people say that a message means, and the messages that nobody has labelled.

Messages are kept redacted, so many and no longer than a month, with a hash of whose they are, so
that an erasure finds them; their vector lies beside them, so that choosing what to label next runs
no encoder. Of two labels of one text the newer counts, and it counts at once: what a person has
corrected stays corrected. A label is without whose text it was.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from portrait.errors import PortraitError
from portrait.helpdesk.desk import Name
from portrait.helpdesk.texts import normal
from portrait.model.space import Vectors
from portrait.privacy.redact import redacted

MOST_MESSAGES = 10_000  # that wait for a label: some 10 MB of Redis
MESSAGE_TTL = timedelta(days=30)
MOST_LABELS = 50_000  # that are kept: the oldest go first
LONGEST_MESSAGE = 2_000  # characters
BEGINNING = "0"  # before every label

MessageText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_MESSAGE, strip_whitespace=True),
    AfterValidator(redacted),
]
Outcome = Literal["accepted", "edited", "refused"]


class MessageNotFoundError(PortraitError):
    """Nothing is known of this answer: it is older than a month, or many came after it."""


class Asked(BaseModel):
    """A message that was answered, as it is kept."""

    model_config = ConfigDict(frozen=True)

    text: MessageText
    language: str
    intent: Name | None  # that it was taken for
    probability: float
    reply: Name | None = None


class Message(NamedTuple):
    """One of those that are kept, with its vector."""

    id: str
    asked: Asked
    encoder: str
    vector: Vectors  # (D,); (0,) of one that the encoder could not read
    who: int | None = None  # user_ref; None: nobody was named


class Label(BaseModel):
    """What a person says that a text means."""

    model_config = ConfigDict(frozen=True)

    text: MessageText
    intent: Name | None  # None: none of the desk's
    at: AwareDatetime
    by: Annotated[str, StringConstraints(max_length=128)]  # as the audit log has it
    outcome: Outcome | None = None  # None: it was labelled, and not answered
    reply: Annotated[str, StringConstraints(max_length=LONGEST_MESSAGE)] | None = None  # as edited


class LabelStore(Protocol):
    """Labels and unlabelled messages, each within its bound."""

    async def keep(
        self, asked: Asked, encoder: str, vector: Vectors | None, who: int | None = None
    ) -> str:
        """Keep a message, with its vector (D,) if it has one, and whose it is. Returns its id.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def find(self, id: str) -> Asked:
        """Return a message that is kept.

        Raises:
            MessageNotFoundError: It is not, or not any more.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def newest(self, most: int) -> Sequence[Message]:
        """Return the newest messages, newest first.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def of(self, people: Collection[int]) -> Sequence[Message]:
        """Return the messages of some people, by user_ref, oldest first.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def forget(self, people: Collection[int]) -> int:
        """Remove the messages of some people. Returns how many there were.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def add(self, labels: Sequence[Label]) -> None:
        """Add labels.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def since(self, id: str, most: int) -> Sequence[tuple[str, Label]]:
        """Return labels after one of them, or after `BEGINNING`, oldest first, with their ids.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def forget_old(self) -> None:
        """Let messages go that are older than `MESSAGE_TTL`.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...


def newest_of(labels: Iterable[Label]) -> Mapping[str, Label]:
    """Return, of each text, its newest label, by the normal text. Labels are given oldest first."""
    return {normal(label.text): label for label in labels}
