"""Facts: what is known of a user, whatever the model.

Facts are rows of arrays: a head (counts and Kafka positions) and a ring (the newest events, newest
first). `fold` takes many users and many events at once, in rounds: the k-th new event of every
user is folded in one step.

Fold is commutative and idempotent, and every number in it is an integer or a copy, so any order,
repetition and batching of the same events gives the same bytes:

- the ring is the set of newest events by (time, id), which no order of arrival can change;
- a record is taken in once: its offset must lie beyond the position reached in its topic-partition,
  and its event id must neither be in the ring nor be that of the record before it in its topic;
- counts are sums of integers; counts by period keep the newest `PERIODS` periods, so what has aged
  out depends only on the newest event;
- an erasure empties all but the positions, and what happened or was received up to it is passed
  over, whenever it is read (docs/decisions/0007).

What this cannot see: an event id published again, and not at once, when the user has `RING` newer
events. Such an event is older than the ring, so it is counted in the totals and nowhere else.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.event import Action

RING = 64  # newest events remembered; 32 bytes each keeps a record under 4 KB
TOPICS = 8  # event topics a user's positions are kept for
ERASURE = TOPICS - 1  # place of the erasures among them; `last_id` there is the moment, ms
LATER_MS = 24 * 3_600_000  # what happened so long after an erasure was received after it, too
PERIODS = 4
PERIOD_MS = 28 * 24 * 3_600_000  # four weeks: the same number of each weekday in every period
MONEY = 1_000  # spend is kept in thousandths of the shop's unit: integers add up in any order

EVENT = np.dtype(
    [
        ("at", "<i8"),  # milliseconds since 1970; 0 = no event here
        ("id", "<u8"),  # event_ref
        ("ref", "<u8"),  # item_ref, or text_ref of a search
        ("price", "<f4"),  # of one piece; 0 = not said
        ("quantity", "<u2"),
        ("action", "u1"),  # ACTION_CODE
        ("rating", "u1"),  # tenths of a star; 0 = not rated
    ]
)
HEAD = np.dtype(
    [
        ("revision", ">u8"),  # Kafka records taken in; big-endian and first: Lua compares its bytes
        ("count", "u1"),  # events in the ring
        ("layout", "u1"),
        ("pad", "<u2"),
        ("period", "<i4"),  # number of the newest period seen
        ("first_at", "<i8"),
        ("last_at", "<i8"),
        ("received_at", "<i8"),  # Kafka's time of the newest record taken in
        ("spend", "<i8"),  # purchases less returns, in 1/MONEY
        ("totals", "<u4", (8,)),  # events by action
        ("by_period", "<u4", (PERIODS,)),  # events, newest period first
        ("partition", "<i4", (TOPICS,)),  # 1 + partition; 0 = nothing read yet
        ("offset", "<i8", (TOPICS,)),  # highest offset taken in
        ("last_id", "<u8", (TOPICS,)),  # id of the event there; 0 = erased
    ]
)
COLUMNS = np.dtype(
    [
        ("user", "<i4"),  # row of the facts this event belongs to
        ("topic", "u1"),
        ("partition", "<i4"),
        ("offset", "<i8"),
        ("received", "<i8"),
        ("event", EVENT),
    ]
)
LAYOUT = 1
ACTION_CODE = {action: code for code, action in enumerate(Action)}
PURCHASE, RETURN = ACTION_CODE[Action.PURCHASE], ACTION_CODE[Action.RETURN]

Array = NDArray[np.void]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of U users: `head` is (U,) of HEAD, `ring` is (U, RING) of EVENT, newest first."""

    head: Array
    ring: Array

    def __len__(self) -> int:
        return len(self.head)

    @classmethod
    def empty(cls, users: int) -> "Facts":
        """Return the facts of users of whom nothing is known."""
        head = np.zeros(users, HEAD)
        head["layout"] = LAYOUT
        return cls(head, np.zeros((users, RING), EVENT))


def fold(facts: Facts, columns: Array) -> NDArray[np.bool_]:
    """Fold events into facts, in place; erasures among them first.

    Args:
        facts: Of U users.
        columns: (E,) of COLUMNS, in log order within each topic-partition.

    Returns:
        (E,), true where the event was new. A repeat is false, and changes no count; so is what an
        erasure covers, and the erasure.
    """
    erasures = columns["topic"] == ERASURE
    if erasures.any():
        _erase(facts, columns[erasures])
    accepted = np.zeros(len(columns), np.bool_)
    for members in _rounds(columns["user"]):
        accepted[members] = _fold_round(facts, columns[members])
    return accepted


def _erase(facts: Facts, columns: Array) -> None:
    """Forget users. What is left are the positions, so that no replay brings anything back."""
    head = facts.head
    for members in _rounds(columns["user"]):
        rows = columns["user"][members].astype(np.int64)
        before = head["last_id"][rows, ERASURE]
        fresh = _advance_positions(head, rows, columns[members])
        rows = rows[fresh]
        until = np.maximum(before[fresh], head["last_id"][rows, ERASURE])
        head["last_id"][rows, ERASURE] = until
        gone = head["first_at"][rows] <= until.astype(np.int64) + LATER_MS
        _empty(facts, rows[gone], until[gone])


def _empty(facts: Facts, rows: Rows, until: NDArray[np.uint64]) -> None:
    """Leave of these rows what `Facts.empty` has, the positions, and the moment of erasure."""
    for name in ("count", "period", "first_at", "last_at", "spend", "totals", "by_period"):
        facts.head[name][rows] = 0
    facts.head["last_id"][rows, :ERASURE] = 0
    facts.head["received_at"][rows] = until
    facts.ring[rows] = np.zeros((), EVENT)


def _rounds(user: NDArray[np.int32]) -> list[Rows]:
    """Split rows so that each round has every user at most once, earlier rows first."""
    order = np.argsort(user, kind="stable")
    sorted_user = user[order]
    starts = np.flatnonzero(np.r_[True, sorted_user[1:] != sorted_user[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    turn = np.arange(len(order)) - np.repeat(starts, sizes)  # 0 for a user's first event
    return [order[turn == k] for k in range(sizes.max(initial=0))]


def _fold_round(facts: Facts, columns: Array) -> NDArray[np.bool_]:
    """Fold at most one event into each row. Returns (E,), true where the event was new."""
    rows = columns["user"].astype(np.int64)
    just_before = facts.head["last_id"][rows, columns["topic"]] == columns["event"]["id"]
    fresh = _advance_positions(facts.head, rows, columns)
    rows, columns = rows[fresh], columns[fresh]
    event = columns["event"]

    ring = facts.ring[:, : _width(facts.head, rows)]
    repeated = (ring["id"][rows] == event["id"][:, None]).any(axis=1)
    new = ~(repeated | just_before[fresh])
    until = facts.head["last_id"][rows, ERASURE]
    if until.any():
        known_from = np.minimum(columns["received"], event["at"])  # what came late is older
        erased = known_from <= until.astype(np.int64)
        facts.head["last_id"][rows[erased], columns["topic"][erased]] = 0
        new &= ~erased
    accepted = fresh.copy()
    accepted[fresh] = new

    _count(facts.head, rows[new], columns[new])
    _insert(facts, rows[new], event[new])
    return accepted


def _advance_positions(head: Array, rows: Rows, columns: Array) -> NDArray[np.bool_]:
    """Move each row to its record's offset; false where it had been there already."""
    topic, partition, offset = columns["topic"], columns["partition"] + 1, columns["offset"]
    known = head["partition"][rows, topic] == partition
    fresh: NDArray[np.bool_] = ~known | (offset > head["offset"][rows, topic])
    rows, topic = rows[fresh], topic[fresh]
    head["partition"][rows, topic] = partition[fresh]
    head["offset"][rows, topic] = offset[fresh]
    head["last_id"][rows, topic] = columns["event"]["id"][fresh]
    head["revision"][rows] += np.uint64(1)
    head["received_at"][rows] = np.maximum(head["received_at"][rows], columns["received"][fresh])
    return fresh


def _count(head: Array, rows: Rows, columns: Array) -> None:
    """Add each event to its row's totals."""
    event = columns["event"]
    at, action = event["at"], event["action"]
    first = head["first_at"][rows]
    head["first_at"][rows] = np.where(first == 0, at, np.minimum(first, at))
    head["last_at"][rows] = np.maximum(head["last_at"][rows], at)
    head["totals"][rows, action] += np.uint32(1)

    sign = (action == PURCHASE).astype(np.int64) - (action == RETURN)
    money = np.rint(event["price"].astype(np.float64) * MONEY).astype(np.int64)
    head["spend"][rows] += sign * money * event["quantity"]

    period = at // PERIOD_MS
    newest = np.maximum(head["period"][rows], period)
    counts = head["by_period"][rows]  # (E, PERIODS)
    source = np.arange(PERIODS) - (newest - head["period"][rows])[:, None]  # where each came from
    shifted = np.take_along_axis(counts, np.clip(source, 0, PERIODS - 1), axis=1)
    counts = np.where(source >= 0, shifted, 0).astype(np.uint32)
    age = newest - period
    counts += (np.arange(PERIODS) == age[:, None]).astype(np.uint32)
    head["by_period"][rows] = counts
    head["period"][rows] = newest


def _insert(facts: Facts, rows: Rows, event: Array) -> None:
    """Put each event in its place in its row's ring; one older than a full ring has none."""
    ring = facts.ring[:, : _width(facts.head, rows)]
    at, id = ring["at"][rows], ring["id"][rows]  # (E, S)
    later = (at > event["at"][:, None]) | (
        (at == event["at"][:, None]) & (id > event["id"][:, None])
    )
    place = later.sum(axis=1)
    for column in np.unique(place):
        if column == ring.shape[1]:
            continue  # older than a full ring
        members = place == column
        target = rows[members]
        ring[target, column + 1 :] = ring[target, column:-1]
        ring[target, column] = event[members]
    facts.head["count"][rows] = np.minimum(facts.head["count"][rows] + (place < RING), RING)


def _width(head: Array, rows: Rows) -> int:
    """Return how much of the rings there is to look at: the longest, and room for one more."""
    return min(int(head["count"][rows].max(initial=0)) + 1, RING)
