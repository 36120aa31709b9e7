"""Heads beside their baselines, on real shops, in time order; the last line is JSON.

    python -m benchmarks.heads --data DIR [--multilingual FOLDER] [--set NAME ...]

DIR holds `online_retail/` and `zh_reviews/`; Complete Journey comes with pip. FOLDER holds the
multilingual encoder; without it there are no reviews.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from benchmarks.heads.groups import groups_of, hits_by_group
from benchmarks.heads.reviews import SentimentReport, review_sentiment
from benchmarks.heads.shops import Shop, complete_journey, online_retail
from benchmarks.heads.states import text_states
from portrait.logs import configure_logs
from portrait.text.text_encoder import load_encoder
from portrait.training.heads.fit_heads import fit_heads
from portrait.training.heads.judge_heads import HeadReport, by_groups

SHOWN = ("average_precision", "brier", "ece", "accuracy", "precision", "recall", "f1")
REVIEWS = "zh_reviews"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--multilingual", type=Path)
    parser.add_argument("--set", action="append", dest="sets", help="only these sets")
    parser.add_argument("--reviews", type=int, default=8_000, help="how many to read")
    options = parser.parse_args()
    configure_logs("text")
    shops: dict[str, Callable[[], Shop]] = {
        "complete_journey": complete_journey,
        "online_retail": lambda: online_retail(
            options.data / "online_retail" / "online_retail.parquet"
        ),
    }
    chosen = options.sets or [*shops, *([REVIEWS] if options.multilingual else [])]
    figures: dict[str, object] = {}
    for name in tqdm(chosen, "sets"):
        started = time.perf_counter()
        if name == REVIEWS:
            archive = options.data / REVIEWS / "oshop.zip"
            encoder = load_encoder(str(options.multilingual))
            figures[name] = _tell_reviews(review_sentiment(archive, encoder, options.reviews))
        else:
            figures[name] = _tell_shop(shops[name]())
        print(f"{name}: {time.perf_counter() - started:.0f} s")
    print(json.dumps(figures, ensure_ascii=False))


def _tell_shop(shop: Shop) -> dict[str, object]:
    """Fit the heads of a shop, print the table, return the figures."""
    states = text_states(load_encoder("bundled"), shop.texts, shop.interactions.items)
    _heads, reports = fit_heads(shop.interactions, shop.category_refs, states, until=shop.until)
    groups = groups_of(shop)
    print(f"\n{shop.name}: {len(shop.interactions):,} events, {shop.interactions.users:,} users\n")
    print("| head | model |", " | ".join(SHOWN), "| served |")
    print("|---|---|" + "---|" * (len(SHOWN) + 1))
    for report in reports:
        _print_rows(report)
    hits = hits_by_group(shop, states, groups)
    return {
        "heads": {
            report.name: report.rows | {"by_group": by_groups(report, groups)} for report in reports
        },
        "hits_by_group": hits,
    }


def _print_rows(report: HeadReport) -> None:
    if report.lead is None:
        print(f"| {report.name} | not trained: {report.reason} |" + " |" * (len(SHOWN) + 1))
        return
    rows = {
        "baseline": report.baseline,
        "head": report.uncalibrated,
        "head, calibrated": report.calibrated,
    }
    for model, figures in rows.items():
        told = report.reason if model == "head, calibrated" else ""
        _print_row([report.name, model], figures, told)


def _print_row(names: list[str], figures: Mapping[str, float], told: str) -> None:
    numbers = [f"{figures[name]:.4f}" for name in SHOWN]
    print("|", " | ".join([*names, *numbers, told]), "|")


def _tell_reviews(report: SentimentReport) -> dict[str, object]:
    """Print the tables of the reviews, return the figures."""
    print(
        f"\nReviews, {report.encoder}: {report.reviews}, {report.encode_seconds:.0f} s encoding\n"
    )
    print("| model |", " | ".join(SHOWN), "| |")
    print("|---|" + "---|" * (len(SHOWN) + 1))
    for model, figures in report.figures.items():
        _print_row([model], figures, "")
    print(
        "\n| category | reviews | accuracy | F1 | ECE | F1 of TF-IDF |\n|---|---|---|---|---|---|"
    )
    for name, each in report.categories.items():
        numbers = [f"{each[key]:.3f}" for key in ("accuracy", "f1", "ece", "tfidf_f1")]
        print(f"| {name} | {each['examples']:.0f} |", " | ".join(numbers), "|")
    return {
        "encoder": report.encoder,
        "reviews": report.reviews,
        "encode_seconds": round(report.encode_seconds, 1),
        "lead": asdict(report.lead),
        "lead_with_few": asdict(report.lead_with_few),
        "models": {model: _rounded(each) for model, each in report.figures.items()},
        "categories": {name: _rounded(each) for name, each in report.categories.items()},
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


if __name__ == "__main__":
    main()
