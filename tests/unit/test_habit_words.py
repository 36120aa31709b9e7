"""Habits in words: whoever follows up on people reads sentences, in English or Chinese."""

import pytest

from portrait.model.habit_words import in_words, plain
from portrait.model.habits import HABITS

LATIN = frozenset("abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize("habit", ["taste", *HABITS])
def test_every_habit_is_said_in_words_of_nobody_who_programs(habit: str) -> None:
    english, chinese = plain(habit), plain(habit, "zh")

    assert "_" not in english
    assert not {"sine", "cosine", "squared", "fading"} & {*english.split()}
    assert not LATIN & {*chinese}
    assert plain(habit, "fr") == english


def test_what_makes_a_habit_in_several_ways_is_one() -> None:
    assert plain("overdue") == plain("overdue_squared") == "how long they have been away, for them"
    assert plain("visits_week") == "visits in the last week"
    assert plain("visits_week", "zh") == "最近一周的来访次数"


ENGLISH = (
    "What speaks for it: how long they have been away, for them, and the time of day. What speaks "
    "against it: what they spent so far."
)
CHINESE = "预示会这样的是：与平时相比已有多久没来、一天中的时刻。预示不会的是：迄今花了多少钱。"  # noqa: RUF001


@pytest.mark.parametrize(("language", "said"), [("en", ENGLISH), ("zh", CHINESE), ("fr", ENGLISH)])
def test_what_speaks_for_a_probability_and_what_against_it_is_a_sentence(
    language: str, said: str
) -> None:
    shares = [("overdue", 0.9), ("spend", -0.5), ("overdue_squared", -0.2), ("hour_sine", 0.1)]

    assert in_words(shares, language) == said


def test_what_adds_nothing_is_not_said() -> None:
    assert in_words([("overdue", 0.2), ("overdue_squared", -0.2), ("spend", 0.0)], "en") is None
    assert in_words([("spend", 1.0)], "en") == "What speaks for it: what they spent so far."
