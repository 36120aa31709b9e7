"""Port: the text encoder."""

from collections.abc import Sequence
from typing import Protocol

from portrait.arrays import Floats
from portrait.model.space import Vectors

# What torch, transformers, tokenizers, safetensors and OpenVINO say of files that they cannot use.
CANNOT_LOAD = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError)


class TextEncoder(Protocol):
    """Turns texts into embeddings. A text's embedding depends on the text alone.

    But for its last bits: those depend on what it is encoded with.
    """

    name: str
    dim: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, any number of them. Blocks; call it from a thread.

        Returns:
            Shape (B, D), float32, every row of length 1.
        """
        ...

    def unread(self, texts: Sequence[str]) -> Floats:
        """Return which share of each text its vocabulary has no token for, (B,), 0 to 1. Blocks."""
        ...
