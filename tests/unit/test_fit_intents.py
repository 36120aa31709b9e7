"""Fitting intents: a head that knows how sure it is, and when to say nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import SpaceMismatchError
from portrait.helpdesk.intents import IntentHead, head_of_words
from portrait.model.space import unit
from portrait.training.heads.fit_intents import (
    FOLDS,
    LIKELIER,
    NEVER,
    fit_intents,
    folds_of,
    threshold_for,
)

NAMES = ("delivery", "refund", "invoice")


def messages(each: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw vectors around a direction for each intent."""
    drawn = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(NAMES)), each)
    vectors = np.eye(16, dtype=np.float32)[codes] + noise * drawn.standard_normal((len(codes), 16))
    return unit(vectors.astype(np.float32)), codes


def test_a_head_reads_what_it_has_not_seen() -> None:
    fitted = fit_intents("hash", NAMES, *messages(20, 0.3))

    vectors, codes = messages(50, 0.3, seed=1)
    assert (fitted.head(vectors).argmax(axis=1) == codes).mean() > 0.9
    np.testing.assert_allclose(fitted.head(vectors).sum(axis=1), 1, atol=1e-5)


def test_what_is_said_is_as_often_right() -> None:
    fitted = fit_intents("hash", NAMES, *messages(200, 0.6))

    vectors, codes = messages(2_000, 0.6, seed=1)
    said = fitted.head(vectors)
    right = (said.argmax(axis=1) == codes).mean()
    assert said.max(axis=1).mean() == pytest.approx(right, abs=0.03)


def test_of_what_is_believed_98_of_100_are_right() -> None:
    fitted = fit_intents("hash", NAMES, *messages(400, 0.45))

    vectors, codes = messages(4_000, 0.45, seed=1)
    said = fitted.head(vectors)
    believed = said.max(axis=1) >= fitted.head.certain
    assert 0.3 < believed.mean() < 0.99
    assert (said.argmax(axis=1) == codes)[believed].mean() == pytest.approx(0.98, abs=0.012)


def test_strangers_raise_what_is_asked_for() -> None:
    vectors, codes = messages(200, 0.4)
    strangers = unit(np.random.default_rng(2).standard_normal((200, 16)).astype(np.float32))

    alone = fit_intents("hash", NAMES, vectors, codes).head
    among = fit_intents("hash", NAMES, vectors, codes, strangers=strangers).head

    assert among.certain > alone.certain


def test_with_few_labels_nobody_claims_to_know_what_98_of_100_is() -> None:
    assert fit_intents("hash", NAMES, *messages(10, 0.6)).head.certain == LIKELIER


def test_an_intent_without_a_label_is_never_the_likeliest() -> None:
    vectors, codes = messages(10, 0.1)
    two = codes < 2

    head = fit_intents("hash", NAMES, vectors[two], codes[two]).head

    assert head(vectors[two]).argmax(axis=1).tolist() == codes[two].tolist()


def test_one_label_of_each_is_enough_to_begin_with() -> None:
    vectors, codes = messages(1, 0.0)

    head = fit_intents("hash", NAMES, vectors, codes).head

    assert head(vectors).argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("likeliest", "right", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.6], [True, True, False, True], 0.8),
        ([0.9, 0.8], [False, True], NEVER),
        ([0.6, 0.9], [True, True], 0.6),
    ],
)
def test_the_threshold_is_the_lowest_that_keeps_the_precision(
    likeliest: list[float], right: list[bool], expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portrait.training.heads.fit_intents.LEAST_BELIEVED", 1)

    found = threshold_for(np.array(likeliest, np.float32), np.array(right))

    assert found == pytest.approx(expected)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_every_fold_has_its_share_of_every_intent(codes: list[int]) -> None:
    folds = folds_of(np.array(codes))

    for code in set(codes):
        counts = np.bincount(folds[np.array(codes) == code], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


def head() -> IntentHead:
    return head_of_words("hash", NAMES, np.eye(3, 8, dtype=np.float32), np.arange(3))


def test_the_head_of_words_knows_its_own_words() -> None:
    assert head()(np.eye(3, 8, dtype=np.float32)).argmax(axis=1).tolist() == [0, 1, 2]


def test_the_head_of_words_does_not_care_where_the_middle_of_all_vectors_lies() -> None:
    words = unit(np.eye(3, 8, dtype=np.float32) + 5)  # all cosines above .97

    far = head_of_words("hash", NAMES, words, np.arange(3))

    assert far(words).max(axis=1).min() > 0.9
    assert far(-words).max() < 0.5


def test_a_head_comes_back_as_it_was_written() -> None:
    vectors, _ = messages(3, 0.3)
    before = fit_intents("hash", NAMES, *messages(20, 0.3)).head

    after = IntentHead.from_arrays(before.to_arrays())

    assert (after.encoder, after.intents) == ("hash", NAMES)
    np.testing.assert_array_equal(after(vectors), before(vectors))


def test_a_head_of_fewer_intents_leaves_the_others_out() -> None:
    only = head().only({"delivery", "invoice"})

    assert only is not None
    assert only.intents == ("delivery", "invoice")
    assert only(np.eye(3, 8, dtype=np.float32)).shape == (3, 2)
    assert head().only({"delivery"}) is None


def test_vectors_of_another_encoder_are_refused() -> None:
    with pytest.raises(SpaceMismatchError):
        head()(np.eye(3, 7, dtype=np.float32))
