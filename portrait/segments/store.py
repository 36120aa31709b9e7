"""Port: where segments are kept, who is in them, and what of that is still to be told."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple, Protocol

from portrait.errors import PortraitError
from portrait.segments.segment import MOST_SEGMENTS, Change, Crossing, Member, Segment
from portrait.times import to_moment

OUTBOX = ("topic", "webhook")  # ways by which a change leaves, each by itself
MOST_WAITING = 50_000  # changes in one outbox, 10 MB; of a webhook's the oldest go


class SegmentNotFoundError(PortraitError):
    """There is no segment of this name."""


class TooManySegmentsError(PortraitError):
    """A shop has no more segments than this: delete one first."""

    def __init__(self) -> None:
        super().__init__(f"There are {MOST_SEGMENTS} segments: delete one first.")


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known before some people are looked at."""

    revision: int  # of all memberships
    segments: Sequence[Segment]
    since: Sequence[Mapping[str, int]]  # of each segment: who of them is in it, since when (ms)


class Moved(NamedTuple):
    """Somebody who is in a segment, or is not, other than before."""

    segment: Segment
    user: str
    is_in: bool


class SegmentStore(Protocol):
    """Segments of a shop.

    Who writes memberships says which revision they have seen; a second one that writes meanwhile
    is noticed. So what is stored last was seen last, and a change is one.
    """

    async def all(self) -> Sequence[Segment]:
        """Return every segment, by name."""
        ...

    async def put(self, name: str, change: Callable[[Segment | None], Segment]) -> Segment:
        """Let one be another in one step, and return that; who looks at people goes on.

        What they find by another expression than this is put right when everybody is looked at.

        Args:
            name: Of the segment.
            change: Takes it as it is, if it is; may be called again where others were faster.

        Raises:
            TooManySegmentsError: It is a new one, and there is no room.
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def remove(self, name: str) -> bool:
        """Forget one, and who is in it, in one step. Says whether there was one."""
        ...

    async def forget_unreadable(self) -> Sequence[str]:
        """Forget who is in segments that nobody can read, and name these; what was put stays.

        Nobody looks at people by them, so that nobody else would ever leave.
        """
        ...

    async def open(self, users: Sequence[str]) -> Opened:
        """Return all segments, and who of these is in which."""
        ...

    async def settle(self, opened: Opened, moved: Sequence[Moved], now_ms: int) -> Sequence[Change]:
        """Store who is in what from now on, and that it is to be told, in one step or not at all.

        Returns the changes.

        Raises:
            OvertakenError: Somebody else has stored something since it was opened.
        """
        ...

    async def note_walk(self, segments: Sequence[Segment], began: datetime) -> None:
        """Note that everybody was looked at by these versions, from a moment on."""
        ...

    async def sizes(self, names: Sequence[str]) -> list[int]:
        """Return how many people are in each."""
        ...

    def members(self, name: str) -> AsyncIterator[list[Member]]:
        """Yield everybody who is in one all the while, some at a time, in no order."""
        ...

    async def of_users(self, users: Sequence[str]) -> list[dict[str, int]]:
        """Return of each which segments they are in, since when (ms)."""
        ...

    async def waiting(self, way: str, most: int) -> list[Change]:
        """Return changes that are still to leave a way, the oldest first."""
        ...

    async def queued(self, way: str) -> int:
        """Return how many are still to leave a way."""
        ...

    async def sent(self, way: str, changes: Sequence[Change]) -> None:
        """Note that these have left."""
        ...


def changes_of(opened: Opened, moved: Sequence[Moved], now_ms: int) -> tuple[int, list[Change]]:
    """Return the next revision, which is the position of what moved, and how that is told."""
    position = max(opened.revision + 1, now_ms)  # so it grows even where a store begins anew
    return position, [
        Change(
            change_id=_id(each, position),
            segment=each.segment.name,
            version=each.segment.version,
            user_id=each.user,
            change=Crossing.ENTERED if each.is_in else Crossing.LEFT,
            at=to_moment(now_ms),
            position=position,
        )
        for each in moved
    ]


def _id(moved: Moved, position: int) -> str:
    named = f"{moved.segment.key} {position} {moved.user}"
    return blake2b(named.encode(), digest_size=8).hexdigest()


def walked(now: Segment | None, *, was: Segment, began: datetime) -> Segment | None:
    """Note on a segment when everybody was looked at; None: its expression is another by now."""
    is_same = now is not None and (now.key, now.at) == (was.key, was.at)
    return now.model_copy(update={"walked_at": began}) if now is not None and is_same else None
