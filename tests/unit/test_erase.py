"""Erasure in facts: what was received up to it is gone, whenever and however often it is read."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.events.columns import COLUMNS, ERASURE
from portrait.events.event import Action
from portrait.profiles.facts import LATER_MS, Facts, fold
from tests.support.strategies import START, Happening, happenings, log_of

USERS = 2
UNTIL = START + 300 * LATER_MS  # the moment of erasure, ms: all `happenings` lie before it
BEFORE, AFTER = UNTIL - 1, UNTIL + 1


def erasure(user: int = 0, *, offset: int = 0, until: int = UNTIL) -> NDArray[np.void]:
    row = (0, until, 0, 0.0, 0, 0, 0)
    return np.array([(user, ERASURE, 0, 0, offset, until, until, row, 0, False)], COLUMNS)


def received(log: NDArray[np.void], moment: int) -> NDArray[np.void]:
    log = log.copy()
    log["received"] = moment
    return log


def facts_of(*logs: NDArray[np.void]) -> Facts:
    facts = Facts.empty(USERS)
    for log in logs:
        fold(facts, log)
    return facts


def whole(facts: Facts) -> bytes:
    return facts.head.tobytes() + facts.ring.tobytes()


def late_click(ref: int = 1) -> Happening:
    return Happening(0, UNTIL + 2 * LATER_MS, 9, ref, 0.0, 1, Action.CLICK, 0)


@given(happenings(USERS), st.data())
def test_it_does_not_matter_when_an_erasure_is_read(
    events: list[Happening], data: st.DataObject
) -> None:
    """Nor how the log is cut, as long as nothing of that user that came later was read before."""
    log = received(log_of(events), BEFORE)
    place = data.draw(st.integers(0, len(log)))
    later = data.draw(st.integers(place, len(log)))
    log["received"][later:] = AFTER  # of a topic-partition, the newer events
    cut = data.draw(st.integers(0, later - place))

    read_late = facts_of(log[:place], log[place : place + cut], erasure(), log[place + cut :])

    assert whole(read_late) == whole(facts_of(erasure(), log))


@given(happenings(1, most=100), st.data())
def test_a_replay_of_any_stretch_brings_nothing_back(
    events: list[Happening], data: st.DataObject
) -> None:
    old, new = events[: len(events) // 2], events[len(events) // 2 :]
    log = log_of([*old, *new])
    log["received"][: len(old)] = BEFORE
    log["received"][len(old) :] = AFTER
    log = np.concatenate([log[: len(old)], erasure(), log[len(old) :]])
    start = data.draw(st.integers(0, len(log)))
    end = data.draw(st.integers(start, len(log)))

    again = facts_of(log, log[start:end])

    assert whole(again) == whole(facts_of(log))


@given(happenings(USERS))
def test_nothing_is_left_but_positions(events: list[Happening]) -> None:
    facts = facts_of(received(log_of(events), BEFORE), erasure())

    left, nobody = facts.head[0].copy(), Facts.empty(1).head[0]
    assert not left["last_id"][:ERASURE].any()
    for name in ("revision", "partition", "offset", "last_id", "received_at", "layout"):
        left[name] = nobody[name]
    assert left == nobody
    assert not facts.ring[0].tobytes().strip(b"\0")


@given(happenings(USERS))
def test_nobody_else_is_touched(events: list[Happening]) -> None:
    log = received(log_of(events), BEFORE)

    erased = facts_of(log, erasure())

    assert erased.head[1] == facts_of(log).head[1]
    assert erased.ring[1].tobytes() == facts_of(log).ring[1].tobytes()


def test_what_happens_later_is_new() -> None:
    old = [Happening(0, START + n, n + 1, 5, 2.0, 1, Action.PURCHASE, 0) for n in range(70)]
    log = log_of([*old, late_click(ref=7)])
    log["received"][:-1], log["received"][-1] = BEFORE, AFTER

    facts = facts_of(log[:-1], erasure(), log[-1:])

    assert facts.ring["ref"][0].tolist() == [7] + [0] * 63
    assert facts.head["totals"][0].sum() == 1
    assert facts.head["spend"][0] == 0


def test_an_old_erasure_that_is_read_late_leaves_what_was_received_after_it() -> None:
    """As when the log is folded again from its start, and erasures go back further than events."""
    log = received(log_of([late_click()]), AFTER)

    assert whole(facts_of(log, erasure())) == whole(facts_of(erasure(), log))
    assert facts_of(log, erasure()).head["totals"][0].sum() == 1


def test_events_read_before_their_erasure_are_gone_whenever_they_say_that_they_happened() -> None:
    """A producer's clock may be ahead: less than that an event happened later says nothing."""
    ahead = Happening(0, UNTIL + LATER_MS, 9, 1, 0.0, 1, Action.CLICK, 0)

    facts = facts_of(received(log_of([ahead]), BEFORE), erasure())

    assert facts.head["totals"][0].sum() == 0


def test_of_a_mixture_that_was_read_before_nothing_is_left_not_even_when_it_was_received() -> None:
    log = log_of([Happening(0, START, n, 1, 2.0, 1, Action.PURCHASE, 0) for n in (1, 2)])
    log["received"] = BEFORE, AFTER

    facts = facts_of(log, erasure())

    assert facts.head["totals"][0].sum() == 0
    assert facts.head["received_at"][0] == UNTIL


def test_a_later_erasure_forgets_again_and_a_clock_that_goes_back_forgets_nothing_less() -> None:
    log = received(log_of([late_click()]), AFTER)

    facts = facts_of(erasure(until=AFTER), erasure(offset=1, until=BEFORE), log)

    assert facts.head["totals"][0].sum() == 0
    assert facts.head["last_id"][0, ERASURE] == AFTER


def test_an_erasure_is_no_new_event() -> None:
    assert fold(Facts.empty(1), erasure()).tolist() == [False]
