"""Sentences: why, in plain words; each clause is a reason, and the numbers add up."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.event import Action
from service.http.languages import LANGUAGES, Language
from service.profiles.describe import Json
from service.recommendations.sentences import CLAUSES, FRAMES, LEAST, sentence

ACTIONS = [*CLAUSES["en"]]


def reason(action: str, share: float, title: str | None = "Oat milk") -> Json:
    return {"action": action, "title": title, "share": share}


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


def test_one_reason_that_is_all_stands_alone() -> None:
    said = sentence([reason("search", 1.0, "green {tea}")], [], 1.0, "en")

    assert said == "Because you searched for “green {tea}” (100 %)."


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
