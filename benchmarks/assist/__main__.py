"""The help desk measured, on questions to a bank and on Chinese reviews; the last line is JSON.

    python -m benchmarks.assist --data DIR [--multilingual FOLDER] [--part NAME ...]

DIR holds `banking77/` and `zh_reviews/`; FOLDER the multilingual encoder, without which there are
no reviews. Choices are made on training messages; the test is looked at once.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.assist.few_labels import (
    NEARLY,
    actively,
    at_random,
    curve,
    learned,
    right,
)
from benchmarks.assist.finding import find_passages
from benchmarks.assist.intents import read_intents
from benchmarks.assist.sets import Task, banking77, zh_reviews
from benchmarks.assist.wire import measure_wire
from portrait.logs import configure_logs
from portrait.text.text_encoder import load_encoder

PARTS = ("intents", "finding", "few_labels", "wire")
REVIEWS = 3_000, 1_000  # to learn from, to be judged by
BATCHES = {"banking77": (77, 3_080), "zh_reviews": (20, 800)}  # labels at once, and at most
DRAWS = 3

Figures = dict[str, object]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--multilingual", type=Path)
    parser.add_argument("--part", action="append", dest="parts", choices=PARTS)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the wire")
    options = parser.parse_args()
    configure_logs("text")
    parts, started = options.parts or PARTS, time.monotonic()
    encoder = load_encoder("bundled")
    bank = banking77(options.data / "banking77", encoder)
    figures: Figures = {}
    if "intents" in parts:
        figures["intents"] = _table("Intents of banking77", read_intents(bank))
    if "finding" in parts:
        figures["finding"] = _table("The help text of a question", find_passages(bank, encoder))
    if "few_labels" in parts:
        tasks = [bank]
        if options.multilingual is not None:
            chinese = load_encoder(str(options.multilingual))
            tasks.append(zh_reviews(options.data / "zh_reviews", chinese, *REVIEWS))
        curves = {task.name: _few_labels(task) for task in tasks}
        figures["few_labels"] = _table("Labels needed", curves)
    if "wire" in parts:
        with tempfile.TemporaryDirectory() as folder:
            outcome = measure_wire(bank, Path(folder), options.rate, options.seconds)
        figures["wire"] = asdict(outcome)
        print(f"\nPOST /assist at {options.rate:g}/s: {outcome}")
    print(json.dumps({"seconds": round(time.monotonic() - started), **figures}))


def _few_labels(task: Task) -> dict[str, float]:
    """Count labels until 95 % of the accuracy with all."""
    batch, most = BATCHES[task.name]
    full = right(learned(task, task.train), task.test)
    active = curve(task, actively, batch, most)
    drawn = [curve(task, at_random, batch, most, seed) for seed in range(DRAWS)]
    needed = [each.needed(NEARLY * full) or most for each in drawn]
    return {
        "accuracy_with_all": full,
        "of_labels": len(task.train.codes),
        "by_words_alone": active.accuracy[0],
        "active": active.needed(NEARLY * full) or most,
        "random": float(np.mean(needed)),
    }


def _table(title: str, rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Print a table; return its figures, rounded."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    print(f"\n{title}\n\n| |", " | ".join(names), "|\n|---|" + "---|" * len(names))
    for name, row in rows.items():
        print(f"| {name} |", " | ".join(_shown(row.get(each)) for each in names), "|")
    return {
        name: {each: round(value, 4) for each, value in row.items()} for name, row in rows.items()
    }


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value > 1.5 else f"{value:.3f}"  # noqa: PLR2004 - a count, or a share


if __name__ == "__main__":
    main()
