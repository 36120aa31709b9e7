"""Sentences: why, in plain words; each clause is a reason, and the numbers add up."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.event import Action
from service.http.languages import LANGUAGES, Language
from service.profiles.describe import Json
from service.recommendations.sentences import CLAUSES, FRAMES, LEAST, About, sentence

ACTIONS = [*CLAUSES["en"]]


def reason(action: str, share: float, title: str | None = "Oat milk") -> Json:
    return {"action": action, "item_id": "1", "title": title, "rhythm": None, "share": share}


SAID: Mapping[Language, str] = {
    "en": "Because you bought Oat milk (70 %) and it is popular here (45 %);"
    " against it, you sent Tea back (-20 %); all else: 5 %.",
    "zh": "因为您买过Oat milk（70%）、它在这里很受欢迎（45%）；"  # noqa: RUF001
    "不利的是您退回过Tea（-20%）；其他因素5%。",  # noqa: RUF001
}


@pytest.mark.parametrize(("language", "said"), SAID.items())
def test_each_reason_is_a_clause_with_its_part(language: Language, said: str) -> None:
    favour = [reason("purchase", 0.35), reason("popularity", 0.225, "As 3 purchases")]

    assert sentence(favour, [reason("return", -0.1, "Tea")], 0.5, language) == said


SAID_ONCE: Mapping[Language, str] = {
    "en": "Because you bought Oat milk (50 %), Oats (20 %) and Salt (5 %), and you looked at Rice"
    " (15 %); against it, you sent Tea (-5 %) and Rum (-5 %) back; all else: 20 %.",
    "zh": "因为您买过Oat milk（50%）、Oats（20%）、Salt（5%），您看过Rice（15%）；"  # noqa: RUF001
    "不利的是您退回过Tea（-5%）、Rum（-5%）；其他因素20%。",  # noqa: RUF001
}


@pytest.mark.parametrize(("language", "said"), SAID_ONCE.items())
def test_what_was_done_with_several_things_is_said_once(language: Language, said: str) -> None:
    favour = [
        reason("purchase", 0.5),
        reason("purchase", 0.2, "Oats"),
        reason("click", 0.1, "Rice"),
        reason("browse", 0.05, "Rice"),  # another item of the same name
        reason("purchase", 0.05, "Salt"),
    ]
    against = [reason("return", -0.05, "Tea"), reason("return", -0.05, "Rum")]

    assert sentence(favour, against, 1.0, language) == said


def test_searches_are_each_in_marks_of_their_own() -> None:
    favour = [reason("search", 0.6, "tea"), reason("search", 0.4, "cup")]

    said = sentence(favour, [], 1.0, "en")

    assert said == "Because you searched for “tea” (60 %) and “cup” (40 %)."


def test_one_reason_that_is_all_stands_alone() -> None:
    said = sentence([reason("search", 1.0, "green {tea}")], [], 1.0, "en")

    assert said == "Because you searched for “green {tea}” (100 %)."


@pytest.mark.parametrize(
    ("about", "english", "chinese"),
    [
        ("session", "you have just looked at Oat milk", "您刚看过Oat milk"),
        ("suits", "it suits Oat milk", "与Oat milk相配"),
        ("similar", "it is like Oat milk", "与Oat milk相似"),
        ("together", "it goes with Oat milk", "与Oat milk搭配"),
        ("in_cart", "it goes with Oat milk in your cart", "与购物车里的Oat milk搭配"),
    ],
)
def test_what_the_request_names_is_said_as_the_list_is_about_it(
    about: About, english: str, chinese: str
) -> None:
    named = [reason("session", 1.0)]

    assert sentence(named, [], 1.0, "en", about) == f"Because {english} (100 %)."
    assert sentence(named, [], 1.0, "zh", about) == f"因为{chinese}（100%）。"  # noqa: RUF001


def test_words_of_a_session_were_searched_for() -> None:
    words = {**reason("session", 1.0, "green tea"), "item_id": None}

    assert sentence([words], [], 1.0, "en") == "Because you searched for “green tea” (100 %)."


def test_what_is_due_says_how_it_is_bought() -> None:
    due = {
        **reason("purchase", 0.8),
        "rhythm": {"times": 4, "every_days": 12, "last_days": 11},
    }

    assert (
        sentence([due], [], 0.8, "en") == "Bought 4 times, every 12 days or so, last 11 days ago."
    )
    assert sentence([due], [], 0.8, "zh") == "买过4次，大约每12天一次，上次是11天前。"  # noqa: RUF001


@pytest.mark.parametrize("relevance", [0.0, -0.5])
def test_what_nothing_speaks_for_has_no_sentence(relevance: float) -> None:
    assert sentence([], [], 1.0, "en") is None
    assert sentence([reason("click", 0.1)], [], relevance, "en") is None


reasons = st.builds(
    reason, st.sampled_from(ACTIONS), st.floats(-1, 1), st.sampled_from(["milk", "tea", None])
)


@given(
    st.lists(reasons, min_size=1, max_size=3),
    st.lists(reasons, max_size=3),
    st.floats(LEAST, 1),
    st.sampled_from(LANGUAGES),
)
def test_the_numbers_add_up(
    favour: list[Json], against: list[Json], relevance: float, language: Language
) -> None:
    said = sentence(favour, against, relevance, language)

    assert said is not None
    assert sum(map(int, re.findall(r"(-?\d+) ?%", said))) == 100


def test_every_language_has_the_same_words_and_every_action_one_of_them() -> None:
    assert CLAUSES["en"].keys() == CLAUSES["zh"].keys()
    assert FRAMES["en"].keys() == FRAMES["zh"].keys()
    assert {*Action} - {Action.REMOVE} <= CLAUSES["en"].keys()
