"""Baselines: what each head has to beat, or it is not served.

Recency, frequency and value; what usually follows the last action; how often each category was
touched. Each is given the same examples as the head, and its own fit.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from portrait.arrays import Doubles
from portrait.dataset.questions import Examples
from portrait.model.habits import ACTIONS, FREQUENCY, HABITS, RECENCY, VALUE

NEWEST = HABITS.index("newest_browse")
MOST_ROWS = 400_000  # of (user, category) pairs: a handful of weights needs no more


def recency_frequency_value(train: Examples, test: Examples) -> Doubles:
    """Fit a logistic regression on recency, frequency and value. Returns probabilities (A,).

    Source: Fader, Hardie and Lee, RFM and CLV, Journal of Marketing Research, 2005.
    """
    return _logistic(_rfv(train), train.labels.values.astype(np.bool_), _rfv(test))


def usual_followers(train: Examples, test: Examples) -> Doubles:
    """Count what followed each newest action, one more of each. Returns (A, ACTIONS)."""
    counts = np.ones((ACTIONS, ACTIONS))
    np.add.at(counts, (_newest(train), train.labels.values), 1)
    shares: Doubles = counts / counts.sum(axis=1, keepdims=True)
    return shares[_newest(test)]


def usual_categories(train: Examples, test: Examples) -> Doubles:
    """Fit a logistic regression on how often a user touched a category, and how often all do.

    Returns:
        Probabilities (A, C).
    """
    common = np.log((train.labels.values.sum(axis=0) + 1) / (len(train) + 2))  # (C,)
    inputs, outcomes = _frequency(train, common), np.ravel(train.labels.values).astype(np.bool_)
    rows = np.random.default_rng(0).permutation(len(inputs))[:MOST_ROWS]
    said = _logistic(inputs[rows], outcomes[rows], _frequency(test, common))
    return said.reshape(test.labels.values.shape)


def _rfv(examples: Examples) -> Doubles:
    """Return (A, 3), each as a logarithm."""
    habits = examples.features[:, -len(HABITS) :]
    return habits[:, [RECENCY, FREQUENCY, VALUE]].astype(np.float64)


def _newest(examples: Examples) -> NDArray[np.int64]:
    habits = examples.features[:, -len(HABITS) :]
    newest: NDArray[np.int64] = habits[:, NEWEST : NEWEST + ACTIONS].argmax(axis=1)
    return newest


def _frequency(examples: Examples, common: Doubles) -> Doubles:
    """Return (A * C, 3): touches within four weeks, touches remembered, the category's own rate."""
    if examples.touches is None:
        return np.zeros((0, 3))
    month, remembered = examples.touches[:, 1], examples.touches[:, 2]
    columns = (month, remembered, np.broadcast_to(common, month.shape))
    return np.stack([np.ravel(column) for column in columns], axis=1).astype(np.float64)


def _logistic(train: Doubles, outcomes: NDArray[np.bool_], test: Doubles) -> Doubles:
    scaler = StandardScaler().fit(train)
    model = LogisticRegression().fit(scaler.transform(train), outcomes)
    said: Doubles = model.predict_proba(scaler.transform(test))[:, 1]
    return said
