"""Labels and unlabelled messages in memory."""

import time
from collections.abc import Collection, Sequence

import numpy as np

from portrait.errors import StoreUnavailableError
from portrait.helpdesk.labels import (
    MESSAGE_TTL,
    MOST_LABELS,
    MOST_MESSAGES,
    Asked,
    Label,
    Message,
    MessageNotFoundError,
)
from portrait.model.space import Vectors, unit


class MemoryLabels:
    """A `LabelStore` in two lists."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.labels: list[tuple[str, Label]] = []
        self.is_down = False
        self._last = 0

    async def keep(
        self, asked: Asked, encoder: str, vector: Vectors | None, who: int | None = None
    ) -> str:
        """Keep a message."""
        self._require_up()
        kept = np.zeros(0, np.float32) if vector is None else vector.astype(np.float16)
        message = Message(self._next(), asked, encoder, unit(kept.astype(np.float32)), who)
        self.messages = [*self.messages, message][-MOST_MESSAGES:]
        return message.id

    async def find(self, id: str) -> Asked:
        """Return a message that is kept."""
        self._require_up()
        for message in self.messages:
            if message.id == id:
                return message.asked
        raise MessageNotFoundError

    async def newest(self, most: int) -> Sequence[Message]:
        """Return the newest messages."""
        self._require_up()
        return self.messages[::-1][:most]

    async def of(self, people: Collection[int]) -> Sequence[Message]:
        """Return the messages of some people."""
        self._require_up()
        return [each for each in self.messages if each.who in people]

    async def forget(self, people: Collection[int]) -> int:
        """Remove them."""
        theirs = await self.of(people)
        self.messages = [each for each in self.messages if each.who not in people]
        return len(theirs)

    async def add(self, labels: Sequence[Label]) -> None:
        """Add labels."""
        self._require_up()
        self.labels = [*self.labels, *((self._next(), label) for label in labels)][-MOST_LABELS:]

    async def since(self, id: str, most: int) -> Sequence[tuple[str, Label]]:
        """Return labels after one of them."""
        self._require_up()
        return [each for each in self.labels if _moment(each[0]) > _moment(id)][:most]

    async def forget_old(self) -> None:
        """Let old messages go."""
        self._require_up()
        before = (time.time() - MESSAGE_TTL.total_seconds()) * 1_000
        self.messages = [each for each in self.messages if _moment(each.id) >= before]

    def _next(self) -> str:
        self._last = max(self._last + 1, int(time.time() * 1_000))
        return f"{self._last}-0"

    def _require_up(self) -> None:
        if self.is_down:
            raise StoreUnavailableError


def _moment(id: str) -> int:
    return int(id.partition("-")[0])
