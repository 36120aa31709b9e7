"""Hypothesis strategies: logs of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE, COLUMNS, TOPIC_CODE
from portrait.events.event import Action

START = 1_750_000_000_000  # ms


@dataclass(frozen=True)
class Happening:
    """One event of one user, before it is anywhere in a log."""

    user: int
    at: int
    id: int
    ref: int
    price: float
    quantity: int
    action: Action
    rating: int

    @property
    def row(self) -> tuple[float, ...]:
        return (
            self.at,
            self.id,
            self.ref,
            self.price,
            self.quantity,
            ACTION_CODE[self.action],
            self.rating,
        )


def happenings(users: int = 3, most: int = 60) -> st.SearchStrategy[list[Happening]]:
    """Events with distinct ids, of which many happen at the same moment."""
    one = st.builds(
        Happening,
        user=st.integers(0, users - 1),
        at=st.integers(0, 200).map(lambda hours: START + hours * 3_600_000 * 24),
        id=st.integers(1, 2**64 - 1),
        ref=st.integers(1, 12),
        price=st.integers(0, 10_000).map(lambda cents: cents / 100),
        quantity=st.integers(0, 9),  # 0: the stars were read
        action=st.sampled_from(Action),
        rating=st.sampled_from([0, 10, 30, 50]),
    )
    return st.lists(one, max_size=most, unique_by=lambda each: each.id)


def log_of(events: list[Happening], *, partition: int = 0) -> NDArray[np.void]:
    """Append events to the topics of their actions, in this order. Returns (E,) of COLUMNS."""
    offsets = dict.fromkeys(Action, 0)
    rows = []
    for event in events:
        offset = offsets[event.action]
        offsets[event.action] += 1
        topic = TOPIC_CODE[event.action]
        rows.append((event.user, topic, partition, 0, offset, START, START, event.row, 0, False))
    return np.array(rows, COLUMNS)


def packed(log: NDArray[np.void], sizes: Sequence[int]) -> NDArray[np.void]:
    """Put neighbours of a topic into records of several events: such sizes, in turn."""
    log = log.copy()
    left, record, parts, topic = 0, -1, {}, -1  # type: ignore[var-annotated]
    turn = iter([*sizes] * (len(log) + 1))
    for row in log:
        if left == 0 or row["topic"] != topic:
            left, parts, topic = next(turn), {}, row["topic"]
            record += 1
        left -= 1
        row["offset"] = record
        user = int(row["user"])
        row["part"] = parts.get(user, 0)
        parts[user] = parts.get(user, 0) + 1
    return log


def spread_log_of(events: list[Happening], partitions: Sequence[int]) -> NDArray[np.void]:
    """Append each event to its partition of the topic of its action. Returns (E,) of COLUMNS."""
    log = log_of(events)
    log["partition"] = partitions
    reached: dict[tuple[int, int], int] = {}
    for row in log:
        place = int(row["topic"]), int(row["partition"])
        row["offset"] = reached[place] = reached.get(place, -1) + 1
    return log


def interleaved(log: NDArray[np.void], random: Random) -> NDArray[np.void]:
    """Read a log in another order, but each topic-partition in its own."""
    places = [(int(row["topic"]), int(row["partition"])) for row in log]
    waiting = {place: [n for n, at in enumerate(places) if at == place] for place in places}
    turns = random.sample(places, len(places))
    return log[np.array([waiting[place].pop(0) for place in turns], np.int64)]
