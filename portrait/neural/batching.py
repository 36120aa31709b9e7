"""Batches of token ids: sorted by length, bounded by tokens, so that little is padding.

Source: the token-budget queue of text-embeddings-inference, and length sorting as in Sentence-BERT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Texts of about the same length, padded to the longest."""

    places: NDArray[np.int64]  # (B,), where each text stood in the request
    ids: NDArray[np.int64]  # (B, T)
    mask: NDArray[np.int64]  # (B, T), 1 for a token, 0 for padding


def token_batches(token_ids: Sequence[Sequence[int]], most_tokens: int) -> Iterator[TokenBatch]:
    """Split texts into batches of at most `most_tokens`, padding included; at least one text each.

    Args:
        token_ids: The token ids of each text, special tokens included.
        most_tokens: Bound on B x T of a batch.
    """
    lengths = np.array([len(ids) for ids in token_ids])
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= most_tokens:
            end += 1
        yield _padded(order[start:end], token_ids)
        start = end


def _padded(places: NDArray[np.int64], token_ids: Sequence[Sequence[int]]) -> TokenBatch:
    width = max(len(token_ids[place]) for place in places)
    ids = np.zeros((len(places), width), np.int64)
    mask = np.zeros_like(ids)
    for row, place in enumerate(places):
        length = len(token_ids[place])
        ids[row, :length] = token_ids[place]
        mask[row, :length] = 1
    return TokenBatch(places, ids, mask)
