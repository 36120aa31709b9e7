"""Joining: rows of visitors who had not logged in, as those of the users that they were.

The stream joins facts (`portrait.identity`); this joins rows, by the same rule: a row is theirs who
had logged in last on its device by then, or, before the first login, theirs who came first.

What was done before a login was not known to be theirs until then. So between such a row and the
login nothing is asked about the user, and nothing learned to be foretold: `known_from`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portrait.archive.archive import numbers
from portrait.arrays import Codes, Flags, Refs, positions
from portrait.events.login import UNLINK
from portrait.identity.device import MINUTE_MS, MOST_USERS

COLUMNS = ["user_ref", "anonymous_ref", "action", "occurred_at", "received_at"]  # to read
PENDING = 1_000_000  # logins in memory before they are thinned: one a minute is enough


@dataclass(frozen=True, slots=True)
class Logins:
    """L logins, by device and moment; all arrays are (L,)."""

    device: Refs  # user_ref of the anonymous key
    at: Codes  # ms
    user: Refs
    heard: Codes  # ms, when it was received: nobody knew of it before
    since: Codes  # ms: what was done on the device up to then is nobody's; 0 = never taken back

    def joined(self, user: Refs, at: Codes) -> tuple[Refs, Codes]:
        """Return whose rows are, and from when on (ms) that is known; 0 where it always was.

        Args:
            user: (E,), user_ref of the key that each row was written under.
            at: (E,), ms.
        """
        if not len(self.device):
            return user, np.zeros(len(at), np.int64)
        devices, begins = np.unique(self.device, return_index=True)
        place = positions(devices, user)
        rows = np.flatnonzero(place >= 0)
        begin = begins[place[rows]]
        codes = np.searchsorted(devices, self.device)
        last = _places(codes, self.at, place[rows], at[rows], side="right") - 1
        login = np.maximum(last, begin)
        is_theirs = at[rows] > self.since[login]
        rows, login = rows[is_theirs], login[is_theirs]
        joined, known = user.copy(), np.zeros(len(at), np.int64)
        joined[rows] = self.user[login]
        known[rows] = np.where(at[rows] < self.heard[login], self.heard[login], 0)
        return joined, known


NONE = Logins(*(np.zeros(0, kind) for kind in (np.uint64, np.int64, np.uint64, *[np.int64] * 2)))


def logins_of(rows: Iterable[pa.RecordBatch]) -> Logins:
    """Read who was said to be whom, from rows with COLUMNS, of all time."""
    held: list[Logins] = []
    unlinked: dict[int, int] = {}
    for batch in rows:
        batch = batch.filter(batch["anonymous_ref"].is_valid())  # noqa: PLW2901 - the same, less
        at = np.minimum(numbers(batch["occurred_at"]), numbers(batch["received_at"]))
        device, user = numbers(batch["anonymous_ref"]), numbers(batch["user_ref"])
        is_unlinked = numbers(pc.equal(batch["action"], UNLINK))
        for one, until in zip(device[is_unlinked].tolist(), at[is_unlinked].tolist(), strict=True):
            unlinked[one] = max(until, unlinked.get(one, 0))
        kept = ~is_unlinked
        heard = np.maximum(numbers(batch["received_at"]), at)
        held.append(_thinned(device[kept], at[kept], user[kept], heard[kept]))
        if sum(len(each.at) for each in held) > PENDING:
            held = [_merged(held)]
    return _believed(_merged(held), unlinked)


def unasked(user: Codes, at: Codes, known_from: Codes) -> Flags:
    """Say of which events, (E,), it was not known then what their user's past holds now.

    Args:
        user: (E,).
        at: (E,), ms.
        known_from: (E,), as `Logins.joined` says it.
    """
    if not known_from.any():
        return np.zeros(len(user), np.bool_)
    order = np.lexsort((at, user))
    user, at, known_from = user[order], at[order], known_from[order]
    joined = np.flatnonzero(known_from)
    edges = np.zeros(len(user) + 1, np.int64)  # up where a stretch begins, down where it ends
    np.add.at(edges, _places(user, at, user[joined], at[joined]), 1)
    np.add.at(edges, _places(user, at, user[joined], known_from[joined]), -1)
    is_unasked = np.empty(len(user), np.bool_)
    is_unasked[order] = np.cumsum(edges)[:-1] > 0
    return is_unasked


def _places(
    code: Codes, at: Codes, wanted: Codes, moment: Codes, side: Literal["left", "right"] = "left"
) -> Codes:
    """Find where moments belong among those, (E,), of the same code; sorted by code and moment."""
    moments, rank = np.unique(np.concatenate([at, moment]), return_inverse=True)
    stride = len(moments)
    keys = code * stride + rank[: len(at)]
    places: Codes = np.searchsorted(keys, wanted * stride + rank[len(at) :], side=side)
    return places


def _thinned(device: Refs, at: Codes, user: Refs, heard: Codes) -> Logins:
    """Keep of a user's logins on a device the first of each minute, by device and moment."""
    order = np.lexsort((heard, at, user, device))
    device, at, user, heard = device[order], at[order], user[order], heard[order]
    kept = np.ones(len(at), np.bool_)
    kept[1:] = (np.diff(device) != 0) | (np.diff(user) != 0) | (np.diff(at // MINUTE_MS) != 0)
    place = np.flatnonzero(kept)
    place = place[np.lexsort((user[place], at[place], device[place]))]
    return Logins(
        device[place], at[place], user[place], heard[place], np.zeros(len(place), np.int64)
    )


def _merged(held: list[Logins]) -> Logins:
    columns = ("device", "at", "user", "heard")
    parts = [NONE, *held]
    return _thinned(*(np.concatenate([getattr(each, name) for each in parts]) for name in columns))


def _believed(logins: Logins, unlinked: dict[int, int]) -> Logins:
    """Leave out what was taken back, and devices that very many people use."""
    taken = np.array(sorted(unlinked), np.uint64)
    place = positions(taken, logins.device)
    until = np.array([*(unlinked[one] for one in taken.tolist()), 0])[place]  # the last: never
    kept = logins.at > until
    pairs = np.unique(np.stack([logins.device[kept], logins.user[kept]], axis=1), axis=0)[:, 0]
    devices, users = np.unique(pairs, return_counts=True)
    kept &= np.isin(logins.device, devices[users <= MOST_USERS])
    return Logins(
        logins.device[kept], logins.at[kept], logins.user[kept], logins.heard[kept], until[kept]
    )
