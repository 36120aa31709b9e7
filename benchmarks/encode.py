"""Texts per second of BERT's paths, side by side in one run, and what the fast ones cost.

    python -m benchmarks.encode [--encoder FOLDER]

Real product texts, short ones of about 15 tokens and long ones of 128, one thread, in turns. The
goal is four times torch fp32 at a top-10 overlap of .98. Ratios are of processor time, which other
work on the machine disturbs little; texts a second are by the clock. Beside them stands what the
processor itself gains on the network's largest matrix product: no path can beat it by much. The
last line is JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.fidelity import fidelity
from portrait.logs import configure_logs
from portrait.text.batching import token_batches
from portrait.text.text_encoder import BertEncoder, bundled_path, load_encoder
from sandbox.shop import product_texts

PLAIN = "torch fp32"
LEAST_OVERLAP = 0.98  # of the ten nearest; DESIGN, section 10
LEAST_COSINE = 0.999  # bf16 has .9999; interests have thresholds, and lower ones move over them
SHORT_WORDS = 8  # of a short text: about 15 tokens
LONG_TEXTS = 9  # that make a long one: above 128 tokens, which are cut
LONG_SHARE = 6  # a long text takes about this many times as long: so many fewer of them
PRODUCT = (1_920, 384, 1_536)  # rows, width and width of MiniLM's largest product, 80 x 24 tokens

Figures = dict[str, float | int | bool]
Timed = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long something took."""

    clock: float
    processor: float


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default=bundled_path(), help="folder")
    parser.add_argument("--texts", type=int, default=900)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    configure_logs("text")
    texts = product_texts(options.texts)
    encoders = _encoders(options.encoder)
    kinds = {"short": _short(texts), "long": _long(texts)[: max(11, len(texts) // LONG_SHARE)]}
    report: dict[str, object] = {"product_ratio_bf16": _product_ratio()}
    for kind, chosen in kinds.items():
        report[kind] = _compare(kind, encoders, chosen, options.turns)
    print(json.dumps(report))


def _encoders(path: str) -> dict[str, BertEncoder]:
    """Load every path that this machine has."""
    loaded = {
        PLAIN: load_encoder(path, backend="torch"),
        "torch bf16": load_encoder(path, backend="torch-bf16"),
    }
    if torch.cuda.is_available():
        loaded["cuda bf16"] = load_encoder(path, backend="cuda")
    if find_spec("openvino") is not None:
        loaded["openvino bf16"] = load_encoder(path, backend="openvino")
    return loaded


def _short(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(" ".join(text.split()[:SHORT_WORDS]) for text in texts))


def _long(texts: list[str]) -> list[str]:
    rolled = [texts[place:] + texts[:place] for place in range(0, LONG_TEXTS * 7, 7)]
    return [". ".join(parts) for parts in zip(*rolled, strict=True)]


def _compare(
    kind: str, encoders: Mapping[str, BertEncoder], texts: list[str], turns: int
) -> dict[str, object]:
    """Time every path on the same texts, and compare what comes out."""
    plain = encoders[PLAIN]
    tokens = plain.tokenize(texts)
    batches = list(token_batches(tokens, plain.most_tokens))
    filled, whole = sum(int(b.mask.sum()) for b in batches), sum(b.mask.size for b in batches)
    vectors = {name: encoder.encode(texts) for name, encoder in encoders.items()}
    jobs: dict[str, Timed] = {
        name: partial(encoder.encode, texts) for name, encoder in encoders.items()
    }
    jobs["tokenizer"] = partial(plain.tokenize, texts)
    taken = _take_turns(kind, jobs, turns)
    paths: dict[str, Figures] = {}
    for name in encoders:
        same = fidelity(vectors[name], vectors[PLAIN])
        paths[name] = {
            "texts_per_second": round(len(texts) / taken[name].clock),
            "texts_per_processor_second": round(len(texts) / taken[name].processor),
            "ratio": round(_cost(taken[PLAIN], name) / _cost(taken[name], name), 2),
            "mean_cosine": round(same.mean_cosine, 5),
            "top10_overlap": round(same.overlap, 3),
            "passes_gate": same.mean_cosine >= LEAST_COSINE and same.overlap >= LEAST_OVERLAP,
            "tokenizer_share": round(_cost(taken["tokenizer"], name) / _cost(taken[name], name), 3),
        }
        print(f"{kind:>6} {name:>14}", *(f"{key} {value}" for key, value in paths[name].items()))
    return {
        "texts": len(texts),
        "mean_tokens": round(statistics.mean(map(len, tokens)), 1),
        "padding_share": round(1 - filled / whole, 4),
        "paths": paths,
    }


def _cost(taken: Seconds, name: str) -> float:
    """Return what ratios are of: a GPU's work is not processor time."""
    return taken.clock if name.startswith("cuda") else taken.processor


def _take_turns(kind: str, jobs: Mapping[str, Timed], turns: int) -> dict[str, Seconds]:
    """Time every job in turn, several times. Returns medians."""
    clock: dict[str, list[float]] = {name: [] for name in jobs}
    processor: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in tqdm(range(turns), f"{kind} texts"):
        for name, job in jobs.items():
            started, used = time.perf_counter(), time.process_time()
            job()
            clock[name].append(time.perf_counter() - started)
            processor[name].append(time.process_time() - used)
    return {
        name: Seconds(statistics.median(clock[name]), statistics.median(processor[name]))
        for name in jobs
    }


def _product_ratio() -> float:
    """Return how many times as fast this processor multiplies in bf16 as in fp32, in torch."""
    rows, width, out = PRODUCT
    a, b = torch.ones(rows, width), torch.ones(out, width)
    linear = torch.nn.functional.linear
    jobs: dict[str, Timed] = {
        "fp32": partial(linear, a, b),
        "bf16": partial(linear, a.bfloat16(), b.bfloat16()),
    }
    for job in jobs.values():
        job()
    taken = _take_turns("matrix products of", jobs, 15)
    return round(float(np.divide(taken["fp32"].processor, taken["bf16"].processor)), 2)


if __name__ == "__main__":
    main()
