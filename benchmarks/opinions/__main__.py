"""The opinion monitor on planted turns, on years without any, and on bursts; the last line is JSON.

python -m benchmarks.opinions [--quick] [--reviews FILE]
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from statistics import median

from tqdm import tqdm

from benchmarks.opinions.naive import ThreeSigmas
from benchmarks.opinions.real import tones_of
from benchmarks.opinions.world import BEGIN, Habits, Planted, World
from portrait.opinions.aspects import Tone
from portrait.opinions.windows import TEXTS, Width
from portrait.times import DAY_MS

YEAR = 365
BEFORE, AFTER = 90, 60  # days, of a planted turn
TURNS = ((0.12, 0.20), (0.12, 0.27), (0.12, 0.42), (0.12, 0.70), (0.40, 0.15))
RATES = (2.0, 10.0, 40.0)  # texts a day of the item that turns
CALM = {
    "independent texts": Habits(),
    "better and worse days, weekends": Habits(swing=0.4, weekend=1.6),
    "and a season": Habits(swing=0.4, weekend=1.6, season=0.15),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer seeds: some two minutes")
    parser.add_argument("--reviews", type=Path, help="zip of Chinese reviews with labels")
    options = parser.parse_args()
    seeds = 2 if options.quick else 5
    started = time.monotonic()
    result = {
        "calm": calm(1 if options.quick else 3),
        "turns": turns(seeds),
        "bursts": bursts(seeds),
    }
    if options.reviews is not None:
        result["tones"] = tones_of(options.reviews)
    print(json.dumps({**result, "seconds": round(time.monotonic() - started)}))


def calm(seeds: int) -> dict[str, dict[str, int]]:
    """Live years in which nothing turns."""
    print("\nyears in which nothing turns: 24 items with their brands, shelves and shop")
    print(f"{'':34}{'years':>6}{'subjects':>9}{'texts':>9}{'alerts':>8}{'three sigmas':>14}")
    found = {}
    for name, habits in CALM.items():
        alerts = texts = subjects = naive = 0
        for seed in tqdm(range(seeds), name, delay=2):
            world = World(seed, 24, habits)
            watches = {ref: ThreeSigmas() for ref in world.ledgers}
            for day in range(YEAR):
                world.live(day)
                naive += _alarms(world, watches, day)
            alerts += len(world.book.alerts)
            texts += world.texts
            subjects = len(world.ledgers)
        found[name] = {"years": seeds, "texts": texts, "alerts": alerts, "three_sigmas": naive}
        print(f"{name:34}{seeds:>6}{subjects:>9}{texts:>9}{alerts:>8}{naive:>14}")
    return found


def _alarms(world: World, watches: dict[int, ThreeSigmas], day: int) -> int:
    """Count the alarms that the usual rule would raise on a day, of all subjects."""
    alarms = 0
    for ref, ledger in world.ledgers.items():
        for window, counts in ledger.counts.items():
            if window.width is Width.DAY and window.begins == BEGIN + day * DAY_MS:
                alarms += watches[ref].add(counts.get(Tone.NEGATIVE, 0), counts[TEXTS])
    return alarms


def turns(seeds: int) -> list[dict[str, float | None]]:
    """Plant a turn of the first of eight items, and wait for it."""
    print(f"\na turn of one of eight items after {BEFORE} days, {AFTER} to find it, {seeds} seeds")
    print("       share  a day  found   days  slowest  texts  alerts  false")
    rows = []
    for before, after in TURNS:
        for rate in RATES:
            days, alerts, false = [], Counter[int](), 0
            for seed in range(seeds):
                planted = Planted(BEFORE, negative=after)
                world = World(100 + seed, 8, Habits(swing=0.2), planted)
                world.fix_first(before, rate)
                for day in range(BEFORE + AFTER):
                    world.live(day)
                told = [
                    (each.at.timestamp() * 1_000 - BEGIN) / DAY_MS - BEFORE
                    for each in world.book.alerts
                ]
                false += sum(day < 0 for day in told)
                told = [day for day in told if day >= 0]
                alerts[len(told)] += 1
                days += told[:1]
            share = len(days) / seeds
            middle = median(days) if days else None
            rows.append(
                {
                    "before": before,
                    "after": after,
                    "daily": rate,
                    "found": share,
                    "days": middle and round(middle, 1),
                    "exactly_one": alerts[1] / seeds,
                    "false": false,
                }
            )
            shown = (
                f"{middle:>7.1f}{max(days):>9.1f}{middle * rate:>7.0f}"
                if days and middle
                else " " * 23
            )
            most = max(alerts)
            print(
                f"{before:>5.2f} ▶{after:>5.2f}{rate:>7.0f}{share:>7.0%}{shown}{most:>8}{false:>7}"
            )
    return rows


def bursts(seeds: int) -> dict[str, Counter[str]]:
    """Let few accounts, or many people, write many negative texts on one day."""
    print("\n60 negative texts on one day beside 6 usual ones, and what is told")
    found = {}
    for authors in (1, 5, 15, 60):
        kinds: Counter[str] = Counter()
        for seed in range(seeds):
            world = World(seed, 4, Habits(), Planted(60, burst=60, authors=authors))
            world.fix_first(0.12, 6.0)
            for day in range(75):
                world.live(day)
            kinds.update(each.kind.value for each in world.book.alerts)
        found[f"{authors} authors"] = kinds
        print(f"by {authors:>2} authors: {dict(kinds) or 'nothing'} in {seeds} runs")
    return {**found, "harm": harm(seeds)}


def harm(seeds: int) -> Counter[str]:
    """Let a tenth of an item's texts be harmful from one day on."""
    days: list[float] = []
    kinds: Counter[str] = Counter()
    for seed in range(seeds):
        world = World(seed, 4, Habits(), Planted(60, harmful=0.1))
        world.fix_first(0.12, 10.0)
        for day in range(120):
            world.live(day)
        kinds.update(each.kind.value for each in world.book.alerts)
        days += [(each.at.timestamp() * 1_000 - BEGIN) / DAY_MS - 60 for each in world.book.alerts][
            :1
        ]
    middle = f"after {median(days):.1f} days" if days else ""
    print(f"harmful texts .2 % ▶ 10 % of 10 a day: {dict(kinds)} in {seeds} runs, {middle}")
    return kinds


if __name__ == "__main__":
    main()
