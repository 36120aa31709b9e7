"""Sentiment: a liked review is told from a disliked one, and by the right encoder only."""

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait.errors import SpaceMismatchError
from portrait.evaluation.classification import average_precision, ece
from portrait.model.sentiment import Sentiment
from portrait.model.space import Vectors, unit
from portrait.training.heads.fit_sentiment import fit_sentiment

DIM = 16


def reviews(count: int, seed: int) -> tuple[Vectors, NDArray[np.bool_]]:
    """Embeddings that lean one way if liked."""
    random = np.random.default_rng(seed)
    liked = random.random(count) < 0.6
    embeddings = random.normal(0, 1, (count, DIM))
    embeddings[:, 3] += np.where(liked, 1.2, -1.2)
    return unit(embeddings.astype(np.float32)), liked


@pytest.fixture(scope="module")
def sentiment() -> Sentiment:
    embeddings, liked = reviews(1_500, 0)
    valid_embeddings, valid_liked = reviews(800, 1)
    return fit_sentiment(
        "tiny", embeddings, liked, valid_embeddings=valid_embeddings, valid_liked=valid_liked
    )


def test_liking_is_found_and_calibrated(sentiment: Sentiment) -> None:
    embeddings, liked = reviews(3_000, 2)

    said = sentiment(embeddings)

    assert average_precision(liked, said) > 0.93
    assert ece(liked, said) < 0.04
    assert ((said > 0) & (said < 1)).all()


def test_it_survives_being_written_as_arrays(sentiment: Sentiment) -> None:
    embeddings, _liked = reviews(20, 3)

    again = Sentiment.from_arrays(sentiment.to_arrays())

    assert again.encoder == "tiny"
    np.testing.assert_array_equal(again(embeddings), sentiment(embeddings))


def test_embeddings_of_another_encoder_are_refused(sentiment: Sentiment) -> None:
    with pytest.raises(SpaceMismatchError):
        sentiment(np.zeros((1, DIM + 1), np.float32))


def test_the_strength_is_chosen_on_other_reviews() -> None:
    """With as many dimensions as reviews, the strongest fit is the worst."""
    random = np.random.default_rng(5)
    liked = np.arange(60) % 2 == 0
    noise = unit(random.normal(0, 1, (60, 60)).astype(np.float32))
    others = unit(random.normal(0, 1, (400, 60)).astype(np.float32))

    chosen = fit_sentiment(
        "tiny",
        noise,
        liked,
        valid_embeddings=others,
        valid_liked=random.random(400) < 0.5,
        strengths=(0.001, 10_000.0),
    )

    assert np.abs(chosen.weights).max() < 0.1
