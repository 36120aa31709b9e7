"""Learned: what a blend makes of its parts, and how it is kept."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.model.learned import Blend, Learned
from tests.support.models import learned

weights = st.floats(0, 4, width=32)


@given(weights, weights, weights, weights, st.integers(0, 1_000))
def test_a_cold_item_is_scored_by_its_text_and_all_others_as_if_none_were_cold(
    behaviour: float, neighbours: float, text: float, cold: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    first, second, texts = draw.normal(size=(3, 5, 4)).astype(np.float32)
    is_cold = draw.random(4) < 0.5

    scores = Blend(behaviour, neighbours, text, cold=cold).score(first, second, texts, is_cold)

    plain = Blend(behaviour, neighbours, text).score(first, second, texts, is_cold)
    np.testing.assert_array_equal(scores[:, ~is_cold], plain[:, ~is_cold])
    np.testing.assert_allclose(scores[:, is_cold], cold * texts[:, is_cold], rtol=1e-6)


@pytest.mark.parametrize(
    ("blend", "parts"),
    [
        (Blend(1, 2, 0.25), 3),  # as before: the arrays, and so the model's name, stay the same
        (Blend(1, 2, 0.25, kin=0.2, price=0.3), 5),
        (Blend(1, 2, 0.25, cold=1.5), 6),
        (Blend(1, 2, 0.25, kin=0.2, cold=0.0, cold_behaviour=2), 7),
    ],
)
def test_arrays_bring_a_blend_back_and_hold_no_more_than_counts(blend: Blend, parts: int) -> None:
    model = replace(learned(), blend=blend)

    assert Learned.from_arrays(model.to_arrays()).blend == blend
    assert len(model.to_arrays()["blend"]) == parts
