"""When a person takes over, and in what mood somebody writes."""

import pytest

from portrait.helpdesk.desk import HandOver
from portrait.helpdesk.hand_over import reasons_for
from portrait.helpdesk.mood import mood_of

RULES = (
    HandOver(because="person", words=("human", "real person", "人工")),
    HandOver(because="upset", mood="upset"),
    HandOver(because="unsure", below=0.4),
    HandOver(because="money", intents=frozenset({"refund"}), words=("money",)),
)


@pytest.mark.parametrize(
    ("message", "intent", "probability", "reasons"),
    [
        ("let me talk to a HUMAN.", "refund", 0.9, ["person"]),
        ("a real  person please", "refund", 0.9, ["person"]),
        ("humane treatment", "refund", 0.9, []),
        ("转人工客服", "refund", 0.9, ["person"]),
        ("where is it", None, 0.3, ["unsure"]),
        ("where is my money", "refund", 0.9, ["money"]),
        ("where is my money", "delivery", 0.9, []),
    ],
)
def test_all_that_a_rule_names_has_to_hold(
    message: str, intent: str | None, probability: float, reasons: list[str]
) -> None:
    assert reasons_for(RULES, message, intent, probability, "neutral") == reasons


def test_who_is_upset_is_handed_over() -> None:
    assert reasons_for(RULES, "hm", "refund", 0.9, "upset") == ["upset"]


@pytest.mark.parametrize(
    ("texts", "reviews", "mood"),
    [
        (["Where is my order?"], (0, 0), "neutral"),
        (["This is terrible, the worst shop ever"], (0, 0), "upset"),
        (["太差劲了，质量很差，骗子"], (0, 0), "upset"),  # noqa: RUF001
        (["You idiots."], (0, 0), "upset"),
        (["Where is my order?"], (2, 0), "upset"),
        (["Thank you, great and perfect, love it"], (0, 1), "pleased"),
    ],
)
def test_a_mood_is_read_from_words_and_reviews(
    texts: list[str], reviews: tuple[int, int], mood: str
) -> None:
    assert mood_of(texts, *reviews) == mood
