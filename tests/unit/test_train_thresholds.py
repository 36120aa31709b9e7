"""What the judge asks of the first learned model, and of all later ones."""

from dataclasses import replace

import numpy as np
import pytest

from portrait.evaluation.judge import judge
from portrait.evaluation.trial import DEFAULTS, Ranks
from portrait.model.model import Model
from tests.support.catalogues import SPACE
from tests.support.models import learned_model
from tests.unit.test_judge import CHAMPION
from workers.train.worker import thresholds_for, without_encoder

PRETRAINED = Model("pretrained", SPACE)


@pytest.mark.parametrize("champion", [None, PRETRAINED])
def test_the_first_learned_model_is_not_asked_for_what_texts_alone_do_best(
    champion: Model | None,
) -> None:
    asked = thresholds_for(DEFAULTS, champion)

    assert asked == replace(
        DEFAULTS,
        bias_change=-1,
        cold_change=-0.5,
        search_change=-0.25,
        session_change=-0.25,
        complaint_change=-0.25,
    )


def test_what_a_person_allows_the_first_one_is_allowed() -> None:
    asked = thresholds_for(replace(DEFAULTS, cold_change=-1, search_change=-0.9), PRETRAINED)

    assert (asked.cold_change, asked.search_change) == (-1, -0.9)


def test_the_first_learned_model_may_not_forget_all_cold_items() -> None:
    hit = np.tile([1.0, 0.0], 40)
    champion = replace(CHAMPION, cold=Ranks(hit, hit))
    forgetful = replace(CHAMPION, version="v2", cold=Ranks(hit * 0, hit * 0))

    verdict = judge(champion, forgetful, thresholds_for(DEFAULTS, PRETRAINED))

    assert not verdict.promote
    assert verdict.reason == (
        "Of items that no training had seen, what people took is among the first ten in 0.0 of 100 "
        "cases; 50.0 with the model that serves (80 people). It fell to nothing."
    )


def test_a_later_one_is_asked_for_everything() -> None:
    assert thresholds_for(DEFAULTS, learned_model()) == DEFAULTS


def test_an_encoder_that_was_chosen_may_be_slower_and_on_another_scale() -> None:
    fast = replace(CHAMPION, encode_ms=1.0, typo_cosine=0.95)
    slow = replace(fast, version="slow", encode_ms=8.0, typo_cosine=0.7)

    assert not judge(fast, slow, DEFAULTS).promote
    assert judge(fast, slow, without_encoder(DEFAULTS)).promote
