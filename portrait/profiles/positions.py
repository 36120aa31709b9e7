"""Positions: up to which record each topic-partition has been taken in, of each user.

Most users' records lie in one partition of each topic, because the users are their keys. So the
head of the facts has room for one position per topic, that of the lowest partition, and whatever
lies elsewhere is a further position. Which is which depends on what was read, never on its order.

A fold opens the positions that it may move as one table, moves them, and closes it. While nothing
lies elsewhere the table is a copy of the heads; otherwise it is sorted by user, topic, partition.

A log may begin again, from offset 0. Which log of its name a record lies in stands above its
offset in one number, so that one comparison passes over the older log, and the older record.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Records, Rows
from portrait.events.columns import ERASURE

POSITION = np.dtype(
    [
        ("topic", "<u4"),
        ("partition", "<i4"),
        ("offset", "<i8"),  # highest offset taken in, with its log: see `marks`
        ("last_id", "<u8"),  # id of the event there; 0 = erased, or an erasure
    ]
)
FURTHER = np.dtype([("user", "<i8"), ("position", POSITION)])  # `user` is a row of the facts
OFFSET_BITS = 48  # a million records a second for nine years; above them, which log it is
PARTITION_BITS = 32
NOT_READ = -1  # before every offset


@dataclass(frozen=True, slots=True)
class Positions:
    """The S positions that E records move, while they are folded."""

    place: Rows  # (S,), user times topics, and topic
    partition: NDArray[np.int32]  # (S,)
    offset: Rows  # (S,)
    last_id: NDArray[np.uint64]  # (S,)
    slot: Rows  # (E,), where each record's position is among them
    whole: bool  # whether they are those of the heads, and there are no others

    def advance(self, slot: Rows, mark: Rows, id: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Move to these records, none of a position twice; false where it had been there."""
        fresh: NDArray[np.bool_] = mark > self.offset[slot]
        slot = slot[fresh]
        self.offset[slot] = mark[fresh]
        self.last_id[slot] = id[fresh]
        return fresh

    def forget(self, users: Rows, topics: int) -> None:
        """Forget which events of these users were the last."""
        self.last_id[np.isin(self.place // topics, users)] = 0


def marks(columns: Records) -> Rows:
    """Return where records lie as one number each, (E,): the later one is the larger."""
    mark: Rows = (columns["log"].astype(np.int64) << OFFSET_BITS) + columns["offset"]
    return mark


def open_positions(head: Records, further: Records, columns: Records) -> Positions:
    """Find the positions of records, (E,); a new one is NOT_READ. `head` is (U,) of HEAD."""
    topics = head["partition"].shape[1]
    user, topic = columns["user"].astype(np.int64), columns["topic"]
    elsewhere = _claim(head, user, topic, columns["partition"] + 1)
    place = user * topics + topic
    if not elsewhere and not len(further):
        return _of_heads(head, place)
    return _of_all(head, further, _key(place, columns["partition"]))


def close_positions(head: Records, positions: Positions) -> Records:
    """Write positions back: the lowest partition of each topic into `head`, (U,) of HEAD.

    Returns:
        (P,) of FURTHER: the others, by user, topic, partition.
    """
    topics = head["partition"].shape[1]
    if positions.whole:
        head["offset"] = positions.offset.reshape(-1, topics)
        head["last_id"] = positions.last_id.reshape(-1, topics)
        return np.zeros(0, FURTHER)
    place = positions.place
    lowest = np.r_[True, place[1:] != place[:-1]][: len(place)]
    row, topic = place[lowest] // topics, place[lowest] % topics
    head["partition"][row, topic] = positions.partition[lowest] + 1
    head["offset"][row, topic] = positions.offset[lowest]
    head["last_id"][row, topic] = positions.last_id[lowest]
    return _further(positions, ~lowest, topics)


def united(
    head: Records, further: Records, of_parts: Records, further_of_parts: Records, owner: Rows
) -> Records:
    """Add the positions of P parts to those of their owners, where the owners have none.

    Those in erasures stay each key's own: what is forgotten there is forgotten there.

    Args:
        head: (U,) of HEAD, written to.
        further: Of FURTHER, of the same users.
        of_parts: (P,) of HEAD.
        further_of_parts: Of FURTHER, of the parts.
        owner: (P,), row of `head`.

    Returns:
        The further positions of the users.
    """
    topics = head["partition"].shape[1]
    part, topic = np.nonzero(of_parts["partition"])
    near = of_parts["partition"][part, topic] - 1, of_parts["offset"][part, topic]
    far = further_of_parts["position"]
    place = np.concatenate(
        [
            owner[part] * topics + topic,
            owner[further_of_parts["user"]] * topics + far["topic"],
        ]
    )
    partition = np.concatenate([near[0], far["partition"]])
    offset = np.concatenate([near[1], far["offset"]])
    kept = place % topics != ERASURE
    place, partition, offset = place[kept], partition[kept], offset[kept]
    if not len(place):
        return further.copy()
    positions = _of_all(head, further, _key(place, partition))
    lacking = positions.offset[positions.slot] == NOT_READ
    np.maximum.at(positions.offset, positions.slot[lacking], offset[lacking])
    return close_positions(head, positions)


def _claim(head: Records, user: Rows, topic: Records, partition: Records) -> bool:
    """Give records without a place in the head one, if it is free; say whether any has none."""
    free = head["partition"][user, topic] == 0
    if free.any():
        head["partition"][user[free], topic[free]] = partition[free]
        head["offset"][user[free], topic[free]] = NOT_READ
    return bool((head["partition"][user, topic] != partition).any())


def _of_heads(head: Records, slot: Rows) -> Positions:
    """Copy the positions of the heads, also those that nothing has been read of."""
    place, partition = np.arange(head["partition"].size), head["partition"].ravel()
    offset, last_id = head["offset"].ravel(), head["last_id"].ravel()
    return Positions(place, partition - 1, offset, last_id, slot, whole=True)


def _of_all(head: Records, further: Records, wanted: Rows) -> Positions:
    """Gather what is known, and what is wanted beside it, by key."""
    topics = head["partition"].shape[1]
    at = np.flatnonzero(head["partition"])
    other = further["position"]
    near = _key(at, head["partition"].ravel()[at] - 1)
    far = _key(further["user"] * topics + other["topic"], other["partition"])
    known = np.concatenate([near, far])
    key = np.union1d(known, wanted)
    slot = np.searchsorted(key, known)
    offset = np.full(len(key), NOT_READ)
    offset[slot] = np.concatenate([head["offset"].ravel()[at], other["offset"]])
    last_id = np.zeros(len(key), np.uint64)
    last_id[slot] = np.concatenate([head["last_id"].ravel()[at], other["last_id"]])
    partition = (key & ((1 << PARTITION_BITS) - 1)).astype(np.int32)
    place, wanted = key >> PARTITION_BITS, np.searchsorted(key, wanted)
    return Positions(place, partition, offset, last_id, wanted, whole=False)


def _key(place: Rows, partition: NDArray[np.int32]) -> Rows:
    return (place << PARTITION_BITS) + partition


def _further(positions: Positions, chosen: NDArray[np.bool_], topics: int) -> Records:
    further = np.zeros(int(chosen.sum()), FURTHER)
    further["user"] = positions.place[chosen] // topics
    further["position"]["topic"] = positions.place[chosen] % topics
    for name in ("partition", "offset", "last_id"):
        further["position"][name] = getattr(positions, name)[chosen]
    return further
