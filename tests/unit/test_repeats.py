"""Repeats: what was bought, how due it is, and what no weights can make of it."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.bought import FADING, Bought, Purchases, bought, of_rings
from portrait.model.learned import Learned
from portrait.model.repeats import OWN, SIGNS, Repeats
from portrait.times import DAY_MS
from tests.support.models import learned
from tests.support.shopping import START, THINGS, Line, purchases_of, repeats, ring_of

lines = st.lists(
    st.tuples(st.floats(0, 90).map(lambda day: round(day, 3)), st.integers(0, len(THINGS) - 1)),
    min_size=1,
    max_size=12,
)
seeds = st.integers(0, 500)
MILK, BREAD = 0, 1


def at(day: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([round(START + day * DAY_MS)])


def of_thing(had: Bought, thing: int) -> Bought:
    return had.where(had.ref == THINGS[thing])


def asked_after_an_interval(
    model: Repeats, said: list[Line], thing: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the moment when the usual interval of a thing is over, (1,)."""
    last = max(day for day, each in said if each == thing)
    had = of_thing(bought(purchases_of(said), at(1_000)), thing)
    return at(last + float(model.intervals(had)[0]))


def test_what_was_bought_is_told_by_days() -> None:
    said = [(0.1, MILK), (0.2, MILK), (0.2, BREAD), (3, MILK), (5.5, BREAD)]

    had = bought(purchases_of(said), at(7.5))

    milk, bread = of_thing(had, MILK), of_thing(had, BREAD)
    assert (milk.times.tolist(), milk.chances.tolist()) == ([2], [3])
    np.testing.assert_allclose(milk.fading, [FADING + FADING**2])  # one and two days are newer
    np.testing.assert_allclose([milk.since[0], milk.span[0]], [4.5, 2.9])
    assert (bread.times.tolist(), bread.chances.tolist()) == ([2], [3])
    np.testing.assert_allclose(bread.fading, [1 + FADING**2])
    np.testing.assert_allclose(had.crowd[0], [np.log(5 / 3), 1 - 2 / 4, np.log(3)])


def test_questions_know_nothing_of_each_other() -> None:
    one, other = [(1.0, MILK), (4.0, BREAD)], [(2.0, MILK)]

    both = bought(purchases_of(one, other), np.concatenate([at(6), at(9)]))

    for question, (said, day) in enumerate([(one, 6), (other, 9)]):
        alone = bought(purchases_of(said), at(day))
        part = both.where(both.question == question)
        for field in fields(Bought)[1:]:
            np.testing.assert_allclose(getattr(part, field.name), getattr(alone, field.name))


@given(lines, lines, st.floats(0, 100))
def test_nothing_that_happens_at_the_moment_asked_about_or_later_is_known(
    said: list[Line], later: list[Line], day: float
) -> None:
    before = [line for line in said if line[0] < day]
    after = [(day + more, thing) for more, thing in later]

    had = bought(purchases_of(before + after), at(day))

    alone = bought(purchases_of(before), at(day))
    for field in fields(Bought):
        np.testing.assert_array_equal(getattr(had, field.name), getattr(alone, field.name))


@given(lines, st.floats(0, 20), seeds)
def test_buying_once_more_never_lowers_the_score_of_being_due_an_interval_later(
    said: list[Line], pause: float, seed: int
) -> None:
    model, (_, thing) = repeats(seed=seed), said[0]
    more = [*said, (max(day for day, _ in said) + pause, thing)]
    asked = asked_after_an_interval(model, more, thing)

    once_more = model.scores(of_thing(bought(purchases_of(more), asked), thing))

    as_it_was = model.scores(of_thing(bought(purchases_of(said), asked), thing))
    assert once_more[0] >= as_it_was[0] - 1e-4


@given(lines, seeds)
def test_what_was_just_bought_is_less_due_than_the_same_an_interval_later(
    said: list[Line], seed: int
) -> None:
    model, (_, thing) = repeats(seed=seed), said[0]
    assume(model.weights[list(SIGNS).index("rising")] > 0.01)
    just_now = at(max(day for day, each in said if each == thing) + 1e-6)
    known = [line for line in said if START + line[0] * DAY_MS < just_now[0]]
    in_time = asked_after_an_interval(model, known, thing)

    now, then = (
        model.scores(of_thing(bought(purchases_of(known), moment), thing))
        for moment in (just_now, in_time)
    )

    assert now[0] < then[0]


@given(lines, seeds)
def test_what_is_long_overdue_is_less_and_less_due(said: list[Line], seed: int) -> None:
    model = repeats(seed=seed)
    days = [float(asked_after_an_interval(model, said, said[0][1])[0] - START) / DAY_MS]
    days += [days[0] + 30, days[0] + 300]

    scores = [
        model.scores(of_thing(bought(purchases_of(said), at(day + 100)), said[0][1]))[0]
        for day in days
    ]

    assert scores[0] >= scores[1] >= scores[2]


def test_the_own_interval_is_drawn_towards_that_of_everybody() -> None:
    model = repeats()
    everybody = float(model.rates.interval[MILK])
    had = of_thing(bought(purchases_of([(0, MILK), (10, MILK), (20, MILK)]), at(25)), MILK)

    (interval,) = model.intervals(had)

    np.testing.assert_allclose(interval, (20 + OWN * everybody) / (2 + OWN), rtol=1e-6)


def test_what_sells_now_is_more_due_than_what_sells_no_more() -> None:
    model = repeats()
    had = bought(purchases_of([(0, MILK), (5, BREAD)]), at(9))

    usual, now, no_more = (
        model.scores(had, np.expm1(np.log1p(model.rates.usual[model.rates.find(had.ref)])) * many)
        for many in (1, 10, 0)
    )

    assert (now > usual).all()
    assert (no_more < usual).all()
    np.testing.assert_allclose(usual, model.scores(had), rtol=1e-5)


def test_purchases_alone_are_read_from_rings() -> None:
    ring = np.stack([ring_of([(1, MILK), (2, BREAD), (3, MILK)])] * 2)
    ring["action"][0, 1] = ACTION_CODE[Action.CLICK]
    ring[1, 2] = 0

    read = of_rings(ring)

    assert read.question.tolist() == [0, 0, 1, 1]
    assert read.ref.tolist() == THINGS[[MILK, MILK, MILK, BREAD]].tolist()


def test_nothing_bought_is_nothing_due() -> None:
    nothing = Purchases(np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64))

    had = bought(nothing, at(5))

    assert len(repeats().scores(had)) == len(had) == 0


def test_a_model_brings_its_repeat_part_back_and_one_of_before_has_none() -> None:
    before, part = learned(), repeats(seed=4)
    model = replace(before, repeats=part)
    had = bought(purchases_of([(0, MILK), (5, BREAD), (6, 3)]), at(9))

    read = Learned.from_arrays(model.to_arrays())

    assert read.repeats is not None
    np.testing.assert_array_equal(read.repeats.scores(had), part.scores(had))
    assert Learned.from_arrays(before.to_arrays()).repeats is None
    assert read.digest == before.digest  # it places no item, so a space keeps its name
