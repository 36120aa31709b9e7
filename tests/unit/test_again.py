"""Again: what is due to be bought again."""

import numpy as np
import pytest

from portrait.arrays import Ring
from portrait.events.columns import ACTION_CODE, EVENT
from portrait.events.event import Action
from portrait.inference.again import Rhythm, due
from portrait.ref import item_ref
from portrait.times import DAY_MS

NOW = 1_790_000_000_000 // DAY_MS * DAY_MS
MILK, TEA = item_ref("milk"), item_ref("tea")
Deed = tuple[int, int, Action]  # item, days ago, what


def ring_of(*deeds: Deed) -> Ring:
    ring = np.zeros(len(deeds), EVENT)
    for event, (item, days, action) in zip(
        ring, sorted(deeds, key=lambda deed: deed[1]), strict=True
    ):
        event["at"], event["ref"] = NOW - days * DAY_MS - 1, item
        event["action"] = ACTION_CODE[action]
    return ring


def bought(item: int, *days: int) -> list[Deed]:
    return [(item, day, Action.PURCHASE) for day in days]


def test_a_rhythm_is_how_often_and_how_long_ago() -> None:
    found = due(ring_of(*bought(MILK, 2, 9, 16, 16)), NOW, None)

    assert found.refs.tolist() == [MILK]
    assert found.reasons == (Rhythm(times=3, every=7, last=2),)


@pytest.mark.parametrize(
    ("milk", "tea"),
    [
        ((7, 14, 21), (7, 14)),  # more often
        ((7, 14), (1, 8)),  # through its interval, where the other has just begun
        ((7, 14), (7,)),  # twice, where of the other no interval is known
    ],
)
def test_what_is_more_due_comes_first(milk: tuple[int, ...], tea: tuple[int, ...]) -> None:
    found = due(ring_of(*bought(MILK, *milk), *bought(TEA, *tea)), NOW, None)

    assert found.refs.tolist() == [MILK, TEA]


@pytest.mark.parametrize("action", [Action.RETURN])
def test_what_was_sent_back_is_not_due(action: Action) -> None:
    found = due(ring_of(*bought(MILK, 2), *bought(TEA, 2), (MILK, 1, action)), NOW, None)

    assert found.refs.tolist() == [TEA]


def test_what_comes_later_and_what_was_not_bought_is_not_looked_at() -> None:
    clicked = (TEA, 3, Action.CLICK)

    assert not len(due(ring_of(*bought(MILK, -1), clicked), NOW, None).refs)
    assert not len(due(ring_of(), NOW, None).refs)
