"""Audiences on real shops, in time order; the last line is JSON.

    python -m benchmarks.audiences --data DIR

Settings are chosen sixteen weeks before the end of the log, on what follows within four; what is
reported is asked eight weeks before the end. DIR holds `online_retail/`; Complete Journey comes
with pip, and has categories; of Online Retail, which has none, the hundred items bought most by
then are what audiences are about.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.audiences.leaving import leaving
from benchmarks.audiences.lift import (
    SHARES,
    SHRUNKEN,
    SIZE,
    Outcome,
    chosen_settings,
    outcomes,
    rate,
    told,
)
from benchmarks.audiences.moments import WEEK_MS, Moment, moment_of
from benchmarks.heads.shops import Shop, complete_journey, online_retail
from benchmarks.heads.states import TextStates, text_states
from portrait.arrays import Codes
from portrait.logs import configure_logs
from portrait.text.text_encoder import load_encoder

CHOSEN_WEEKS, ASKED_WEEKS = 16, 8  # before the end of the log
MOST_SUBJECTS = 100  # of a shop without categories


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    configure_logs("text")
    retail = options.data / "online_retail" / "online_retail.parquet"
    shops: dict[str, Callable[[], Shop]] = {
        "complete_journey": complete_journey,
        "online_retail": lambda: online_retail(retail),
    }
    read = {name: _prepared(load()) for name, load in tqdm(shops.items(), "shops")}
    tried: dict[tuple[float, float], list[Outcome]] = {
        settings: [
            outcome
            for shop, states in read.values()
            for outcome in _asked(shop, states, CHOSEN_WEEKS, *settings)
        ]
        for settings in tqdm([*product(SHARES, SHRUNKEN)], "settings")
    }
    share, shrunk = chosen_settings(tried)
    figures: dict[str, object] = {
        "settings": {"share": share, "shrunk": shrunk},
        "earlier": {f"{a:g}, {b:g}": round(rate(found), 4) for (a, b), found in tried.items()},
    }
    print(f"\nchosen on the earlier period: share {share:g}, shrunk {shrunk:g}\n")
    for name, (shop, states) in read.items():
        lift = told(_asked(shop, states, ASKED_WEEKS, share, shrunk))
        left = leaving(shop, states)
        _print_lift(shop.name, lift)
        _print_leaving(left)
        figures[name] = {"size": SIZE, "lift": lift, "leaving": left}
    print(json.dumps(figures))


def _prepared(shop: Shop) -> tuple[Shop, TextStates]:
    return shop, text_states(load_encoder("bundled"), shop.texts, shop.interactions.items)


def _asked(
    shop: Shop, states: TextStates, weeks: int, share: float, shrunk: float
) -> list[Outcome]:
    moment = moment_of(shop, states, shop.until - weeks * WEEK_MS)
    return outcomes(moment, _subjects(shop, moment), share, shrunk)


def _subjects(shop: Shop, moment: Moment) -> Sequence[Codes]:
    """Return the items of each category; of a shop without any, each of those bought most."""
    refs = shop.category_refs
    categories = np.unique(refs[refs > 0])
    if len(categories):
        return [np.flatnonzero(refs == each) for each in categories]
    counts = np.bincount(moment.bought.item, minlength=len(refs))
    return [np.array([item]) for item in np.argsort(-counts, kind="stable")[:MOST_SUBJECTS]]


def _print_lift(name: str, lift: dict[str, object]) -> None:
    print(f"{name}: {lift['subjects']} audiences of {SIZE}\n")
    print("| audience | buy within four weeks | lift over random |\n|---|---|---|")
    print(f"| random | {lift['random']} | 1 |")
    for audience in ("look-alikes", "busiest", "buyers"):
        each = lift[audience]
        assert isinstance(each, dict)  # noqa: S101 - as `told` makes it
        print(f"| {audience} | {_between(each['rate'])} | {_between(each['lift'])} |")
    print(f"\nlook-alikes less busiest: {lift['lead_over_busiest']}\n")


def _between(figures: Sequence[float]) -> str:
    value, low, high = figures
    return f"{value} ({low} to {high})"


def _print_leaving(left: dict[str, object]) -> None:
    tenths, silent = left.get("tenths", []), left.get("by_silence", [])
    assert isinstance(tenths, list)  # noqa: S101 - as `leaving` makes it
    assert isinstance(silent, list)  # noqa: S101
    print(f"{ {name: value for name, value in left.items() if not isinstance(value, list)} }\n")
    print("| tenth | said | left | lift | by silence: left | lift |\n|---|---|---|---|---|---|")
    for ours, theirs in zip(tenths, silent, strict=True):
        lifts = f"{ours['left']} | {_between(ours['lift'])} | {theirs['left']}"
        print(f"| {ours['tenth']} | {ours['said']} | {lifts} | {_between(theirs['lift'])} |")
    print()


if __name__ == "__main__":
    main()
