"""Intents read: a message's vector becomes a probability for each intent, or `do not know`.

One matrix on a frozen encoder, in numpy alone. Before there is a label its columns are what the
intents' own words mean; `training/heads/fit_intents.py` learns it from labels. An encoder that was
fine-tuned for a desk comes with a head of its own, in the same form.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.errors import SpaceMismatchError
from portrait.model.calibration import softmax
from portrait.model.space import Vectors, unit

# Chosen on training messages of banking77 with two encoders, with and without examples: the mean
# probability of the likeliest intent is then how often it is right, within 6 in 100.
WORDS_TEMPERATURE = 0.07
# Above the nearest intent of nine in ten texts that have nothing to do with any, and below that of
# as many that have: of weather, jokes and 300 products one in a hundred is still taken for one.
WORDS_NOTHING = 0.3
SMALLEST_SPREAD = 1e-3  # of words that are all the same
WORDS_CERTAIN = 0.5  # without labels nobody knows what is 98 of 100: half the mass on one


@dataclass(frozen=True, slots=True)
class IntentHead:
    """Probabilities of intents. Immutable."""

    encoder: str  # name of the text encoder it stands on
    intents: tuple[str, ...]  # C
    weights: Floats  # (D, C)
    bias: Floats  # (C,)
    temperature: float
    certain: float  # probability from which the likeliest is believed
    nothing: float = -np.inf  # logit of none of the intents, which takes its share

    def __call__(self, vectors: Vectors) -> Floats:
        """Read messages by their vectors, (B, D) unit rows. Returns (B, C).

        Each row adds up to 1, less the probability that it is none of the intents.

        Raises:
            SpaceMismatchError: The vectors are of another encoder.
        """
        if vectors.shape[-1] != len(self.weights):
            msg = f"vectors of {vectors.shape[-1]} dimensions, weights of {len(self.weights)}"
            raise SpaceMismatchError(msg)
        logits = vectors @ self.weights + self.bias
        with_nothing = np.pad(logits, ((0, 0), (0, 1)), constant_values=self.nothing)
        return softmax((with_nothing / self.temperature).astype(np.float32))[:, :-1]

    def only(self, intents: Collection[str]) -> "IntentHead | None":
        """Return the head of these intents alone; None if it knows fewer than two of them."""
        places = [place for place, intent in enumerate(self.intents) if intent in intents]
        if len(places) == len(self.intents):
            return self
        if len(places) < 2:  # noqa: PLR2004 - one would always be right
            return None
        kept = tuple(self.intents[place] for place in places)
        return replace(self, intents=kept, weights=self.weights[:, places], bias=self.bias[places])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        return {
            "encoder": _bytes(self.encoder),
            "intents": _bytes("\n".join(self.intents)),
            "weights": self.weights,
            "bias": self.bias,
            "thresholds": np.array([self.temperature, self.certain, self.nothing], np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "IntentHead":
        """Read what `to_arrays` wrote.

        Raises:
            KeyError: An array is not there.
            ValueError: They do not go together.
        """
        temperature, certain, nothing = arrays["thresholds"].tolist()
        head = cls(
            arrays["encoder"].tobytes().decode(),
            tuple(arrays["intents"].tobytes().decode().split("\n")),
            arrays["weights"],
            arrays["bias"],
            temperature,
            certain,
            nothing,
        )
        if head.weights.shape[1:] != head.bias.shape or head.bias.shape != (len(head.intents),):
            msg = "the arrays of a head differ in their sizes"
            raise ValueError(msg)
        return head


def head_of_words(
    encoder: str, intents: Sequence[str], vectors: Vectors, owners: NDArray[np.int64]
) -> IntentHead:
    """Make the head of who has no labels: an intent lies where its own words do.

    Vectors are seen from the middle of all intents, and measured by how far words lie from it: of
    some encoders all cosines are high, and only their differences say anything.

    Args:
        encoder: Name of the encoder.
        intents: C.
        vectors: (W, D), unit rows: of names, descriptions and examples.
        owners: (W,), whose words each is; every intent has some.
    """
    means = np.zeros((len(intents), vectors.shape[1]), np.float32)
    np.add.at(means, owners, vectors)
    means /= np.bincount(owners, minlength=len(intents))[:, None]
    middle = means.mean(axis=0)
    spread = max(float(np.linalg.norm(vectors - middle, axis=1).mean()), SMALLEST_SPREAD)
    weights = unit(means - middle).T / np.float32(spread)  # (D, C)
    bias = -middle @ weights
    sure = WORDS_TEMPERATURE, WORDS_CERTAIN, WORDS_NOTHING
    return IntentHead(encoder, tuple(intents), weights, bias, *sure)


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)
