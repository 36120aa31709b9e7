"""Facts: what is known of a user, whatever the model.

Facts are rows of arrays: a head (counts and Kafka positions) and a ring (the newest events, newest
first), and positions in further partitions (`portrait.positions`). `fold` takes many users and many
events at once, in rounds: the k-th new event of every user is folded in one step.

Fold is commutative and idempotent, and every number in it is an integer or a copy, so any order,
repetition, batching and spreading over partitions of the same events gives the same bytes:

- the ring is the set of newest events by (time, id), which no order of arrival can change;
- a record is taken in once, with all events of the user that it holds: it must lie beyond the
  position reached in its topic-partition;
- an event is taken in once: its id must neither be in the ring nor be that of the user's event
  before it there;
- a log that began again is another log: its records lie beyond all of the older, and those of the
  older, read after them, are passed over;
- counts are sums of integers that none can leave: those of events stop at `MOST`, whatever their
  order, and spend is kept in two parts (`SPEND_PART`); counts by period keep the newest `PERIODS`
  periods, so what has aged out depends only on the newest event;
- an erasure empties all but the positions, and what happened or was received up to it is passed
  over, whenever it is read, from whichever partition (docs/decisions/0007); of who is suppressed
  everything is, until that is lifted (docs/decisions/0048).

What this cannot see: an event id published again when the user has `RING` newer events, and not as
the user's next record in the same topic-partition. Such an event is older than the ring, so it is
counted in the totals and nowhere else. Whether it is, may depend on the order in which partitions
are read: of the other events alone the ring is the same in any order.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Records, Rows
from portrait.events.columns import (
    ERASURE,
    EVENT,
    FIRST_ACTIONS,
    PURCHASE,
    RETURN,
    RING,
    TOPICS,
)
from portrait.events.erasure import FOREVER, Stance
from portrait.events.event import Action
from portrait.profiles.positions import FURTHER, Positions, close_positions, marks, open_positions
from portrait.times import DAY_MS

LATER_MS = DAY_MS  # what happened so long after an erasure was received after it, too
PERIODS = 4
PERIOD_MS = 28 * DAY_MS  # four weeks: the same number of each weekday in every period
MONEY = 1_000  # spend is kept in thousandths of the shop's unit: integers add up in any order
DEAREST = 10**9  # of one piece: with more, a single event could be more than a sum can hold
SPEND_PART = 62  # bits of the lower part of spend; with the upper, 10**11 of the largest purchases
LATEST = FOREVER  # ms: what says later was not written by us
MOST = np.uint32(2**32 - 1)  # events that a count can tell of: it stays there

HEAD = np.dtype(
    [
        ("revision", ">u8"),  # Kafka records taken in; big-endian and first: Lua compares its bytes
        ("count", "u1"),  # events in the ring
        ("layout", "u1"),
        ("further", "<u2"),  # positions that lie after the ring; always 0 in layout 1
        ("period", "<i4"),  # number of the newest period seen
        ("first_at", "<i8"),
        ("last_at", "<i8"),
        ("received_at", "<i8"),  # when the log took in the newest record, as COLUMNS' `logged`
        ("spend", "<i8"),  # purchases less returns, in 1/MONEY, without the upper part
        ("totals", "<u4", (len(Action),)),  # events by action
        ("spend_upper", "<i4"),  # times 2**SPEND_PART: 0 but for sums of 2**61 and more
        ("by_period", "<u4", (PERIODS,)),  # events, newest period first
        ("partition", "<i4", (TOPICS,)),  # 1 + the lowest partition; 0 = nothing read yet
        ("offset", "<i8", (TOPICS,)),  # highest offset taken in there, with its log
        ("last_id", "<u8", (TOPICS,)),  # id of the event there; 0 = erased
    ]
)
LAYOUT = 1  # of a record without further positions; the same bytes as before there were any
FURTHER_LAYOUT = 2  # of one with them
WIDE_LAYOUT = 3  # of one that tells of later actions than the first, with them or without
FIRST_TOPICS = FIRST_ACTIONS + 1  # those of the first actions, and the erasures
_COUNTED = (
    *("count", "period", "first_at", "last_at"),
    *("spend", "spend_upper", "totals", "by_period"),
)


@dataclass(slots=True)
class Facts:
    """The facts of U users: `head` is (U,) of HEAD, `ring` is (U, RING) of EVENT, newest first.

    `further` is (P,) of FURTHER, positions that the heads have no room for, by user.
    """

    head: Records
    ring: Records
    further: Records = field(default_factory=lambda: np.zeros(0, FURTHER))

    def __len__(self) -> int:
        return len(self.head)

    @classmethod
    def empty(cls, users: int) -> "Facts":
        """Return the facts of users of whom nothing is known."""
        head = np.zeros(users, HEAD)
        head["layout"] = LAYOUT
        return cls(head, np.zeros((users, RING), EVENT))

    def where(self, rows: Rows) -> "Facts":
        """Return a copy of the facts of these users alone, in ascending order."""
        further = self.further[np.isin(self.further["user"], rows)]
        further["user"] = np.searchsorted(rows, further["user"])
        return Facts(self.head[rows], self.ring[rows], further)


def fold(facts: Facts, columns: Records) -> NDArray[np.bool_]:
    """Fold events into facts, in place; erasures among them first.

    Args:
        facts: Of U users.
        columns: (E,) of COLUMNS, in log order within each topic-partition.

    Returns:
        (E,), true where the event was new. A repeat is false, and changes no count; so is what an
        erasure covers, and the erasure.
    """
    opened = _open(facts, columns)
    erasures = np.flatnonzero(columns["topic"] == ERASURE)
    for members in _rounds(columns["user"][erasures]):
        _erase(opened, erasures[members])
    accepted = np.zeros(len(columns), np.bool_)
    for members in _rounds(columns["user"]):
        accepted[members] = _fold_round(opened, members)
    _close(opened)
    return accepted


@dataclass(frozen=True, slots=True)
class _Opened:
    """Facts while events are folded into them."""

    facts: Facts
    columns: Records  # (E,) of COLUMNS
    mark: Rows  # (E,), where each of them lies
    begins: Rows  # (E,), the first event of the same user in the same record; its own row mostly
    is_fresh: NDArray[np.bool_]  # (E,), whether the record of each was not taken in before
    positions: Positions
    until: Rows  # (U,), moment of erasure, ms; 0 = never


def _open(facts: Facts, columns: Records) -> _Opened:
    """Take out of the heads what is no number of theirs: positions, and the moment of erasure."""
    last_id = facts.head["last_id"]
    until = last_id[:, ERASURE].astype(np.int64)
    last_id[:, ERASURE] = 0
    positions = open_positions(facts.head, facts.further, columns)
    mark = marks(columns)
    begins = _begins(columns, positions.slot, mark)
    return _Opened(facts, columns, mark, begins, np.zeros(len(mark), np.bool_), positions, until)


def _begins(columns: Records, slot: Rows, mark: Rows) -> Rows:
    """Return for each event, (E,), the place of the first event of its user in its record."""
    own = np.arange(len(columns))
    if not columns["part"].any():
        return own
    order = np.argsort(columns["user"], kind="stable")
    leads = np.where(columns["part"][order] == 0, np.arange(len(order)), 0)
    first = np.empty_like(own)
    first[order] = order[np.maximum.accumulate(leads)]
    is_same = (slot[first] == slot) & (mark[first] == mark)
    return np.where(is_same, first, own)


def _close(opened: _Opened) -> None:
    """Put it back, and say how many positions lie after the ring, and which layout that takes."""
    facts = opened.facts
    head, had = facts.head, len(facts.further)
    facts.further = close_positions(head, opened.positions)
    head["last_id"][:, ERASURE] = opened.until
    if had or len(facts.further):
        head["further"] = np.bincount(facts.further["user"], minlength=len(head))
    head["layout"] = layouts(head)


def layouts(head: Records) -> NDArray[np.uint8]:
    """Return the layout of each record, (U,): the first that has room for all that is known."""
    is_wide = head["totals"][:, FIRST_ACTIONS:].any(axis=1)
    is_wide |= head["partition"][:, FIRST_TOPICS:].any(axis=1)
    narrow = np.where(head["further"] > 0, FURTHER_LAYOUT, LAYOUT)
    return np.where(is_wide, WIDE_LAYOUT, narrow).astype(np.uint8)


def _erase(opened: _Opened, members: Rows) -> None:
    """Forget users. What is left are the positions, so that no replay brings anything back."""
    head, columns = opened.facts.head, opened.columns[members]
    fresh = _advance(opened, members, columns, np.zeros(len(members), np.uint64))
    rows = columns["user"][fresh].astype(np.int64)
    until = _until(opened.until[rows], columns["event"][fresh])
    opened.until[rows] = until
    gone = head["first_at"][rows] <= until + LATER_MS
    opened.positions.forget(rows[gone], TOPICS)
    _empty(opened.facts, rows[gone], until[gone])


def _until(before: Rows, erasure: Records) -> Rows:
    """Return up to when users are forgotten now, (U,), given before and an erasure of each."""
    at, stance = erasure["id"].astype(np.int64), erasure["quantity"]
    asked = np.where(stance == Stance.SUPPRESSED, FOREVER, at)
    until: Rows = np.where(stance == Stance.LIFTED, at, np.maximum(before, asked))
    return until


def _empty(facts: Facts, rows: Rows, until: Rows) -> None:
    """Leave of these rows what `Facts.empty` has, and the moment of erasure."""
    head = facts.head
    for name in _COUNTED:
        head[name][rows] = 0
    # Who is suppressed for ever has received what they have received.
    head["received_at"][rows] = np.where(until == FOREVER, head["received_at"][rows], until)
    facts.ring[rows] = np.zeros((), EVENT)


def _rounds(user: NDArray[np.int32]) -> list[Rows]:
    """Split rows so that each round has every user at most once, earlier rows first."""
    order = np.argsort(user, kind="stable")
    sorted_user = user[order]
    starts = np.flatnonzero(np.r_[True, sorted_user[1:] != sorted_user[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    turn = np.arange(len(order)) - np.repeat(starts, sizes)  # 0 for a user's first event
    return [order[turn == k] for k in range(sizes.max(initial=0))]


def _fold_round(opened: _Opened, members: Rows) -> NDArray[np.bool_]:
    """Fold at most one event into each row. Returns (E,), true where the event was new."""
    facts, columns, slot = opened.facts, opened.columns[members], opened.positions.slot[members]
    last_id = opened.positions.last_id
    just_before = last_id[slot] == columns["event"]["id"]
    fresh = _advance(opened, members, columns, columns["event"]["id"])
    slot, columns = slot[fresh], columns[fresh]
    rows, event = columns["user"].astype(np.int64), columns["event"]

    ring = facts.ring[:, : _width(facts.head, rows)]
    repeated = (ring["id"][rows] == event["id"][:, None]).any(axis=1)
    new = ~(repeated | just_before[fresh])
    until = opened.until[rows]
    if until.any():
        known_from = np.minimum(columns["received"], event["at"])  # what came late is older
        erased = known_from <= until
        last_id[slot[erased]] = 0
        new &= ~erased
    accepted = fresh.copy()
    accepted[fresh] = new

    _count(facts.head, rows[new], columns[new])
    _insert(facts, rows[new], event[new])
    return accepted


def _advance(
    opened: _Opened, members: Rows, columns: Records, id: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Move each row to its record; false where it had been there already."""
    positions, head = opened.positions, opened.facts.head
    advanced = positions.advance(positions.slot[members], opened.mark[members], id)
    opened.is_fresh[members] = advanced
    fresh = opened.is_fresh[opened.begins[members]]  # with the record's first event, its others
    positions.last_id[positions.slot[members][fresh]] = id[fresh]
    rows = columns["user"][advanced]
    head["revision"][rows] += np.uint64(1)
    head["received_at"][rows] = np.maximum(head["received_at"][rows], columns["logged"][advanced])
    return fresh


def _count(head: Records, rows: Rows, columns: Records) -> None:
    """Add each event to its row's totals."""
    event = columns["event"]
    at, action = event["at"], event["action"]
    first = head["first_at"][rows]
    head["first_at"][rows] = np.where(first == 0, at, np.minimum(first, at))
    head["last_at"][rows] = np.maximum(head["last_at"][rows], at)
    totals = head["totals"][rows, action]
    head["totals"][rows, action] = totals + (totals < MOST)
    spend = head["spend"][rows] + paid(action, event["price"], event["quantity"])
    head["spend"][rows] = spend
    if (abs(spend) >> (SPEND_PART - 1)).any():
        carry(head, rows)

    period = at // PERIOD_MS
    newest = np.maximum(head["period"][rows], period)
    counts = head["by_period"][rows]  # (E, PERIODS)
    source = np.arange(PERIODS) - (newest - head["period"][rows])[:, None]  # where each came from
    shifted = np.take_along_axis(counts, np.clip(source, 0, PERIODS - 1), axis=1)
    counts = np.where(source >= 0, shifted, 0).astype(np.uint32)
    age = newest - period
    counts += (np.arange(PERIODS) == age[:, None]) & (counts < MOST)
    head["by_period"][rows] = counts
    head["period"][rows] = newest


def paid(
    action: NDArray[np.uint8], price: NDArray[np.float32], quantity: NDArray[np.generic]
) -> Rows:
    """Return what events add to spend, in 1/MONEY, (E,): below 2**56, and less than 0 if back."""
    sign = (action == PURCHASE).astype(np.int64) - (action == RETURN)
    money = np.rint(np.minimum(price, DEAREST).astype(np.float64) * MONEY).astype(np.int64)
    amount: Rows = sign * money * quantity
    return amount


def spend_of(head: Records) -> NDArray[np.float64]:
    """Return purchases less returns, (U,), in the shop's unit; `head` is (U,) of HEAD."""
    upper = head["spend_upper"] * float(2**SPEND_PART)
    return (head["spend"] + upper) / MONEY


def carry(head: Records, rows: Rows) -> None:
    """Bring the lower parts of spend nearest to 0, so that a sum has one form in any order."""
    half = 1 << (SPEND_PART - 1)
    over = (head["spend"][rows] + half) >> SPEND_PART
    head["spend"][rows] -= over << SPEND_PART
    head["spend_upper"][rows] += over.astype(np.int32)


def _insert(facts: Facts, rows: Rows, event: Records) -> None:
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


def _width(head: Records, rows: Rows) -> int:
    """Return how much of the rings there is to look at: the longest, and room for one more."""
    return min(int(head["count"][rows].max(initial=0)) + 1, RING)
