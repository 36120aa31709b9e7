"""Sequences: windows over histories, and batches of them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.dataset.sequences import ABSENT, Batch, sequences_of
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from tests.support.learned import planted


def one_user(items: list[int], *, action: Action = Action.CLICK) -> Interactions:
    events = len(items)
    return from_columns(
        user=np.zeros(events, np.int64),
        item=np.array(items),
        action=np.full(events, ACTION_CODE[action], np.uint8),
        at=np.arange(events),
        items=np.arange(1, 1 + max(items), dtype=np.uint64),
        users=1,
    )


def predicted(batches: list[Batch]) -> Counter[int]:
    """Count how often each event, known by its time, is predicted."""
    return Counter(at for batch in batches for at in batch.at[batch.target].tolist())


@pytest.mark.parametrize("events", [1, 2, 7, 8, 9, 30])
def test_every_event_but_the_first_is_predicted_once(events: int) -> None:
    sequences = sequences_of(one_user(list(range(1, events + 1))), longest=8)

    counts = predicted(sequences.batches(5, seed=0, epoch=0))

    assert counts == Counter(range(1, events))


def test_a_window_reaches_back_half_its_length_before_what_it_predicts() -> None:
    sequences = sequences_of(one_user(list(range(1, 31))), longest=8)

    for batch in sequences.batches(5, seed=0, epoch=0):
        first = batch.target.argmax(axis=1)
        starts_at_the_beginning = batch.at[:, 0] == 0
        assert ((first >= 4) | starts_at_the_beginning).all()


def test_searches_are_seen_if_they_can_be_read_and_never_predicted() -> None:
    events = one_user([1, NO_ITEM, NO_ITEM, 2])
    query = np.array([NO_QUERY, 0, NO_QUERY, NO_QUERY])
    events = replace(events, query=query, queries=np.array([9], np.uint64))

    (batch,) = sequences_of(events).batches(5, seed=0, epoch=0)

    assert batch.item.tolist() == [[1, 2, 2]]  # of two items; the search is the row after them
    assert batch.target.tolist() == [[False, False, True]]


def test_returns_and_bad_reviews_are_not_predicted() -> None:
    events = one_user([1, NO_ITEM, 2, 3])
    events.action[2] = ACTION_CODE[Action.RETURN]
    events.rating[3] = 15

    (batch,) = sequences_of(events).batches(5, seed=0, epoch=0)

    assert batch.item.tolist() == [[1, 2, 3]]
    assert not batch.target.any()


def test_what_an_event_counts_stays_with_it() -> None:
    events = one_user([1, NO_ITEM, 2, 3, 4])
    counts = np.array([1, 9, 2, 3, 4], np.float32)

    weighed, plain = (sequences_of(events, each) for each in (counts, None))

    for batch in weighed.batches(1, seed=0, epoch=0):
        (part,) = [each for place in range(2) if len(each := batch.part(place, 2))]
        assert (part.weight == part.item)[part.item != ABSENT].all()
    (batch,) = plain.batches(9, seed=0, epoch=0)
    assert (batch.weight == 1).all()


def test_an_epoch_has_its_own_order_and_always_the_same() -> None:
    sequences = sequences_of(planted(40))

    first, again, other = (sequences.batches(30, seed=3, epoch=epoch) for epoch in (0, 0, 1))

    assert [b.item.tolist() for b in first] == [b.item.tolist() for b in again]
    assert [b.item.tolist() for b in first] != [b.item.tolist() for b in other]
    assert sum(b.examples for b in first) == sum(b.examples for b in other)


def test_parts_together_are_the_batch() -> None:
    (batch, *_) = sequences_of(planted(40)).batches(60, seed=0, epoch=0)

    parts = [batch.part(place, 3) for place in range(3)]

    assert sum(part.examples for part in parts) == batch.examples
    assert sum(map(len, parts)) == len(batch)


def test_padding_comes_last_and_is_never_a_target() -> None:
    for batch in sequences_of(planted(40)).batches(30, seed=0, epoch=0):
        absent = batch.item == ABSENT

        assert (np.diff(absent.astype(np.int8), axis=1) >= 0).all()
        assert not batch.target[absent].any()
