"""Logins: who an anonymous visitor was said to be, and when."""

from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from portrait.events.event import UserId
from portrait.events.item import Id
from portrait.events.stream import Message
from portrait.events.topics import IDENTITIES

IDENTIFY = "identify"
UNLINK = "unlink"  # the type of a message that takes back who somebody was said to be


class Login(NamedTuple):
    """That a device was somebody's at a moment; without a user: that up to it, it was nobody's."""

    anonymous_id: str
    user_id: str | None
    at: int  # ms since 1970


class Identification(BaseModel):
    """The same as its producer sent it: Segment's `identify` and `alias`, or an event's two ids."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    anonymous_id: Id
    user_id: UserId | None = Field(None, description="None: it is taken back.")
    occurred_at: AwareDatetime | None = Field(None, description="None: when it was received.")
    sent_at: AwareDatetime | None = None

    @property
    def message(self) -> Message:
        """What to publish of it: what readers of the log understand as this."""
        said = {"type": UNLINK if self.user_id is None else IDENTIFY}
        said |= self.model_dump(mode="json", exclude_none=True)
        return Message(IDENTITIES, self.anonymous_id.encode(), to_json(said))
