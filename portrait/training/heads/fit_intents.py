"""Fit intents: frozen vectors, a logistic head; calibrated on labels that it has not seen.

labels ─▶ five folds, each read by a head of the other four ─▶ strength, temperature, threshold
      └─▶ the head of all labels

No label is held back for good: where there are ten of an intent, two fewer are felt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from portrait.arrays import Codes, Doubles, Flags, Floats, Rows
from portrait.helpdesk.intents import IntentHead
from portrait.model.calibration import softmax
from portrait.model.space import Vectors
from portrait.training.heads.fit_calibration import calibrate_softmax

STRENGTHS = (3.0, 10.0, 30.0, 100.0)  # inverse regularisation; embeddings have small entries
FOLDS = 5
ROUNDS = 300
PRECISION = 0.98  # of what is believed
LEAST_BELIEVED = 20  # labels behind that threshold: with fewer it is chance
LEAST_TO_KNOW = 300  # labels: with fewer, nobody can tell 98 of 100 from 95
LIKELIER = 0.5  # than everything else together: what is believed until then
NEVER = 1.01  # a threshold that no probability reaches


@dataclass(frozen=True, slots=True)
class FittedIntents:
    """A head, and what it said of each label before it had seen it."""

    head: IntentHead
    unseen: Floats  # (L, C): probabilities of the labels, each by a head of other labels


def fit_intents(  # noqa: PLR0913 - labels, and what they are of
    encoder: str,
    intents: Sequence[str],
    vectors: Vectors,
    codes: Codes,
    *,
    strangers: Vectors | None = None,
    strengths: Sequence[float] = STRENGTHS,
) -> FittedIntents:
    """Fit a head.

    Args:
        encoder: Name of the encoder.
        intents: C.
        vectors: (L, D), unit rows, of what is labelled.
        codes: (L,), each label's place among the intents; at least two are different.
        strangers: (S, D), unit rows, of what is none of the intents.
        strengths: Inverse regularisations to choose from.
    """
    outputs, folds = len(intents), folds_of(codes)
    tried = [_unseen(vectors, codes, folds, strength, outputs) for strength in strengths]
    losses = [float(-np.log(_of(softmax(each), codes) + 1e-9).mean()) for each in tried]
    best = int(np.argmin(losses))
    temperature = float(calibrate_softmax(tried[best], codes).temperature[0])
    unseen = softmax(tried[best] / np.float32(temperature))
    weights, bias = fit_weights(vectors, codes, strengths[best], outputs)
    head = IntentHead(encoder, tuple(intents), weights, bias, temperature, LIKELIER)
    if len(codes) < LEAST_TO_KNOW:
        return FittedIntents(head, unseen)
    likeliest, right = unseen.max(axis=1), unseen.argmax(axis=1) == codes
    if strangers is not None and len(strangers):
        likeliest = np.concatenate([likeliest, head(strangers).max(axis=1)])
        right = np.concatenate([right, np.zeros(len(strangers), np.bool_)])
    return FittedIntents(replace(head, certain=threshold_for(likeliest, right)), unseen)


def threshold_for(likeliest: Floats, right: Flags, precision: float = PRECISION) -> float:
    """Return the lowest probability from which so many of what is believed are right.

    Args:
        likeliest: (A,), probability of what was said.
        right: (A,), whether that was so.
        precision: That is asked for.
    """
    order = np.argsort(-likeliest, kind="stable")
    counts = np.arange(1, len(order) + 1)
    precise = np.cumsum(right[order]) / counts >= precision
    reached = np.flatnonzero(precise & (counts >= min(LEAST_BELIEVED, len(order))))
    return NEVER if not len(reached) else float(likeliest[order[reached[-1]]])


def folds_of(codes: Codes) -> Codes:
    """Say in which fold each label is read, (L,): of every intent as many in each as can be."""
    folds = np.empty(len(codes), np.int64)
    order = np.random.default_rng(0).permutation(len(codes))
    start = 0
    for code in np.unique(codes):
        rows = order[codes[order] == code]
        folds[rows] = (start + np.arange(len(rows))) % FOLDS
        start += len(rows)
    return folds


def _unseen(vectors: Vectors, codes: Codes, folds: Codes, strength: float, outputs: int) -> Floats:
    """Return the logits of each label by a head of the other folds, (L, C)."""
    logits = np.zeros((len(codes), outputs), np.float32)
    for rows, others in _parts(codes, folds):
        weights, bias = fit_weights(vectors[others], codes[others], strength, outputs)
        logits[rows] = vectors[rows] @ weights + bias
    return logits


def _parts(codes: Codes, folds: Codes) -> Iterator[tuple[Rows, Rows]]:
    """Yield each fold and its others; where those are of one intent alone, all."""
    for fold in range(FOLDS):
        rows, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(rows):
            yield rows, others if len(np.unique(codes[others])) > 1 else np.arange(len(codes))


def fit_weights(
    vectors: Vectors, codes: Codes, strength: float, outputs: int
) -> tuple[Floats, Floats]:
    """Return weights (D, C) and bias (C,); an intent without a label is the least likely."""
    known = np.unique(codes)
    model = LogisticRegression(C=strength, max_iter=ROUNDS).fit(vectors, codes)
    coefficients, intercept = model.coef_, model.intercept_
    if len(known) == 2:  # noqa: PLR2004 - of two, it has one
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    weights = np.zeros((vectors.shape[1], outputs), np.float32)
    bias = np.full(outputs, float(intercept.min()) - 1, np.float32)
    weights[:, known], bias[known] = coefficients.T, intercept
    return weights, bias


def _of(probabilities: Floats, codes: Codes) -> Doubles:
    """Return the probability of what was so, (L,)."""
    chosen: Doubles = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    return chosen
