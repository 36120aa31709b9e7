"""Fit the sentiment of reviews: frozen embeddings, a logistic head, calibrated on other reviews."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from portrait.arrays import Flags
from portrait.evaluation.classification import cross_entropies
from portrait.model.calibration import AS_IT_IS
from portrait.model.sentiment import Sentiment
from portrait.model.space import Vectors
from portrait.training.heads.fit_calibration import calibrate

STRENGTHS = (1.0, 10.0, 100.0, 1_000.0)  # inverse regularisation; embeddings have small entries
ROUNDS = 2_000


def fit_sentiment(  # noqa: PLR0913 - two sets of two, and whose they are
    encoder: str,
    embeddings: Vectors,
    liked: Flags,
    *,
    valid_embeddings: Vectors,
    valid_liked: Flags,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Sentiment:
    """Fit a head on some reviews; choose its strength and calibrate it on others.

    Args:
        encoder: Name of the encoder.
        embeddings: (B, D), unit rows.
        liked: (B,).
        valid_embeddings: (V, D), of other reviews.
        valid_liked: (V,).
        strengths: Inverse regularisations to choose from.
    """
    tried = [_fit(encoder, embeddings, liked, strength) for strength in strengths]
    losses = [_loss(each, valid_embeddings, valid_liked) for each in tried]
    best = tried[int(np.argmin(losses))]
    calibration = calibrate(best.logits(valid_embeddings), valid_liked)
    return Sentiment(encoder, best.weights, best.bias, calibration)


def _fit(encoder: str, embeddings: Vectors, liked: Flags, strength: float) -> Sentiment:
    model = LogisticRegression(C=strength, max_iter=ROUNDS).fit(embeddings, liked)
    weights = model.coef_[0].astype(np.float32)
    return Sentiment(encoder, weights, model.intercept_.astype(np.float32), AS_IT_IS)


def _loss(sentiment: Sentiment, embeddings: Vectors, liked: Flags) -> float:
    likes = sentiment(embeddings)
    said = np.stack([1 - likes, likes], axis=1)
    return float(cross_entropies(liked.astype(np.int64), said).mean())
