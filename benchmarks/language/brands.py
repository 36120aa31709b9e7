"""Brands where titles have them: by what the catalogue knows, by letters, by a frozen BERT.

    python -m benchmarks.language.brands --data DIR [--seeds 0,1,2]

Titles of tools and supplies (`items.py`), each with the brand that its shop says. A way says one
span of the title and how sure it is; what is said must be the brand, so of a title without its
brand whatever is said is wrong. The threshold for .95 is chosen on validation. A quarter of the
titles judges, the same for every seed; a seed draws what is learned from and what is chosen by.
The last line is JSON.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from benchmarks.language.brand_spans import Span, brands_of, spans_of, traits_of, without
from benchmarks.language.items import SEED, TEST_SHARE, VALID_SHARE, WRITTEN
from benchmarks.language.token_vectors import TokenVectors, read_tokens
from portrait.arrays import Flags, Floats, Rows
from portrait.catalogue.brands import KnownBrands, first_known, named, words_of
from portrait.text.text_encoder import BUNDLED, path_of
from portrait.training.tasks.threshold import threshold_for

PRECISION = 0.95
SOFTNESS = {"counts and letters": 1.0, "frozen": 0.001, "frozen, counts and letters": 0.001}
UNSURE = 0.01  # of a first word that is taken for want of a brand

Said = tuple[list[str], Floats]  # what is said of titles, and how sure
Say = Callable[[Rows], Said]


@dataclass(frozen=True, slots=True)
class Branded:
    """Titles with their brands."""

    titles: Sequence[str]
    brands: Sequence[str]  # as words

    def at(self, rows: Rows) -> "Branded":
        """Return some of them."""
        titles, brands = ([each[row] for row in rows] for each in (self.titles, self.brands))
        return Branded(titles, brands)


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows to learn from, to choose by and to judge by."""

    train: Rows
    valid: Rows
    test: Rows


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language.brands")
    parser.add_argument("--data", type=Path, required=True, help="has amazon_scientific/")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    torch.set_num_threads(1)
    items = _read(options.data / "amazon_scientific" / "Scientific.text")
    tokens = read_tokens(path_of(BUNDLED), items.titles)
    told: dict[str, list[dict[str, float]]] = {}
    for seed in tqdm([int(each) for each in options.seeds.split(",")], "seeds"):
        for name, figures in _measured(items, tokens, _cut(len(items.titles), seed)).items():
            told.setdefault(name, []).append(figures)
    means = {name: _mean(each) for name, each in told.items()}
    columns = list(next(iter(means.values())))
    print("\n| way |", " | ".join(columns), "|\n|---|" + "---|" * len(columns))
    for name, each in means.items():
        print(f"| {name} |", " | ".join(f"{each[column]:.3f}" for column in columns), "|")
    print(json.dumps(told))


def _read(path: Path) -> Branded:
    """Read titles that have a brand, each once."""
    found = map(WRITTEN.fullmatch, _texts(path))
    once = {match["title"]: named(match["brand"]) for match in found if match}
    once = {title: brand for title, brand in once.items() if brand and words_of(title)}
    return Branded([*once], [*once.values()])


def _texts(path: Path) -> list[str]:
    return [line.split("\t", 1)[1] for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def _cut(titles: int, seed: int) -> Cut:
    rows = np.random.default_rng(SEED).permutation(titles)
    judging = round(titles * TEST_SHARE)
    rest = np.random.default_rng((SEED, seed)).permutation(rows[judging:])
    choosing = round(len(rest) * VALID_SHARE)
    return Cut(rest[choosing:], rest[:choosing], rows[:judging])


def _measured(items: Branded, tokens: TokenVectors, cut: Cut) -> dict[str, dict[str, float]]:
    """Let every way say the brands of what judges, once."""
    taught = items.at(cut.train)
    known = brands_of(taught.titles, taught.brands)
    ways = {
        "known brand": _by_name(items, known, is_guessing=False),
        "known brand, else the first word": _by_name(items, known, is_guessing=True),
    }
    ways |= {name: _learned(items, tokens, known, cut.train, name) for name in SOFTNESS}
    return {name: _figures(items, known, cut, say) for name, say in ways.items()}


def _by_name(items: Branded, known: KnownBrands, *, is_guessing: bool) -> Say:
    """Say the known brand that stands first."""

    def say(rows: Rows) -> Said:
        titles = items.at(rows).titles
        said = [first_known(title, known.items) for title in titles]
        sure = [known.share(name) if name else UNSURE * is_guessing for name in said]
        if is_guessing:
            said = [name or words_of(title)[0] for name, title in zip(said, titles, strict=True)]
        return said, np.array(sure, np.float32)

    return say


def _learned(
    items: Branded, tokens: TokenVectors, known: KnownBrands, train: Rows, way: str
) -> Say:
    """Fit a linear head over spans: which of a title's is its brand?"""

    def described(row: int, spans: Sequence[Span], counts: KnownBrands) -> Floats:
        parts = []
        if "frozen" in way:
            parts.append(tokens.of_spans(row, spans))
        if "counts" in way:
            parts.append(traits_of(items.titles[row], spans, counts))
        return np.concatenate(parts, axis=1)

    inputs, outcomes = [], []
    for row in train.tolist():
        title, brand = items.titles[row], items.brands[row]
        others = without(known, title, brand)
        spans = spans_of(title, others)
        inputs.append(described(row, spans, others))
        outcomes += [span.name == brand for span in spans]
    head = make_pipeline(StandardScaler(), LogisticRegression(C=SOFTNESS[way], max_iter=200))
    head.fit(np.concatenate(inputs), outcomes)

    def say(rows: Rows) -> Said:
        said, sure = [], np.zeros(len(rows), np.float32)
        for place, row in enumerate(rows.tolist()):
            spans = spans_of(items.titles[row], known)
            likely = head.predict_proba(described(row, spans, known))[:, 1]
            said.append(spans[int(likely.argmax())].name)
            sure[place] = likely.max()
        return said, sure

    return say


def _figures(items: Branded, known: KnownBrands, cut: Cut, say: Say) -> dict[str, float]:
    """Choose the threshold on validation, and count on what judges."""
    said, sure = say(cut.valid)
    right = _right(items, cut.valid, said)
    least = threshold_for(right, sure, PRECISION)
    valid = {"exact, valid": float(right.mean()), "said, valid": float((sure >= least).mean())}
    said, sure = say(cut.test)
    right = _right(items, cut.test, said)
    is_said = sure >= least
    is_seen = np.array([brand in known.items for brand in items.at(cut.test).brands])
    return valid | {
        "exact": float(right.mean()),
        "exact, seen": float(right[is_seen].mean()),
        "exact, unseen": float(right[~is_seen].mean()),
        "said": float(is_said.mean()),
        "of it right": float(right[is_said].mean()) if is_said.any() else 0.0,
        "found, seen": float((right & is_said)[is_seen].mean()),
        "found, unseen": float((right & is_said)[~is_seen].mean()),
    }


def _right(items: Branded, rows: Rows, said: Sequence[str]) -> Flags:
    right: Flags = np.array(said) == np.array(items.at(rows).brands)
    return right


def _mean(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}


if __name__ == "__main__":
    main()
