"""Devices: whose each was, and when. What an anonymous visitor did there is that user's.

    login of ann ─────────── login of bob ──────────▶ time
    ◀── ann's ──▶◀── ann's ──▶◀────── bob's ─────────      who is nobody else is who came last

A device is known as a set of visits: stretches in which one user was seen there. Adding a login is
a union of stretches, so any order, repetition and batching of the same logins gives the same
device. What happened on it belongs to whoever had come last by then; before the first login, to
whoever came first. A device that many people share is nobody's.

Two people who take turns within a minute may be told apart wrongly, and of logins beyond
`MOST_VISITS` newer ones nothing is known any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from portrait.arrays import Rows
from portrait.events.event import UserId
from portrait.events.login import Login

MINUTE_MS = 60_000
MOST_VISITS = 64  # newest ones that are known of a device
MOST_USERS = 8  # of a device; one that more people use is nobody's
NOBODY = ""

Moment = Annotated[int, Field(ge=0, lt=10**13)]  # ms


class Visit(NamedTuple):
    """That a user was seen on a device, and until when at least, ms."""

    start: Moment
    end: Moment
    user: UserId


@dataclass(frozen=True, slots=True)
class Device:
    """Whose a device was."""

    visits: tuple[Visit, ...] = ()  # by start; of one user no two touch
    unlinked: Moment = 0  # ms: up to then it was nobody's, whatever was said
    #: Whose profiles are still to be made anew since it changed: what a crash leaves undone.
    stale: tuple[UserId, ...] = field(default=(), compare=False)

    @property
    def users(self) -> frozenset[str]:
        """Everybody who was seen there; nobody if they are too many."""
        users = frozenset(visit.user for visit in self.visits)
        return users if len(users) <= MOST_USERS else frozenset()

    @property
    def owner(self) -> str:
        """Whose all is that was ever done there; NOBODY if that depends on when it was."""
        users = self.users
        return next(iter(users)) if len(users) == 1 and not self.unlinked else NOBODY

    def told(self, logins: Iterable[Login]) -> "Device":
        """Return the device after more logins have been heard of: at any time, in any order."""
        logins = list(logins)
        unlinked = max([self.unlinked, *(each.at for each in logins if each.user_id is None)])
        seen = [Visit(each.at, _end(each.at), each.user_id) for each in logins if each.user_id]
        since = [visit for visit in [*self.visits, *seen] if visit.start > unlinked]
        after = Device(tuple(sorted(_joined(since))[-MOST_VISITS:]), unlinked, self.stale)
        if after == self:
            return self
        return replace(after, stale=tuple(sorted({*self.stale, *self.users, *after.users})))

    def done(self) -> "Device":
        """Return the device once all profiles are as it says."""
        return replace(self, stale=())

    def whose(self, at: Rows) -> NDArray[np.str_]:
        """Return whose each of these moments, (E,) ms, was: (E,) user or NOBODY."""
        if not self.users:
            return np.full(len(at), NOBODY)
        start, end = (np.array(column) for column in list(zip(*self.visits, strict=True))[:2])
        user = np.array([visit.user for visit in self.visits])
        came = np.searchsorted(start, at, side="right") - 1  # the last visit begun by then
        left = np.maximum.accumulate(end)  # how long any of those begun lasted
        newest = np.array([np.argmax(end[: place + 1]) for place in range(len(end))])
        is_there = left[came] >= at
        whose = user[np.where(is_there, came, newest[came])]
        is_before = came < 0
        whose = np.where(is_before, user[0], whose)
        is_forgotten = is_before & (len(self.visits) == MOST_VISITS) & (len(self.users) > 1)
        return np.where(is_forgotten | (at <= self.unlinked), NOBODY, whose)


def _end(at: int) -> int:
    """Return until when a login is believed: to the end of the minute after, for few writes."""
    return (at // MINUTE_MS + 2) * MINUTE_MS


def _joined(visits: list[Visit]) -> list[Visit]:
    """Join the visits of each user that touch."""
    joined: list[Visit] = []
    for visit in sorted(visits, key=lambda each: (each.user, each.start)):
        last = joined[-1] if joined else None
        if last is not None and last.user == visit.user and visit.start <= last.end:
            joined[-1] = last._replace(end=max(last.end, visit.end))
        else:
            joined.append(visit)
    return joined


_STORED: TypeAdapter[Device] = TypeAdapter(Device)


def encode_device(device: Device) -> bytes:
    """Write a device; of equal ones the same bytes."""
    return _STORED.dump_json(device)


def decode_device(stored: bytes | None) -> Device:
    """Read a device; a damaged one is as good as none."""
    if stored is None:
        return Device()
    try:
        return _STORED.validate_json(stored)
    except ValidationError:
        return Device()
