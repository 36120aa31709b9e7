"""Texts per second of BERT's paths, side by side in one run, and what the fast ones cost.

Real product texts, one thread, in turns. The last line is JSON. The goal is four times torch
fp32 at a top-10 overlap of .98.
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
import torch
from tqdm import tqdm

from demo.shop import product_texts
from portrait.logs import configure_logs
from portrait.neural.text_encoder import Backend, BertEncoder, load_encoder
from portrait.space import Vectors

PLAIN: Backend = "torch"
NEAREST = 10


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    configure_logs("text")
    texts = product_texts(options.texts)
    encoders = {name: load_encoder("bundled", backend=name) for name in _backends()}
    vectors = {name: encoder.encode(texts) for name, encoder in encoders.items()}
    rates = _take_turns(encoders, texts, options.turns)
    report = {
        name: {
            "texts_per_second": round(rates[name]),
            "ratio": round(rates[name] / rates[PLAIN], 2),
            "mean_cosine": round(float((vectors[name] * vectors[PLAIN]).sum(axis=1).mean()), 5),
            "top10_overlap": round(_overlap(vectors[name], vectors[PLAIN]), 3),
        }
        for name in encoders
    }
    for name, figures in report.items():
        print(f"{name:>9}", *(f"{figure} {value}" for figure, value in figures.items()), sep="  ")
    print(json.dumps({"texts": len(texts), "paths": report}))


def _backends() -> list[Backend]:
    present: dict[Backend, bool] = {
        "cuda": torch.cuda.is_available(),
        "openvino": find_spec("openvino") is not None,
    }
    return [PLAIN, *(name for name, here in present.items() if here)]


def _take_turns(
    encoders: Mapping[Backend, BertEncoder], texts: list[str], turns: int
) -> dict[Backend, float]:
    """Time every encoder in turn, several times. Returns texts per second, medians."""
    seconds: dict[Backend, list[float]] = {name: [] for name in encoders}
    for _ in tqdm(range(turns), "turns"):
        for name, encoder in encoders.items():
            started = time.perf_counter()
            encoder.encode(texts)
            seconds[name].append(time.perf_counter() - started)
    return {name: len(texts) / statistics.median(each) for name, each in seconds.items()}


def _overlap(fast: Vectors, plain: Vectors) -> float:
    """Return how many of each text's ten nearest are the same, on average."""
    pairs = zip(_nearest(fast), _nearest(plain), strict=True)
    return statistics.mean(len(a & b) / NEAREST for a, b in pairs)


def _nearest(vectors: Vectors) -> list[set[int]]:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1)
    return [set(row) for row in np.argsort(-similarity, axis=1)[:, :NEAREST].tolist()]


if __name__ == "__main__":
    main()
