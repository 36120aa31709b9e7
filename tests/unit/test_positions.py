"""Positions: on any number of partitions, read in any order and again, an event counts once."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE, COLUMNS, ERASURE, RING
from portrait.events.event import Action
from portrait.profiles.facts import (
    FURTHER_LAYOUT,
    LATER_MS,
    LAYOUT,
    WIDE_LAYOUT,
    Facts,
    fold,
)
from portrait.profiles.layout import blank_portraits
from portrait.profiles.positions import POSITION
from portrait.profiles.profile import decode_profile, encode_profiles, read_facts
from portrait.profiles.record import partitions_of, read_sound, space_of
from tests.support.old_records import LAYOUT_1
from tests.support.strategies import (
    START,
    Happening,
    happenings,
    interleaved,
    log_of,
    packed,
    spread_log_of,
)

USERS, PARTITIONS = 3, 4
UNTIL = START + 300 * LATER_MS  # the moment of an erasure, ms: all `happenings` lie before it

partitions = st.lists(st.integers(0, PARTITIONS - 1), min_size=150, max_size=150)
shuffles = st.randoms(use_true_random=False)


def spread(events: list[Happening], places: list[int]) -> NDArray[np.void]:
    return spread_log_of(events, places[: len(events)])


def facts_of(*logs: NDArray[np.void]) -> Facts:
    facts = Facts.empty(USERS)
    for log in logs:
        fold(facts, log)
    return facts


def whole(facts: Facts) -> bytes:
    return facts.head.tobytes() + facts.ring.tobytes() + facts.further.tobytes()


def what_is_known(facts: Facts) -> bytes:
    head = facts.head.copy()
    for kafka in ("offset", "partition", "last_id", "further", "layout"):
        head[kafka] = 0
    return head.tobytes() + facts.ring.tobytes()


def clicks(count: int) -> list[Happening]:
    return [Happening(0, START + n, n + 1, 1, 0.0, 1, Action.CLICK, 0) for n in range(count)]


def erasure(until: int, *, partition: int, user: int = 0, offset: int = 0) -> NDArray[np.void]:
    row = (0, until, 0, 0.0, 0, 0, 0)
    return np.array([(user, ERASURE, partition, 0, offset, until, until, row, 0, False)], COLUMNS)


@given(happenings(USERS), partitions, shuffles, st.data())
def test_in_whatever_order_partitions_are_read_the_bytes_are_the_same(
    events: list[Happening], places: list[int], random: Random, data: st.DataObject
) -> None:
    log = spread(events, places)
    other = interleaved(log, random)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=3)))

    assert whole(facts_of(*np.split(other, cuts))) == whole(facts_of(log))


@given(happenings(1, most=150), partitions, shuffles)
def test_so_are_they_beyond_a_full_ring(
    events: list[Happening], places: list[int], random: Random
) -> None:
    log = spread(events, places)

    assert whole(facts_of(interleaved(log, random))) == whole(facts_of(log))


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(happenings(USERS), sizes, st.data())
def test_a_record_of_several_events_is_taken_in_whole_and_once(
    events: list[Happening], several: list[int], data: st.DataObject
) -> None:
    log = packed(log_of(events), several)
    facts = facts_of(log)
    starts = sorted({int(np.flatnonzero(log["offset"] == each)[0]) for each in log["offset"]})
    one_by_one = facts_of(log_of(events))
    one_by_one.head["revision"] = facts.head["revision"]  # counts records, of which there are more

    assert what_is_known(facts) == what_is_known(one_by_one)
    if starts:  # cut between records, and read again from any of them
        cut, again = data.draw(st.sampled_from(starts)), data.draw(st.sampled_from(starts))
        assert whole(facts_of(log[:cut], log[cut:], log[again:])) == whole(facts)
        assert whole(facts_of(np.concatenate([log, log[again:]]))) == whole(facts)


def test_what_is_read_again_of_a_record_without_its_first_event_changes_nothing() -> None:
    """As where one of its texts was late, when the user has more events than are remembered."""
    log = packed(log_of(clicks(RING + 4)), [2])
    newer = log_of(clicks(RING + 5))[-1:]
    facts = facts_of(log)

    accepted = fold(facts, np.concatenate([newer, log[1:2]]))

    assert accepted.tolist() == [True, False]
    assert facts.head["totals"].sum() == RING + 5


@given(happenings(1, most=150), partitions)
def test_what_is_known_does_not_depend_on_where_events_lie(
    events: list[Happening], places: list[int]
) -> None:
    assert what_is_known(facts_of(spread(events, places))) == what_is_known(
        facts_of(log_of(events))
    )


@given(happenings(1, most=150), partitions, shuffles, st.data())
def test_whatever_stretches_of_partitions_are_read_again_nothing_changes(
    events: list[Happening], places: list[int], random: Random, data: st.DataObject
) -> None:
    log = interleaved(spread(events, places), random)
    starts = data.draw(st.lists(st.integers(0, len(log)), max_size=3))

    again = facts_of(log, *(interleaved(log[start:], random) for start in starts))

    assert whole(again) == whole(facts_of(log))


@given(happenings(1, most=RING - 4), partitions, st.data())
def test_an_event_published_again_on_another_partition_counts_once(
    events: list[Happening], places: list[int], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(events))) if events else []
    twice = spread([*events, *again], places * 2)

    facts = facts_of(twice)

    assert facts.head["totals"].sum() == len(events)
    assert facts.ring.tobytes() == facts_of(log_of(events)).ring.tobytes()


@given(happenings(USERS), partitions, st.integers(0, 60), shuffles)
def test_erasures_on_any_partitions_forget_whenever_they_are_read(
    events: list[Happening], places: list[int], later: int, random: Random
) -> None:
    """As long as nothing that a user did after an erasure was read before it."""
    log = spread(events, places)
    log["received"][:later], log["received"][later:] = UNTIL - 1, UNTIL + 1
    two = [erasure(UNTIL - 9, partition=1), erasure(UNTIL, partition=3)]
    early = interleaved(np.concatenate([log[:later], *two]), random)
    cut = random.randrange(len(early))

    facts = facts_of(early[:cut], early[cut:], interleaved(log[later:], random))

    assert whole(facts) == whole(facts_of(*two, log))


@given(happenings(USERS), partitions)
def test_the_head_has_the_lowest_partition_and_the_others_follow_in_order(
    events: list[Happening], places: list[int]
) -> None:
    log = spread(events, places)

    facts = facts_of(log)

    ends: dict[tuple[int, int, int], int] = {}
    for row in log:
        ends[int(row["user"]), int(row["topic"]), int(row["partition"])] = int(row["offset"])
    lowest = {key[:2]: key for key in sorted(ends, reverse=True)}
    others = sorted(ends.keys() - set(lowest.values()))
    assert [
        (int(each["user"]), int(each["position"]["topic"]), int(each["position"]["partition"]))
        for each in facts.further
    ] == others
    assert facts.further["position"]["offset"].tolist() == [ends[key] for key in others]
    for (user, topic), key in lowest.items():
        assert facts.head["partition"][user, topic] == key[2] + 1
        assert facts.head["offset"][user, topic] == ends[key]


@given(happenings(USERS, most=100), partitions)
def test_records_come_back_as_they_went(events: list[Happening], places: list[int]) -> None:
    facts = facts_of(spread(events, places))

    records = encode_profiles(facts, blank_portraits(USERS, 2))

    assert whole(read_facts([*records, None])[0].where(np.arange(USERS))) == whole(facts)
    for row, record in enumerate(records):
        theirs = facts.further["position"][facts.further["user"] == row]
        profile = decode_profile(record)
        assert profile.further.tobytes() == theirs.tobytes()
        read = read_sound(record)
        assert read is not None
        assert read.events == profile.ring.tolist()
        assert list(partitions_of(record)) == profile.partitions
        assert space_of(record) == profile.space_id
        assert record[9] in {WIDE_LAYOUT, FURTHER_LAYOUT if len(theirs) else LAYOUT}


@given(happenings(USERS), partitions, st.sets(st.integers(0, USERS - 1)))
def test_some_users_are_taken_out_with_their_positions(
    events: list[Happening], places: list[int], chosen: set[int]
) -> None:
    facts = facts_of(spread(events, places))
    records = encode_profiles(facts, blank_portraits(USERS, 2))

    rows = np.array(sorted(chosen), np.int64)

    assert whole(facts.where(rows)) == whole(read_facts([records[row] for row in rows])[0])


def test_each_further_position_is_24_bytes() -> None:
    near = facts_of(spread_log_of(clicks(3), [0, 0, 0]))
    far = facts_of(spread_log_of(clicks(3), [2, 1, 0]))

    (few, *_), (many, *_) = (encode_profiles(each, blank_portraits(3, 2)) for each in (near, far))

    assert POSITION.itemsize == 24
    assert len(many) - len(few) == 2 * 24


def test_a_record_from_before_there_were_further_positions_is_read_and_written_as_it_is() -> None:
    log = log_of([*clicks(1)], partition=2)
    log["offset"], log["event"]["id"] = 5, 11
    bought = log_of([Happening(0, START + 1, 12, 2, 2.5, 3, Action.PURCHASE, 0)], partition=2)
    bought["offset"], bought["received"], bought["logged"] = 7, START + 1, START + 1

    facts = Facts.empty(1)
    fold(facts, np.concatenate([log, bought]))

    assert encode_profiles(facts, blank_portraits(1, 2)) == [LAYOUT_1]
    assert whole(read_facts([LAYOUT_1])[0]) == whole(facts)


def test_a_record_from_before_there_were_further_positions_gets_them_when_it_is_touched() -> None:
    facts = read_facts([LAYOUT_1])[0]
    fold(facts, spread_log_of([Happening(0, START + 2, 13, 2, 0.0, 1, Action.CLICK, 0)], [1]))

    (record,) = encode_profiles(facts, blank_portraits(1, 2))

    assert record[9] == FURTHER_LAYOUT
    assert decode_profile(record).further["partition"].tolist() == [2]
    assert decode_profile(record).head["partition"][ACTION_CODE[Action.CLICK]] == 2


def test_a_log_that_began_again_is_read_from_its_beginning() -> None:
    old, new = log_of(clicks(40)[:20]), log_of(clicks(40)[20:])
    new["log"] = 1

    facts = facts_of(old, new)

    assert facts.head["totals"][0].sum() == 40


@given(st.integers(0, 20), st.integers(0, 20))
def test_what_the_new_log_repeats_of_the_old_counts_once(kept: int, start: int) -> None:
    events = clicks(30)
    old, new = log_of(events[:20]), log_of(events[kept:])
    new["log"] = 1

    facts = facts_of(old, new, new[start:])

    assert facts.head["totals"][0].sum() == 30


@given(partitions, shuffles)
def test_of_a_log_that_is_gone_nothing_counts_after_the_new_one(
    places: list[int], random: Random
) -> None:
    old = spread_log_of(clicks(20), places[:20])
    new = spread_log_of(clicks(40)[20:], places[20:40])
    new["log"] = 1
    facts = facts_of(old, new)
    before = whole(facts)

    fold(facts, interleaved(old, random))

    assert whole(facts) == before


def test_one_user_on_several_partitions_does_not_change_what_others_are() -> None:
    events = [Happening(n % 3, START + n, n + 1, 1, 0.0, 1, Action.CLICK, 0) for n in range(30)]
    mixed = spread_log_of(events, [n % 4 if n % 3 == 1 else 2 for n in range(30)])
    others = mixed[mixed["user"] != 1]

    facts = facts_of(mixed)

    for user in (0, 2):
        assert facts.head[user] == facts_of(others).head[user]
        assert facts.head["layout"][user] == LAYOUT
