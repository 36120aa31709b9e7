"""Joining: as if the user had done it, whatever the order, repetition and interleaving."""

from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.columns import RING
from portrait.events.event import Action
from portrait.identity.join import join, part_of
from portrait.profiles.facts import PERIODS, Facts, fold
from tests.support.strategies import START, Happening, happenings, log_of, spread_log_of

KEYS = 4  # a user, and three devices
OWNER = np.zeros(KEYS - 1, np.int64)
RANDOM = Random(1)  # noqa: S311 - a test


def folded(events: list[Happening], keys: int = KEYS) -> Facts:
    facts = Facts.empty(keys)
    fold(facts, log_of(events))
    return facts


def joined(apart: Facts, order: list[int]) -> Facts:
    """Join the first key with the others, taken in this order."""
    return join(apart.where(np.array([0])), in_order(apart, order), OWNER)


def in_order(facts: Facts, order: list[int]) -> Facts:
    rows = [facts.where(np.array([place])) for place in order]
    for place, row in enumerate(rows):
        row.further["user"] = place
    further = np.concatenate([row.further for row in rows])
    return Facts(facts.head[order], facts.ring[order], further)


def what_is_known(facts: Facts) -> bytes:
    """Everything but where the events lie, and how many records told of them."""
    head = facts.head.copy()
    for name in ("revision", "offset", "partition", "last_id", "further"):
        head[name] = 0
    return head.tobytes() + facts.ring.tobytes()


def as_one(events: list[Happening]) -> Facts:
    return folded([replace(event, user=0) for event in events], 1)


@given(happenings(users=KEYS), st.permutations(range(1, KEYS)))
def test_joined_is_as_if_the_user_had_done_it(events: list[Happening], order: list[int]) -> None:
    assert what_is_known(joined(folded(events), order)) == what_is_known(as_one(events))


@given(st.randoms(use_true_random=False))
def test_so_it_is_of_more_events_than_are_remembered(random: Random) -> None:
    events = [
        Happening(
            user=random.randrange(KEYS),
            at=START + random.randrange(PERIODS * 40) * 86_400_000,
            id=id,
            ref=random.randrange(1, 20),
            price=random.randrange(1000) / 100,
            quantity=random.randrange(1, 5),
            action=random.choice([*Action]),
            rating=0,
        )
        for id in range(1, 6 * RING)
    ]

    assert what_is_known(joined(folded(events), [2, 1, 3])) == what_is_known(as_one(events))


@given(happenings(users=KEYS), st.data())
def test_an_event_that_both_keys_heard_of_counts_once(
    events: list[Happening], data: st.DataObject
) -> None:
    heard = data.draw(st.lists(st.sampled_from(events), max_size=9)) if events else []
    told_again = [replace(event, user=(event.user + 1) % KEYS) for event in heard]

    found = joined(folded([*events, *told_again]), [1, 2, 3])

    assert what_is_known(found) == what_is_known(as_one(events))


@given(happenings(users=KEYS), st.permutations(range(1, KEYS)))
def test_any_order_gives_the_same_bytes_and_their_digest(
    events: list[Happening], order: list[int]
) -> None:
    apart = folded(events)

    one, other = joined(apart, [1, 2, 3]), joined(apart, order)

    assert one.head.tobytes() == other.head.tobytes()
    assert one.ring.tobytes() == other.ring.tobytes()
    assert one.head["revision"][0] > 0


@given(happenings(users=KEYS), st.data())
def test_what_is_joined_has_another_digest_with_every_event(
    events: list[Happening], data: st.DataObject
) -> None:
    if not events:
        return
    place = data.draw(st.integers(0, len(events) - 1))
    fewer = events[:place] + events[place + 1 :]

    one, other = joined(folded(events), [1, 2, 3]), joined(folded(fewer), [1, 2, 3])

    assert one.head["revision"][0] != other.head["revision"][0]


@given(happenings(users=KEYS), st.data())
def test_it_knows_where_all_of_its_events_lie(events: list[Happening], data: st.DataObject) -> None:
    partitions = data.draw(st.lists(st.integers(0, 3), min_size=len(events), max_size=len(events)))
    apart, whole = Facts.empty(KEYS), Facts.empty(1)
    log = spread_log_of(events, partitions)
    fold(apart, log)
    log["user"] = 0
    fold(whole, log)

    found = joined(apart, [1, 2, 3])

    assert places(found) == places(whole)
    assert found.head["layout"] == whole.head["layout"]


def places(facts: Facts) -> list[tuple[int, ...]]:
    head = facts.head["partition"][0]
    near = [(topic, partition - 1) for topic, partition in enumerate(head.tolist()) if partition]
    far = facts.further["position"]
    return sorted([*near, *zip(far["topic"].tolist(), far["partition"].tolist(), strict=True)])


@given(happenings(users=1), st.integers(0, 2**60))
def test_a_part_of_a_device_is_those_events_alone(events: list[Happening], chosen: int) -> None:
    whole = folded(events, 1)
    mask = np.array([[bool(chosen >> place & 1) for place in range(RING)]])
    kept = {int(id) for id in whole.ring["id"][mask & (whole.ring["at"] > 0)]}

    part = part_of(whole, mask)

    theirs = [event for event in events if event.id in kept]
    expected = folded(theirs, 1)
    expected.head["received_at"] = whole.head["received_at"]
    assert what_is_known(part) == what_is_known(expected)
