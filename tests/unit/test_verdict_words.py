"""What a verdict says of each figure, in words."""

import pytest

from portrait.evaluation.verdict_words import Measured, said


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (
            Measured("search HR@10", 0.41, 0.46, limit=0.39, cases=107),
            (
                "After a search, what was taken next is among the first ten in 46 of 100 cases; "
                "41 with the model that serves (107 people)."
            ),
        ),
        (
            Measured("known visitor HR@10", 0.84, 0.67, limit=0.79, passed=False, cases=98),
            (
                "Two events into a visit of somebody known, what they took next is among the "
                "first ten in 67 of 100 cases; 84 with the model that serves (98 people). At "
                "least 79 is asked."
            ),
        ),
        (
            Measured("complaint heeded", 0.76, 0.715, limit=0.719, cases=70),  # 72 would be both
            (
                "After a return or a bad review, the item and its like stand lower in 71.5 of "
                "100 cases; 76.0 with the model that serves (70 people). At least 71.9 is "
                "asked; chance may explain that."
            ),
        ),
        (
            Measured("cold HR@10", 0.12, 0.0, limit=0.0, cases=60, is_allowed=True),
            (
                "Of items that no training had seen, what people took is among the first ten in "
                "0.0 of 100 cases; 12.0 with the model that serves (60 people). It fell to "
                "nothing, which the settings allow."
            ),
        ),
        (
            Measured("search HR@10", 0.5, 0.4, limit=0.475, least_cases=50, cases=12),
            (
                "After a search, what was taken next is among the first ten in 40 of 100 cases; "
                "50 with the model that serves (12 people). Not judged: 12 of 50 cases."
            ),
        ),
        (
            Measured("search HR@10", None, None, least_cases=50),
            "Not judged: searches (0 of 50 cases).",
        ),
        (
            Measured("2026-09-01 NDCG@10", 0.2, 0.19, limit=0.196, passed=False, cases=80),
            (
                "What people took next in the period from 2026-09-01 on stands lower in the "
                "lists: NDCG@10 fell from 0.2000 to 0.1900 (-5.0%, 80 people). At least 0.1960 "
                "is asked."
            ),
        ),
        (
            Measured("newest NDCG@10", 0.0912, 0.0951, limit=0.09, cases=412, p=0.003),
            (
                "What people took next stands higher in the lists: NDCG@10 rose from 0.0912 to "
                "0.0951 (+4.3%, chance of no gain 0.3%, 412 people)."
            ),
        ),
        (
            Measured("coverage", 0.99, 0.98, limit=0.0),
            "98 of 100 items are recommended to somebody; 99 with the model that serves.",
        ),
        (
            Measured("churn_risk ECE", 0.01, 0.03, limit=0.02, at_most=True, passed=False),
            (
                "How far probabilities of churn_risk are off: calibration error rose from "
                "0.0100 to 0.0300 (+200.0%). At most 0.0200 is asked."
            ),
        ),
        (
            Measured("encode ms", 3.0, 3.0),
            "Reading a text takes 3.00 ms; 3.00 with the model that serves.",
        ),
        (Measured("coverage", 0.5, None, limit=0.4, passed=False), "coverage was not measured."),
        (
            Measured("tail share", None, 0.25),
            "25 of 100 recommendations are outside the most popular fifth of the items.",
        ),
    ],
)
def test_each_figure_reads_as_a_sentence(measured: Measured, words: str) -> None:
    assert said(measured) == words
