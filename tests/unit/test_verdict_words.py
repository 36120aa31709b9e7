"""What a verdict says of each figure, in words."""

import pytest

from portrait.evaluation.verdict import Check
from portrait.evaluation.verdict_words import said


def told(  # noqa: PLR0913 - what a check is made of
    name: str,
    champion: float | None,
    challenger: float | None,
    p: float | None = None,
    *,
    is_allowed: bool = False,
    limit: float | None = None,
    at_most: bool = False,
    passed: bool = True,
    judged: bool = True,
    cases: int | None = None,
) -> str:
    check = Check(
        name=name,
        champion=champion,
        challenger=challenger,
        limit=limit,
        at_most=at_most,
        passed=passed,
        judged=judged,
        cases=cases,
        reason="",
    )
    return said(check, p, is_allowed=is_allowed)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (
            told("search HR@10", 0.41, 0.46, limit=0.39, cases=107),
            (
                "After a search, what was taken next is among the first ten in 46 of 100 cases; "
                "41 with the model that serves (107 people)."
            ),
        ),
        (
            told("known visitor HR@10", 0.84, 0.67, limit=0.79, passed=False, cases=98),
            (
                "Two events into a visit of somebody known, what they took next is among the "
                "first ten in 67 of 100 cases; 84 with the model that serves (98 people). At "
                "least 79 is asked."
            ),
        ),
        (
            told("complaint heeded", 0.76, 0.715, limit=0.719, cases=70),  # 72 would be both
            (
                "After a return or a bad review, the item and its like stand lower in 71.5 of "
                "100 cases; 76.0 with the model that serves (70 people). At least 71.9 is "
                "asked; chance may explain that."
            ),
        ),
        (
            told("cold HR@10", 0.12, 0.0, is_allowed=True, limit=0.0, cases=60),
            (
                "Of items that no training had seen, what people took is among the first ten in "
                "0.0 of 100 cases; 12.0 with the model that serves (60 people). It fell to "
                "nothing, which the settings allow."
            ),
        ),
        (
            told("search HR@10", 0.5, 0.4, limit=0.475, judged=False, cases=12),
            (
                "After a search, what was taken next is among the first ten in 40 of 100 cases; "
                "50 with the model that serves (12 people). Not judged: 12 of 50 cases."
            ),
        ),
        (
            told("search HR@10", None, None, judged=False),
            "Not judged: searches (0 of 50 cases).",
        ),
        (
            told("2026-09-01 NDCG@10", 0.2, 0.19, limit=0.196, passed=False, cases=80),
            (
                "What people took next in the period from 2026-09-01 on stands lower in the "
                "lists: NDCG@10 fell from 0.2000 to 0.1900 (-5.0%, 80 people). At least 0.1960 "
                "is asked."
            ),
        ),
        (
            told("newest NDCG@10", 0.0912, 0.0951, 0.003, limit=0.09, cases=412),
            (
                "What people took next stands higher in the lists: NDCG@10 rose from 0.0912 to "
                "0.0951 (+4.3%, chance of no gain 0.3%, 412 people)."
            ),
        ),
        (
            told("coverage", 0.99, 0.98, limit=0.0),
            "98 of 100 items are recommended to somebody; 99 with the model that serves.",
        ),
        (
            told("churn_risk ECE", 0.01, 0.03, limit=0.02, at_most=True, passed=False),
            (
                "How far probabilities of churn_risk are off: calibration error rose from "
                "0.0100 to 0.0300 (+200.0%). At most 0.0200 is asked."
            ),
        ),
        (
            told("encode ms", 3.0, 3.0),
            "Reading a text takes 3.00 ms; 3.00 with the model that serves.",
        ),
        (told("coverage", 0.5, None, limit=0.4, passed=False), "coverage was not measured."),
        (
            told("tail share", None, 0.25),
            "25 of 100 recommendations are outside the most popular fifth of the items.",
        ),
    ],
)
def test_each_figure_reads_as_a_sentence(sentence: str, words: str) -> None:
    assert sentence == words
