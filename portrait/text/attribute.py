"""Attribute: which words of a text make it lie near something, by integrated gradients.

text ─ tokens ─▶ their embeddings ◀─ step by step ─ as many of the padding token
                   └ the gradient of how near the text lies, over the way ─▶ tokens ─▶ words

What all tokens are given adds up to how much nearer the text lies than one of as many empty tokens,
but for what a sum of STEPS steps leaves. What an encoder puts around every text stays in both.

Source: Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017, section 3;
the steps are those of Gauss and Legendre, of which a smooth way needs few.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from portrait.arrays import Floats
from portrait.catalogue.words import Word, WordShares
from portrait.model.space import Space, Vectors
from portrait.text.text_encoder import Piece, Pooled, Tokenize

STEPS = 24  # of the nearness .002 is left over at most; of 16 steps .009, of 32 .001
STEPS_AT_ONCE = 8  # a text of 128 tokens and 384 dimensions then takes some 200 MB
MOST_TOGETHER = 4  # Chinese characters; longer words are few

# A run of letters and digits is a word. Chinese and Japanese have no spaces: there neighbours that
# pull the same way stand together.
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_RUN = re.compile(f"[{_CJK}]|[^\\W{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]+")


class Attributer:
    """An encoder that can say why. Blocks: call it from a thread.

    A text of 10 tokens takes a third of a second of one core, one of 128 three (decision 0064).
    """

    def __init__(self, pooled: Pooled, tokenize: Tokenize) -> None:
        self._pooled = pooled.requires_grad_(requires_grad=False)
        self._tokenize = tokenize

    def attribute(self, text: str, space: Space, toward: Vectors) -> WordShares:
        """Say which words of an item's text make it lie near a vector, (K,), of a space."""
        pieces = self._tokenize.pieces(text)
        near = _Nearness(self._pooled, space, toward)
        words, empty = near.embedded(pieces, self._tokenize.padding)
        shares = near.integrated(words, empty)
        told = words_in(text, pieces, shares)
        return WordShares(
            tuple(told),
            float(shares.sum()) - sum(word.share for word in told),
            float(near(empty[None])[0]),
            float(near(words[None])[0]),
        )


class _Nearness:
    """How near a text lies to a vector, from the embeddings of its tokens."""

    def __init__(self, pooled: Pooled, space: Space, toward: Vectors) -> None:
        self._pooled = pooled
        self._mean, self._axes, self._toward = (
            torch.from_numpy(np.array(part)) for part in (space.mean, space.axes, toward)
        )

    def __call__(self, embedded: Tensor) -> Tensor:
        """Return it of B texts of T tokens each, (B, T, D): as `Space.place` places items, (B,)."""
        mask = torch.ones(embedded.shape[:2], dtype=torch.int64)
        hidden = self._pooled.model(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        encoded = normalize(self._pooled.pool(hidden, mask), dim=-1)
        placed = normalize((encoded - self._mean) @ self._axes, dim=-1)
        near: Tensor = placed @ self._toward
        return near

    def embedded(self, pieces: Sequence[Piece], padding: int) -> tuple[Tensor, Tensor]:
        """Embed a text's tokens, and as many empty ones, (T, D) each."""
        ids = torch.tensor([piece.id for piece in pieces])
        is_own = torch.tensor([piece.end > piece.start for piece in pieces])
        embed = self._pooled.model.get_input_embeddings()
        return embed(ids), embed(torch.where(is_own, padding, ids))

    def integrated(self, words: Tensor, empty: Tensor) -> Floats:
        """Divide how much nearer the words lie than nothing among the tokens, (T,)."""
        places, weights = np.polynomial.legendre.leggauss(STEPS)
        whole = torch.zeros_like(words)
        for start in range(0, STEPS, STEPS_AT_ONCE):
            some = slice(start, start + STEPS_AT_ONCE)
            at, weight = (
                torch.tensor(part, dtype=torch.float32)[:, None, None]
                for part in ((places[some] + 1) / 2, weights[some] / 2)  # from [-1, 1] to [0, 1]
            )
            way = (empty + at * (words - empty)).requires_grad_()
            (gradient,) = torch.autograd.grad(self(way).sum(), way)
            whole += (weight * gradient).sum(dim=0)
        shares: Floats = ((words - empty) * whole).sum(dim=-1).numpy()
        return shares


@dataclass(slots=True)
class _Span:
    """Where a word stands in its text, and what it is given."""

    start: int
    end: int
    share: float


def words_in(text: str, pieces: Sequence[Piece], shares: Floats) -> list[Word]:
    """Join the pieces of each word, and add up what they are given."""
    runs = [run.span() for run in _RUN.finditer(text)]
    run_at = {at: run for run in runs for at in range(*run)}
    spans: list[_Span] = []
    for piece, share in zip(pieces, shares.tolist(), strict=True):
        over = [run_at[at] for at in range(piece.start, piece.end) if at in run_at]
        if not over:
            continue
        (start, _), (_, end) = over[0], over[-1]
        if spans and start < spans[-1].end:
            spans[-1] = _Span(spans[-1].start, max(end, spans[-1].end), spans[-1].share + share)
        else:
            spans.append(_Span(start, end, share))
    return [Word(text[each.start : each.end], each.share) for each in _together(text, spans)]


def _together(text: str, spans: Iterable[_Span]) -> list[_Span]:
    """Let neighbours without a space between them stand together if they pull the same way."""
    joined: list[_Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.end == span.start
            and (last.share < 0) == (span.share < 0)
            and span.end - last.start <= MOST_TOGETHER
            and _IS_CJK.fullmatch(text[last.start : span.end])
        ):
            joined[-1] = _Span(last.start, span.end, last.share + span.share)
        else:
            joined.append(span)
    return joined
