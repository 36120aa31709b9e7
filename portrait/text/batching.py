"""Batches of token ids: sorted by length, bounded by tokens, so that little is padding.

Source: the token-budget queue of text-embeddings-inference, and length sorting as in Sentence-BERT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_PADDING = 0.05  # of a batch's tokens: what one forward pass may waste
FEW_TOKENS = 256  # a pass over fewer costs more in calls than it saves in padding


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Texts of about the same length, padded to the longest."""

    places: NDArray[np.int64]  # (B,), where each text stood in the request
    ids: NDArray[np.int64]  # (B, T)
    mask: NDArray[np.int64]  # (B, T), 1 for a token, 0 for padding


def token_batches(token_ids: Sequence[Sequence[int]], most_tokens: int) -> Iterator[TokenBatch]:
    """Split texts into batches of at most `most_tokens`, padding included; at least one text each.

    A batch ends, too, where a longer text would make more than `MOST_PADDING` of it padding, unless
    it has few tokens yet.

    Args:
        token_ids: The token ids of each text, special tokens included.
        most_tokens: Bound on B x T of a batch.
    """
    lengths = np.array([len(ids) for ids in token_ids], np.int64)
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = _end(lengths[order[start:]], most_tokens) + start
        yield padded(order[start:end], token_ids)
        start = end


def _end(lengths: NDArray[np.int64], most_tokens: int) -> int:
    """Return how many texts of ascending lengths make the next batch."""
    lengths = lengths[: most_tokens // max(1, int(lengths[0])) + 1]
    whole = np.arange(1, len(lengths) + 1) * lengths  # tokens, padding included, by texts taken
    filled = np.cumsum(lengths)
    fits = whole <= most_tokens
    lean = whole - filled <= MOST_PADDING * whole
    before = np.concatenate([[0], filled[:-1]])
    goes_on = fits & (lean | (before < FEW_TOKENS))
    goes_on[0] = True
    return int(len(goes_on) if goes_on.all() else goes_on.argmin())


def padded(places: NDArray[np.int64], token_ids: Sequence[Sequence[int]]) -> TokenBatch:
    """Make one batch of the texts at these places, padded to the longest of them."""
    width = max(len(token_ids[place]) for place in places)
    ids = np.zeros((len(places), width), np.int64)
    mask = np.zeros_like(ids)
    for row, place in enumerate(places):
        length = len(token_ids[place])
        ids[row, :length] = token_ids[place]
        mask[row, :length] = 1
    return TokenBatch(places, ids, mask)
