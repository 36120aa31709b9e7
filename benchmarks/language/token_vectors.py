"""Token vectors: what a frozen BERT makes of each token of a title, for spans of its words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm
from transformers import AutoTokenizer

from benchmarks.language.brand_spans import Span
from portrait.arrays import Floats
from portrait.catalogue.brands import WORD, plain
from portrait.text.batching import token_batches
from portrait.text.text_encoder import load_pooled

MOST_TOKENS, BATCH = 40, 2_048  # of a title, whose brand stands early; of a pass


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """Tokens of N texts."""

    words: list[list[tuple[int, int]]]  # where each word of a text stands in it
    places: list[NDArray[np.int64]]  # (T, 2), where each token stands; equal: it is none of it
    vectors: list[NDArray[np.float16]]  # (T, D)

    def of_spans(self, row: int, spans: Sequence[Span]) -> Floats:
        """Return of spans of a text the mean of their tokens, the next token, and the first one.

        Returns:
            (n, 3 D).
        """
        words, vectors = self.words[row], self.vectors[row].astype(np.float32)
        begin, end = self.places[row].T
        rows = []
        for span in spans:
            first, last = words[span.begin][0], words[span.end - 1][1]
            inside = (begin < last) & (end > first)
            after = np.flatnonzero((begin >= last) & (end > begin))
            own = vectors[inside].mean(axis=0) if inside.any() else np.zeros_like(vectors[0])
            rows.append(np.concatenate([own, vectors[after[0] if len(after) else -1], vectors[0]]))
        return np.stack(rows)


def read_tokens(path: str, texts: Sequence[str]) -> TokenVectors:
    """Run an encoder over texts."""
    texts = [plain(text) for text in texts]
    told = AutoTokenizer.from_pretrained(path)(
        texts, truncation=True, max_length=MOST_TOKENS, return_offsets_mapping=True
    )
    network = load_pooled(path).model
    vectors = [np.zeros((0, 0), np.float16)] * len(texts)
    with torch.inference_mode():
        for batch in tqdm(list(token_batches(told["input_ids"], BATCH)), "tokens"):
            ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
            hidden = network(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
            for place, row, length in zip(
                batch.places.tolist(), hidden, batch.mask.sum(axis=1), strict=True
            ):
                vectors[place] = row[:length].astype(np.float16)
    words = [[match.span() for match in WORD.finditer(text)] for text in texts]
    return TokenVectors(words, [np.array(each) for each in told["offset_mapping"]], vectors)
