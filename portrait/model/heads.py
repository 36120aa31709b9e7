"""Heads: what a user is likely to do next, as calibrated probabilities.

facts, moment ─▶ habits (F) ┐
state of the behaviour  (D) ┴▶ standardised (X) ─▶ linear ─▶ calibrated

Linear, so that a reading costs microseconds and each number's part in a score can be told. They are
evaluated when somebody asks, as of that moment: the risk of losing someone grows with their
silence. A head that did not beat its baseline is not here (`training/heads/fit_heads.py`).
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Flags, Floats, Refs
from portrait.events.columns import ACTION_CODE
from portrait.model.calibration import Calibration, softmax
from portrait.model.habits import LATER_HABITS, habits
from portrait.times import DAY_MS

FARTHEST = np.float32(
    5.0
)  # deviations from the mean: a burst of events must not shout down all else
SMALLEST_SPREAD = 1e-6  # below it is rounding
NEVER = np.float32(-np.inf)  # log-odds of what cannot be
TOUCH_WINDOWS_MS = np.array([7 * DAY_MS, 28 * DAY_MS, 1 << 62])
PURCHASE_INTENT, CHURN_RISK, NEXT_ACTION, INTERESTS = (
    "purchase_intent",
    "churn_risk",
    "next_action",
    "interests",
)
HEADS = (PURCHASE_INTENT, CHURN_RISK, NEXT_ACTION, INTERESTS)


@dataclass(frozen=True, slots=True)
class Standard:
    """Where features lie and how far they spread."""

    mean: Floats  # (X,)
    spread: Floats  # (X,), above zero

    def __call__(self, features: Floats) -> Floats:
        """Bring features (U, X) to mean 0 and spread 1, cut at FARTHEST."""
        scaled = (features - self.mean) / self.spread
        np.minimum(scaled, FARTHEST, out=scaled)
        np.maximum(scaled, -FARTHEST, out=scaled)
        return scaled

    @classmethod
    def neutral(cls, width: int) -> "Standard":
        """Return what leaves features as they are."""
        return cls(np.zeros(width, np.float32), np.ones(width, np.float32))

    @classmethod
    def of(cls, features: Floats) -> "Standard":
        """Measure (A, X) features; one that never varies keeps its size."""
        spread = features.std(axis=0)
        varies = spread > SMALLEST_SPREAD
        return cls(features.mean(axis=0), np.where(varies, spread, 1).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Head:
    """One question: O logits of X standardised features."""

    weights: Floats  # (X, O)
    bias: Floats  # (O,)
    calibration: Calibration

    def logits(self, scaled: Floats) -> Floats:
        """Return (U, O) of standardised features (U, X), before calibration."""
        logits: Floats = scaled @ self.weights + self.bias
        return logits


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the heads say of U users; None where there is no such head."""

    purchase_intent: Floats | None  # (U,): a purchase within 7 days
    churn_risk: Floats | None  # (U,): nothing at all within 30 days
    next_action: Floats | None  # (U, A), in order of Action; adds up to 1
    interests: Floats | None  # (U, C), in order of `Heads.categories`: touched within 7 days

    def of(self, head: str) -> Floats:
        """Return what a head says, by its name.

        Raises:
            KeyError: There is no such head.
        """
        said: Floats | None = getattr(self, head)
        if said is None:
            raise KeyError(head)
        return said


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of one model that beat their baselines. Immutable."""

    standard: Standard
    heads: dict[str, Head]
    categories: Refs  # (C,), name_ref of the interests, ascending
    touch_weights: Floats  # (T, C): what a category's own touches say of it

    def predict(
        self,
        head: NDArray[np.void],
        ring: NDArray[np.void],
        state: Floats,
        as_of_ms: Codes,
        touched: Refs | None = None,
    ) -> Predictions:
        """Answer every question of U users.

        Args:
            head: (U,) of HEAD.
            ring: (U, RING) of EVENT, newest first.
            state: (U, D), of the behaviour encoder of the same model.
            as_of_ms: (U,), the moments of asking.
            touched: (U, RING), name_ref of each event's interest category, 0 = none; without it
                there are no interests.
        """
        return self.answer(self.describe(head, ring, state, as_of_ms), ring, as_of_ms, touched)

    def describe(
        self, head: NDArray[np.void], ring: NDArray[np.void], state: Floats, as_of_ms: Codes
    ) -> Floats:
        """Return the standardised features of U users, (U, X)."""
        return self.standard(features(head, ring, state, as_of_ms))

    def answer(
        self,
        described: Floats,
        ring: NDArray[np.void],
        as_of_ms: Codes,
        touched: Refs | None = None,
    ) -> Predictions:
        """Answer every question of U users who are described, (U, X), already."""
        return Predictions(
            self._one(PURCHASE_INTENT, described),
            self._one(CHURN_RISK, described),
            self._actions(described),
            None if touched is None else self._interests(described, ring, as_of_ms, touched),
        )

    def _one(self, name: str, described: Floats) -> Floats | None:
        asked = self.heads.get(name)
        return None if asked is None else asked.calibration(asked.logits(described)[:, 0])

    def _actions(self, described: Floats) -> Floats | None:
        asked = self.heads.get(NEXT_ACTION)
        if asked is None:
            return None
        return softmax(asked.logits(described) / asked.calibration.temperature)

    def _interests(
        self, described: Floats, ring: NDArray[np.void], as_of_ms: Codes, touched: Refs
    ) -> Floats | None:
        asked = self.heads.get(INTERESTS)
        if asked is None:
            return None
        counted = touches(ring["at"], touched, self.categories, as_of_ms)
        own = np.einsum("utc,tc->uc", counted, self.touch_weights)
        return asked.calibration(asked.logits(described) + own)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what they are made of, by name."""
        arrays: dict[str, NDArray[Any]] = {
            "categories": self.categories,
            "touch_weights": self.touch_weights,
            **_arrays("standard.", self.standard),
        }
        for name, head in self.heads.items():
            arrays |= {f"{name}.weights": head.weights, f"{name}.bias": head.bias}
            arrays |= _arrays(f"{name}.calibration.", head.calibration)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Heads":
        """Read what `to_arrays` wrote. Other names are left alone.

        Raises:
            KeyError: An array is not there.
        """

        def read(prefix: str, kind: type) -> dict[str, NDArray[Any]]:
            return {field.name: arrays[prefix + field.name] for field in fields(kind)}

        heads = {
            name: Head(
                arrays[f"{name}.weights"],
                arrays[f"{name}.bias"],
                Calibration(**read(f"{name}.calibration.", Calibration)),
            )
            for name in HEADS
            if f"{name}.weights" in arrays
        }
        standard = Standard(**read("standard.", Standard))
        return cls(standard, heads, arrays["categories"], arrays["touch_weights"])

    def knowing_later_actions(self, state_dim: int) -> "Heads":
        """Return the same for states of (D,), as if they had been told of all actions.

        Heads that learned when there were fewer go by what they know, and expect no other action.
        """
        is_known = np.concatenate([np.ones(state_dim, np.bool_), ~LATER_HABITS])
        if len(self.standard.mean) != is_known.sum():
            return self
        neutral = Standard.neutral(len(is_known))
        neutral.mean[is_known], neutral.spread[is_known] = self.standard.mean, self.standard.spread
        heads = {name: _widened(head, is_known) for name, head in self.heads.items()}
        if NEXT_ACTION in heads:
            heads[NEXT_ACTION] = _with_later_actions(heads[NEXT_ACTION])
        return replace(self, standard=neutral, heads=heads)


def features(
    head: NDArray[np.void], ring: NDArray[np.void], state: Floats, as_of_ms: Codes
) -> Floats:
    """Describe users to the heads: the same in training and in service. Returns (U, D + F)."""
    return np.concatenate([state, habits(head, ring, as_of_ms)], axis=1, dtype=np.float32)


def touches(at: Codes, touched: Refs, categories: Refs, as_of_ms: Codes) -> Floats:
    """Count each category's events within each of TOUCH_WINDOWS_MS.

    Args:
        at: (U, S), ms; 0 = no event.
        touched: (U, S), name_ref of each event's category.
        categories: (C,), ascending.
        as_of_ms: (U,).

    Returns:
        (U, T, C), as log(1 + x).
    """
    users, windows, kinds = len(at), len(TOUCH_WINDOWS_MS), len(categories)
    if not kinds:
        return np.zeros((users, windows, 0), np.float32)
    code = np.minimum(np.searchsorted(categories, touched), kinds - 1)
    row, place = np.nonzero((categories[code] == touched) & (at > 0))
    window = np.searchsorted(TOUCH_WINDOWS_MS, as_of_ms[row] - at[row, place], side="right")
    key = (row * windows + window) * kinds + code[row, place]
    counts = np.bincount(key, minlength=users * windows * kinds).reshape(users, windows, kinds)
    counted: Floats = np.log1p(counts.cumsum(axis=1), dtype=np.float32)
    return counted


def _widened(head: Head, is_known: Flags) -> Head:
    """Return a head that weighs nothing of the features, (X,), that it does not know."""
    weights = np.zeros((len(is_known), head.weights.shape[1]), np.float32)
    weights[is_known] = head.weights
    return replace(head, weights=weights)


def _with_later_actions(head: Head) -> Head:
    """Return the head of the next action with outputs for later ones, which it rules out."""
    later = len(ACTION_CODE) - len(head.bias)
    weights = np.pad(head.weights, ((0, 0), (0, later)))
    return replace(head, weights=weights, bias=np.append(head.bias, [NEVER] * later))


def _arrays(prefix: str, part: Standard | Calibration) -> dict[str, NDArray[Any]]:
    return {prefix + field.name: getattr(part, field.name) for field in fields(part)}
