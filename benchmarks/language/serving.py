"""What another task costs in the stream: a head beside a pass, or a pass of its own.

    python -m benchmarks.language.serving --data DIR --encoder FOLDER --reader FOLDER

FOLDERs: the shared encoder, and one that a fine-tuning has written. The last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.language.sets import reviews
from portrait.logs import configure_logs
from portrait.model.encoder import TextEncoder
from portrait.model.task_head import TaskHead
from portrait.text.task_reader import load_reader
from portrait.text.text_encoder import load_encoder

TEXTS = 200
BEST_OF = 3
HEADS = (0, 1, 10, 100)
LABELS = 77  # of a head: as many as the messages have intents


def main() -> None:
    """Measure texts a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--reader", type=Path, required=True)
    options = parser.parse_args()
    configure_logs("text")
    texts = reviews(options.data).test.texts[:TEXTS]
    encoder = load_encoder(str(options.encoder))
    heads = [_head(encoder.dim, seed) for seed in range(max(HEADS))]

    def with_heads(count: int) -> Callable[[], object]:
        def read() -> list[object]:
            vectors = encoder.encode(texts)
            return [head(vectors) for head in heads[:count]]

        return read

    with threadpool_limits(1):  # as in a worker
        told = _told(with_heads, options.reader, encoder, texts)
    for name, rate in told.items():
        print(f"| {name} | {rate:.0f} |")
    print(json.dumps({name: round(rate, 1) for name, rate in told.items()}))


def _told(
    with_heads: Callable[[int], Callable[[], object]],
    folder: Path,
    encoder: TextEncoder,
    texts: Sequence[str],
) -> dict[str, float]:
    told = {f"shared encoder, {count} heads": _rate(with_heads(count)) for count in HEADS}
    reader = load_reader(folder)
    told["fine-tuned reader"] = _rate(lambda: reader(texts))
    told["both encoders, one after the other"] = _rate(
        lambda: (encoder.encode(texts), reader(texts))
    )
    return told


def _rate(read: Callable[[], object]) -> float:
    """Return texts a second, of the best of some tries."""
    spent = []
    for _ in range(BEST_OF):
        begun = time.perf_counter()
        read()
        spent.append(time.perf_counter() - begun)
    return TEXTS / min(spent)


def _head(dim: int, seed: int) -> TaskHead:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(dim, LABELS)).astype(np.float32)
    names = tuple(str(code) for code in range(LABELS))
    bias, warmth = np.zeros(LABELS, np.float32), np.ones(1, np.float32)
    return TaskHead("any", "one", names, weights, bias, warmth)


if __name__ == "__main__":
    main()
