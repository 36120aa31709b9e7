"""Again: what is due to be bought once more, and why, in words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.again import Rhythm, Wanted, due
from portrait.inference.due_words import WORDS, in_words
from portrait.times import DAY_MS
from tests.support.models import learned
from tests.support.shopping import START, THINGS, repeats, ring_of

MILK, BREAD, SOAP, RARE = range(4)
WEEKLY = [(day, MILK) for day in (0, 7, 14, 21)]
NOW = START + 29 * DAY_MS


def test_what_is_due_comes_first_with_how_it_is_bought() -> None:
    model = replace(learned(), repeats=repeats())

    found = due(ring_of([*WEEKLY, (28.5, BREAD), (2, RARE)]), NOW, model)

    assert found.by_repeats
    assert (np.diff(found.scores) <= 0).all()
    said = dict(zip(found.refs.tolist(), found.reasons, strict=True))
    assert said[THINGS[MILK]] == Rhythm(times=4, every=7, last=8)
    assert said[THINGS[BREAD]].times == 1
    assert said[THINGS[BREAD]].every is not None  # what others do
    assert said[THINGS[RARE]] == Rhythm(times=1, every=None, last=27)


def test_a_model_without_the_part_goes_by_frequency() -> None:
    ring = ring_of([*WEEKLY, (27, BREAD), (28, SOAP), (1, BREAD)])

    for model in (None, learned()):
        found = due(ring, NOW, model)

        assert not found.by_repeats
        assert found.refs.tolist() == THINGS[[MILK, BREAD, SOAP]].tolist()


@given(st.integers(0, 30), st.integers(0, 40))
def test_nothing_from_the_moment_on_is_looked_at(seed: int, day: int) -> None:
    model = replace(learned(), repeats=repeats(seed=seed))
    ring = ring_of([*WEEKLY, (28, BREAD), (3, SOAP), (22, SOAP)])
    moment = START + day * DAY_MS

    found = due(ring, moment, model)

    known = due(ring[ring["at"] < moment], moment, model)
    assert found.refs.tolist() == known.refs.tolist()
    assert found.scores.tolist() == known.scores.tolist()


@pytest.mark.parametrize(("action", "rating"), [(Action.RETURN, 0), (Action.REVIEW, 10)])
def test_what_was_sent_back_or_blamed_is_not_due(action: Action, rating: int) -> None:
    ring = ring_of([*WEEKLY, (15, BREAD), (16, BREAD)])
    ring["action"][1], ring["rating"][1] = ACTION_CODE[action], rating
    assert ring["ref"][1] == THINGS[BREAD]

    found = due(ring, NOW, None)

    assert found.refs.tolist() == [THINGS[MILK]]


def test_what_everybody_buys_now_is_more_due() -> None:
    model = replace(learned(), repeats=repeats())
    ring = ring_of([*WEEKLY, (22, BREAD)])
    is_bread = ring["ref"] == THINGS[BREAD]

    usual, now, no_more = (
        due(ring, NOW, model, wanted)
        for wanted in (
            None,
            Wanted(np.where(is_bread, 8, 1).astype(np.float32), 9),
            Wanted(np.where(is_bread, 0, 1).astype(np.float32), 9),
        )
    )

    bread = [found.scores[found.refs == THINGS[BREAD]][0] for found in (no_more, usual, now)]
    assert bread[0] < bread[1] < bread[2]


def test_who_bought_nothing_has_nothing_due() -> None:
    model = replace(learned(), repeats=repeats())

    assert due(ring_of([]), NOW, model).refs.tolist() == []
    assert due(ring_of([]), NOW, None).reasons == ()


@pytest.mark.parametrize(
    ("rhythm", "english", "chinese"),
    [
        (
            Rhythm(4, 12, 11),
            "bought 4 times, every 12 days or so, last 11 days ago",
            "买过4次，大约每12天一次，上次是11天前",  # noqa: RUF001
        ),
        (
            Rhythm(2, 1, 0),
            "bought twice, every day or so, last today",
            "买过2次，大约每天一次，上次是今天",  # noqa: RUF001
        ),
        (
            Rhythm(1, 1, 5),
            "bought once, 5 days ago; others buy it again after a day or so",
            "买过1次，是5天前；别人大约1天后再买",  # noqa: RUF001
        ),
        (Rhythm(1, None, 1), "bought once, yesterday", "买过1次，是昨天"),  # noqa: RUF001
        (
            Rhythm(1, 30, 40),
            "bought once, 40 days ago; others buy it again after 30 days or so",
            "买过1次，是40天前；别人大约30天后再买",  # noqa: RUF001
        ),
    ],
)
def test_reasons_are_said_in_both_languages(rhythm: Rhythm, english: str, chinese: str) -> None:
    assert (in_words(rhythm, "en"), in_words(rhythm, "zh")) == (english, chinese)
    assert in_words(rhythm, "fi") == english


def test_both_languages_say_the_same_things() -> None:
    english, chinese = WORDS.values()
    assert english.keys() == chinese.keys()
