"""What the judge asks of the first learned model, and of all later ones."""

from dataclasses import replace

import pytest

from portrait.judge import judge
from portrait.store import Model
from portrait.trial import DEFAULTS
from tests.catalogues import SPACE
from tests.models import learned_model
from tests.unit.test_judge import CHAMPION
from workers.train import thresholds_for, without_encoder

PRETRAINED = Model("pretrained", SPACE)


@pytest.mark.parametrize("champion", [None, PRETRAINED])
def test_the_first_learned_model_is_not_asked_for_what_texts_alone_do_best(
    champion: Model | None,
) -> None:
    asked = thresholds_for(DEFAULTS, champion)

    assert asked == replace(DEFAULTS, bias_change=-1, cold_change=-1)


def test_a_later_one_is_asked_for_everything() -> None:
    assert thresholds_for(DEFAULTS, learned_model()) == DEFAULTS


def test_an_encoder_that_was_chosen_may_be_slower_and_on_another_scale() -> None:
    fast = replace(CHAMPION, encode_ms=1.0, typo_cosine=0.95)
    slow = replace(fast, version="slow", encode_ms=8.0, typo_cosine=0.7)

    assert not judge(fast, slow, DEFAULTS).promote
    assert judge(fast, slow, without_encoder(DEFAULTS)).promote
