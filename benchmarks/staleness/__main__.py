"""What a late user state costs. The last line is one JSON object with every figure.

    python -m benchmarks.staleness --data online_retail.parquet [--plot FILE] [--report FILE]

The first fifth of the year chooses the settings and warms the model up; the rest is measured.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.quality.report import table
from benchmarks.quality.texts import text_vectors
from benchmarks.staleness.figures import SHUFFLED, Curve, as_numbers, curves, inside_curve
from benchmarks.staleness.plot import plot
from benchmarks.staleness.replay import DELAYS, Replayed, replay
from benchmarks.staleness.retail import Purchases, read_purchases
from benchmarks.staleness.shop_model import ShopModel, ShopSettings
from portrait.evaluation.ranking import Scores
from portrait.logs import configure_logs

WARM_UP = 0.2  # share of the purchases
TUNING_EVERY = 10  # one purchase in ten is predicted while tuning
SHUFFLED_EVERY = 4
GRID: dict[str, tuple[float, ...]] = {
    "decay": (0.6, 0.7, 0.8, 0.9),
    "text": (0.1, 0.3, 1.0),
    "half_life_days": (30, 90, 365),
    "shrink": (1, 5, 20),
}


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that the report says."""

    purchases: Purchases
    replayed: Replayed
    curves: dict[str, Curve]
    settings: ShopSettings
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the replay."""
    options = _options(arguments)
    configure_logs("text")
    with threadpool_limits(1):
        run = _run(options)
    if options.plot:
        plot(run.curves, options.plot)
    section = _section(run)
    if options.report:
        options.report.write_text(section, encoding="utf-8")
    print(section, end="\n\n")
    print(json.dumps(_numbers(run)))


def _run(options: argparse.Namespace) -> Run:
    purchases = read_purchases(options.data)
    if options.quick:
        purchases = purchases.head(len(purchases) // 20)
    vectors = text_vectors(purchases.texts, options.cache, 1)
    similar = vectors @ vectors.T
    warm = int(WARM_UP * len(purchases))
    settings = ShopSettings() if options.quick else choose(purchases.head(warm), similar)
    started = time.perf_counter()
    replayed = replay(purchases, ShopModel(similar, settings), every=options.every)
    seconds = time.perf_counter() - started
    found = curves(purchases, replayed, warm)
    mixed = purchases.shuffled()
    again = replay(mixed, ShopModel(similar, settings), every=SHUFFLED_EVERY * options.every)
    found[SHUFFLED] = inside_curve(mixed, again, warm)
    return Run(purchases, replayed, found, settings, seconds)


def choose(purchases: Purchases, similar: Scores) -> ShopSettings:
    """Try each setting in turn on the warm-up, by the fresh state's NDCG@10 of both kinds."""
    best, reached = ShopSettings(), -1.0
    tries = [(name, value) for name, values in GRID.items() for value in values]
    for name, value in tqdm(tries, "settings", disable=None):
        tried = replace(best, **{name: value})
        replayed = replay(purchases, ShopModel(similar, tried), every=TUNING_EVERY)
        found = curves(purchases, replayed, len(purchases) // 4)
        figure = float(np.mean([curve[DELAYS[0]].ndcg for curve in found.values()]))
        if figure > reached:
            best, reached = tried, figure
    return best


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="online_retail.parquet")
    parser.add_argument(
        "--every", type=int, default=1, help="predict one in so many inside baskets"
    )
    parser.add_argument("--quick", action="store_true", help="a twentieth of the year")
    parser.add_argument("--plot", type=Path, help="SVG or PNG file to write")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    parser.add_argument("--cache", type=Path, default=Path("build/cache"), help="of text vectors")
    return parser.parse_args(arguments)


def _section(run: Run) -> str:
    """Write the section for docs/benchmarks.md."""
    header = ("the state is late by", *(f"{kind}: HR@10 / NDCG@10, lost" for kind in run.curves))
    rows = [(delay, *(_cell(curve, delay) for curve in run.curves.values())) for delay in DELAYS]
    purchases, learning = run.purchases, run.replayed.learn_microseconds
    facts = (
        f"{time.strftime('%Y-%m-%d')}. {len(purchases):,} purchases of "
        f"{len(np.unique(purchases.user)):,} customers, {len(purchases.texts):,} items, in "
        f"time order; {len(run.replayed.event):,} predicted, then learned, in {run.seconds:.0f} s. "
        f"Learning took {np.quantile(learning, 0.5):.0f} µs (p50), "
        f"{np.quantile(learning, 0.99):.0f} µs (p99). The first fifth chose "
        f"{asdict(run.settings)} and is not measured."
    )
    return "\n\n".join(["## Staleness: `make bench-staleness`", facts, table(header, rows)])


def _cell(curve: Curve, delay: str) -> str:
    at = curve[delay]
    figures = f"{at.hr:.3f} / {at.ndcg:.3f}"
    if delay == DELAYS[0]:
        return figures
    return f"{figures}, {100 * at.lost:.0f} % ({100 * at.low:.0f} to {100 * at.high:.0f})"


def _numbers(run: Run) -> dict[str, object]:
    learning = run.replayed.learn_microseconds
    return {
        "purchases": len(run.purchases),
        "predicted": len(run.replayed.event),
        "seconds": round(run.seconds, 1),
        "learn_microseconds_p50": float(np.quantile(learning, 0.5)),
        "learn_microseconds_p99": float(np.quantile(learning, 0.99)),
        "settings": asdict(run.settings),
        "curves": {kind: as_numbers(curve) for kind, curve in run.curves.items()},
    }


if __name__ == "__main__":
    main()
