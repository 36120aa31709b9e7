"""Joining: the facts of users, and of what they did before they logged in, as one.

Facts of different keys hold different events, so their union is exact whatever its order: sums are
integers, rings are sets. Nothing is moved: the facts of every key stay as they are, and what is
joined is made anew from them whenever one of them changes.

A device that only one user was ever seen on is theirs whole. Of a shared one each has those of its
newest `RING` events that were theirs; older ones are in sums that cannot be divided, and nobody's.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Flags, Records, Rows, turns
from portrait.events.columns import COLUMNS, EVENT, RING
from portrait.profiles.facts import (
    MOST,
    PERIOD_MS,
    PERIODS,
    Facts,
    carry,
    fold,
    layouts,
    paid,
)
from portrait.profiles.positions import united


def join(own: Facts, parts: Facts, owner: Rows) -> Facts:
    """Return facts of U users with those of P parts, each joined to its owner's.

    Args:
        own: Of U users.
        parts: Of P devices, as far as they are their owners'.
        owner: (P,), row of `own`.

    Returns:
        What folding all events into one record gives, but for `revision`: that is a digest of what
        is joined, so that a joined record that is written over is noticed.
    """
    joined = Facts(own.head.copy(), own.ring.copy())
    for members in _rounds(owner):
        _add(joined, owner[members], parts.head[members], parts.ring[members])
    joined.further = united(joined.head, own.further, parts.head, parts.further, owner)
    joined.head["further"] = np.bincount(joined.further["user"], minlength=len(own))
    joined.head["layout"] = layouts(joined.head)
    joined.head["revision"] = 0
    joined.head["revision"] = [_digest(joined, row) for row in range(len(joined))]
    return joined


def part_of(facts: Facts, theirs: Flags) -> Facts:
    """Return facts of D devices with these events of their rings alone, (D, RING)."""
    rows, places = np.nonzero(theirs & (facts.ring["at"] > 0))
    columns = np.zeros(len(rows), COLUMNS)
    columns["user"], columns["event"] = rows, facts.ring[rows, places]
    columns["offset"] = np.arange(len(rows))
    columns["received"] = columns["event"]["at"]
    part = Facts.empty(len(facts))
    fold(part, columns)
    for name in ("partition", "offset", "received_at"):
        part.head[name] = facts.head[name]
    part.further = facts.further.copy()
    return part


def _rounds(owner: Rows) -> list[Rows]:
    """Split parts so that each round has every owner at most once."""
    turn = turns(owner)
    return [np.flatnonzero(turn == k) for k in range(turn.max(initial=-1) + 1)]


def _add(joined: Facts, rows: Rows, head: Records, ring: Records) -> None:
    """Add one part to each of these rows: `head` (R,) of HEAD, `ring` (R, RING) of EVENT."""
    own = joined.head[rows]
    repeated = (ring["id"][:, :, None] == joined.ring["id"][rows][:, None, :]).any(axis=2)
    repeated &= ring["at"] > 0
    head = _without(head.copy(), ring, repeated)
    newest = np.maximum(own["period"], head["period"])
    counts = _aged(own, newest) + _aged(head, newest)
    own["by_period"] = np.minimum(counts, MOST)
    own["period"] = newest
    totals = own["totals"].astype(np.int64) + head["totals"]
    own["totals"] = np.minimum(totals, MOST)
    first, begun = own["first_at"], head["first_at"]
    own["first_at"] = np.where((first == 0) | (begun == 0), first + begun, np.minimum(first, begun))
    for name in ("last_at", "received_at"):
        own[name] = np.maximum(own[name], head[name])
    own["spend"] += head["spend"]
    own["spend_upper"] += head["spend_upper"]
    joined.ring[rows] = _newest(joined.ring[rows], np.where(repeated, np.zeros((), EVENT), ring))
    own["count"] = (joined.ring["at"][rows] > 0).sum(axis=1)
    joined.head[rows] = own
    carry(joined.head, rows)


def _without(head: Records, ring: Records, repeated: Flags) -> Records:
    """Take events, (R, RING), out of the sums of heads, (R,), which both keys have heard of."""
    rows, places = np.nonzero(repeated)
    event = ring[rows, places]
    np.subtract.at(head["totals"], (rows, event["action"]), np.uint32(1))
    np.subtract.at(head["spend"], rows, paid(event["action"], event["price"], event["quantity"]))
    age = head["period"][rows] - event["at"] // PERIOD_MS
    there = age < PERIODS
    np.subtract.at(head["by_period"], (rows[there], age[there]), np.uint32(1))
    return head


def _aged(head: Records, newest: NDArray[np.int32]) -> Rows:
    """Return counts by period, (R, PERIODS), as they are once this is the newest period, (R,)."""
    source = np.arange(PERIODS) - (newest - head["period"])[:, None]
    counts = np.take_along_axis(head["by_period"], np.clip(source, 0, PERIODS - 1), axis=1)
    return np.where(source >= 0, counts, 0).astype(np.int64)


def _newest(one: Records, other: Records) -> Records:
    """Return the newest events of two rings, (R, RING) each of EVENT, newest first."""
    both = np.concatenate([one, other], axis=1)
    order = np.lexsort((both["id"], both["at"]))[:, ::-1][:, :RING]
    return np.take_along_axis(both, order, axis=1)


def _digest(facts: Facts, row: int) -> int:
    """Name what is known of a user, by 64 bits that are not 0."""
    further = facts.further[facts.further["user"] == row]
    said = (facts.head[row], facts.ring[row], further["position"])
    whole = b"".join(each.tobytes() for each in said)
    return int.from_bytes(blake2b(whole, digest_size=8).digest()) or 1
