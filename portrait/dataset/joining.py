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
        joined, known = user.copy(), np.zeros(len(at), np.int64)
        joined[rows] = self.user[login]
        known[rows] = np.where(last < begin, self.at[login], 0)
        return joined, known


NONE = Logins(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.uint64))


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
        held.append(_thinned(device[~is_unlinked], at[~is_unlinked], user[~is_unlinked]))
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


def _thinned(device: Refs, at: Codes, user: Refs) -> Logins:
    """Keep of a user's logins on a device the first of each minute, by device and moment."""
    order = np.lexsort((at, user, device))
    device, at, user = device[order], at[order], user[order]
    minute = at // MINUTE_MS
    kept = np.ones(len(at), np.bool_)
    kept[1:] = (np.diff(device) != 0) | (np.diff(user) != 0) | (np.diff(minute) != 0)
    device, at, user = device[kept], at[kept], user[kept]
    order = np.lexsort((user, at, device))
    return Logins(device[order], at[order], user[order])


def _merged(held: list[Logins]) -> Logins:
    parts = [NONE, *held]
    return _thinned(
        *(
            np.concatenate([getattr(each, name) for each in parts])
            for name in ("device", "at", "user")
        )
    )


def _believed(logins: Logins, unlinked: dict[int, int]) -> Logins:
    """Leave out what was taken back, and devices that very many people use."""
    taken = np.array(sorted(unlinked), np.uint64)
    place = positions(taken, logins.device)
    until = np.array([*(unlinked[one] for one in taken.tolist()), 0])[place]  # the last: never
    kept = logins.at > until
    device, at, user = logins.device[kept], logins.at[kept], logins.user[kept]
    pairs = np.unique(np.stack([device, user], axis=1), axis=0)[:, 0]
    devices, users = np.unique(pairs, return_counts=True)
    private: Flags = np.isin(device, devices[users <= MOST_USERS])
    return Logins(device[private], at[private], user[private])
