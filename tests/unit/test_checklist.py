"""The check list of tone: what words are held to, and that it finds the faults of a reading."""

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.language.tone import words_say
from portrait.arrays import Floats
from portrait.training.tasks.checklist import cases, failures, gap
from portrait.training.tasks.threshold import NEVER, threshold_for, thresholds_for


@pytest.mark.parametrize("language", ["en", "zh"])
def test_neither_names_nor_regions_nor_slips_change_what_words_say(language: str) -> None:
    told = failures(words_say)[language]

    assert told["names"] == told["regions"] == 0
    assert gap(words_say)[language] == 0
    assert told["typing"] <= 0.12
    assert told["negation"] <= 0.2


def test_a_reading_that_minds_where_somebody_lives_is_found_out() -> None:
    def unfair(texts: Sequence[str]) -> Floats:
        return words_say(texts) + np.array(["Lagos" in text for text in texts], np.float32)

    assert failures(unfair)["en"]["regions"] > 0.5
    assert gap(unfair)["en"] > 0.9


def test_a_reading_that_sees_no_negation_fails_every_direction() -> None:
    alike = {language: each["negation"] for language, each in failures(_nothing).items()}

    assert alike == {"en": 1, "zh": 1}


def _nothing(texts: Sequence[str]) -> Floats:
    return np.zeros(len(texts), np.float32)


def test_every_check_has_cases_in_both_languages_and_no_two_texts_alike() -> None:
    counted = {(case.language, case.check) for case in cases()}

    assert len(counted) == 8
    assert all(len(set(case.texts)) == len(case.texts) for case in cases())


def test_what_is_said_is_right_as_often_as_was_asked_for() -> None:
    sure = np.linspace(1, 0, 200, dtype=np.float32)
    right = np.arange(200) < 100

    least = threshold_for(right, sure, 0.9)

    assert right[sure >= least].mean() == pytest.approx(0.9, abs=0.01)
    assert threshold_for(~right, sure, 0.9) == NEVER


def test_what_is_likelier_not_to_hold_is_never_said() -> None:
    right = np.arange(40) < 20
    sure = np.where(right, 0.9, 0.1).astype(np.float32)

    no, yes = thresholds_for(right.astype(np.int64), np.stack([1 - sure, sure], axis=1), 0.4)

    assert (no, yes) == (0.5, 0.5)
