"""Quantised: vectors as short codes, all of which are looked at for every question.

vector ─▶ two numbers at a time, the nearest of 16 pairs ─▶ half a byte for two numbers

The product of a question with a code is that with the vector but for a few hundredths of it, so the
best few thousand codes hold the best hundred vectors. None is left out unseen: what is found does
not depend on how vectors lie in clusters, nor on how few of them are allowed.

Source: Jegou et al., Product quantization for nearest neighbor search, PAMI 2011; Andre et al.,
Accelerated nearest neighbor search with Quick ADC, ICMR 2017 (products looked up in registers).
"""

from collections.abc import Callable

import faiss
import numpy as np

from portrait.arrays import Codes, Flags, Floats, Rows
from portrait.errors import IndexNotBuiltError

BITS = 4  # of the code of two numbers: what one register holds a table of
AT_ONCE = 20_000  # vectors that are encoded together: 50 MB
ROW = 8  # bytes
LEARNED_FROM = 20_000  # vectors that the pairs are chosen by


class Quantised:
    """Vectors (n, W) under the rows that they belong to. Never changes once it is made."""

    def __init__(self, rows: Rows, width: int, vectors_of: Callable[[Rows], Floats]) -> None:
        """Encode vectors: some 20 us each.

        Args:
            rows: (n,), at least 16.
            width: W, even.
            vectors_of: Rows (m,) -> their vectors (m, W).

        Raises:
            IndexNotBuiltError: There is not enough memory, or the library refuses them.
        """
        try:
            self._index = _encoded(rows, width, vectors_of)
        except (RuntimeError, MemoryError) as error:
            raise IndexNotBuiltError(str(error).splitlines()[-1] or "memory") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def size(self) -> int:
        """What the codes and their rows take in memory, in bytes."""
        return len(self) * (int(self._index.code_size) + ROW)

    def nearest(self, question: Floats, allowed: Flags, most: int) -> tuple[Codes, Floats]:
        """Return the rows with the largest products, and about how large these are, (m,) each.

        Args:
            question: (W,).
            allowed: By row; no other is returned.
            most: How many, if there are as many.
        """
        faiss.omp_set_num_threads(1)  # of this thread: rankings take turns in one
        bits = np.packbits(allowed, bitorder="little")
        wanted = faiss.SearchParametersIVF(sel=faiss.IDSelectorBitmap(bits), nprobe=1)
        products, rows = self._index.search(question[None], most, params=wanted)
        found = rows[0] >= 0
        return rows[0][found], products[0][found]


def _encoded(rows: Rows, width: int, vectors_of: Callable[[Rows], Floats]) -> faiss.Index:
    faiss.omp_set_num_threads(1)
    whole = faiss.IndexFlatIP(width)  # one list that holds all: filters come with lists alone
    index = faiss.IndexIVFPQFastScan(whole, width, 1, width // 2, BITS, faiss.METRIC_INNER_PRODUCT)
    index.by_residual = False
    step = max(1, len(rows) // LEARNED_FROM)
    index.train(vectors_of(rows[::step]))
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        index.add_with_ids(vectors_of(some), some)
    return index
