"""Experiments where nothing differs, where something does, and choices whose worth is known.

python -m benchmarks.experiments [--quick]: prints tables; the last line is JSON
"""

import argparse
import json
import time
from collections.abc import Iterable
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.choices import coverage
from benchmarks.experiments.world import EVEN, Look, assigned, converted, spent
from portrait.experiments.counts import ALPHA, lift_of, log_evidence, ratio_p
from portrait.experiments.interleaving import team_draft
from portrait.experiments.means import mean_lift_of

REFUSED = float(-np.log(ALPHA))
NORMAL = 1.959_964
FIRST_LOOK = 100  # conversions before the usual test is looked at
RATES = (0.02, 0.1, 0.3)  # of people who convert
LIFTS = (0.05, 0.1, 0.2)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs: half a minute")
    runs = 100 if parser.parse_args().quick else 1_000
    started = time.monotonic()
    result = {
        "false_alarms": false_alarms(runs),
        "power": power(runs // 5),
        "interleaving": interleaved(runs // 5),
        "off_policy": coverage(runs),
    }
    print(json.dumps({"runs": runs, **result, "seconds": round(time.monotonic() - started)}))


def false_alarms(runs: int) -> dict[str, float]:
    """Run experiments in which nothing differs, and look after everything that happens."""
    found: dict[str, float] = {}
    for rate in RATES:
        people = round(1_000 / rate)
        alarms = [counts_alarm(run, people, rate) for run in range(runs)]
        found[f"conversion_{rate}"] = share(ours for ours, _ in alarms)
        found[f"conversion_{rate}_usual_test"] = share(usual for _, usual in alarms)
    found["revenue"] = share(revenue_alarms(run, 4_000, looks=200) for run in range(runs))
    found["sample_ratio"] = share(ratio_alarm(run, 4_000) for run in range(runs))
    found["interleaving"] = share(draft_alarm(run, 1_000) for run in range(runs))
    print(f"\nfalse alarms in {runs} experiments each, looked at all the time, at most {ALPHA}")
    for name, alarms_of in found.items():
        print(f"{name:32}{alarms_of:8.3f}")
    return found


def counts_alarm(run: int, people: int, rate: float) -> tuple[bool, bool]:
    """Say whether the test, and the usual one, ever see a difference where there is none."""
    random = np.random.default_rng(run)
    hits, arrived = converted(assigned(f"aa-{run}-{rate}", people), rate, 0, random)
    variant = np.cumsum(hits, dtype=np.int64)
    thrown = np.arange(1, len(hits) + 1)
    ours = any(
        log_evidence(int(x), int(n), 0.5, 0.5) >= REFUSED
        for x, n in zip(variant, thrown, strict=True)
    )
    return ours, _usual(variant, thrown, arrived)


def _usual(
    variant: NDArray[np.int64], thrown: NDArray[np.int64], arrived: NDArray[np.int64]
) -> bool:
    """Test two shares as for one look, after each conversion from the hundredth on."""
    variant, thrown, arrived = (each[FIRST_LOOK:] for each in (variant, thrown, arrived))
    pooled = thrown / arrived
    z = (2 * variant - thrown) / (arrived / 2) / np.sqrt(pooled * (1 - pooled) * 4 / arrived)
    return bool((np.abs(z) > NORMAL).any())


def revenue_alarms(run: int, people: int, looks: int) -> bool:
    """Say whether what people spend is ever said to differ where it does not."""
    random = np.random.default_rng(run)
    told = spent(assigned(f"aa-{run}", people), 0.4, 0, random, looks)
    return any(_differs(look) for look in told)


def _differs(look: Look) -> bool:
    return mean_lift_of(look.variant, look.control).p <= ALPHA


def ratio_alarm(run: int, people: int, split: float = 0.5) -> bool:
    """Say whether the assignment is ever said to be wrong; it is if the split is not the half."""
    shares = {"control": 1 - split, "variant": split}
    variant = np.cumsum(assigned(f"ratio-{run}", people, shares))
    return any(
        ratio_p((n - int(x), int(x)), (0.5, 0.5)) <= ALPHA for n, x in enumerate(variant, start=1)
    )


def draft_alarm(run: int, lists: int, better: float = 0.0) -> bool:
    """Say whether one of two rankings is ever preferred; `better`: how often it truly is."""
    return draft_needs(run, lists, better) is not None


def draft_needs(run: int, lists: int, better: float) -> int | None:
    """Return after how many lists one of two rankings is preferred; None: it never is.

    Every reader clicks one item: with a chance of `better` the second ranking's best, else any.
    """
    random = Random(run)  # noqa: S311 - a simulation
    first, second = list(range(10)), list(range(5, 15))
    wins = 0
    for number in range(1, lists + 1):
        drawn = team_draft(first, second, 10, random)
        best = [team for item, team in drawn if item == second[0]]
        wins += best[0] if best and random.random() < better else random.choice(drawn)[1]
        if log_evidence(wins, number, 0.5, 0.5) >= REFUSED:
            return number
    return None


def power(runs: int) -> dict[str, dict[str, float | None]]:
    """Count the people that it takes until a lift is seen, looking all the time."""
    print(f"\npeople until a lift is seen ({runs} runs; power: within as many as one look needs)")
    print(f"{'rate':>6}{'lift':>6}{'one look':>10}{'median':>10}{'90 in 100':>11}{'power':>8}")
    found: dict[str, dict[str, float | None]] = {}
    for rate in RATES:
        for lift in LIFTS:
            fixed = one_look(rate, lift)
            most = 4 * fixed
            needed = np.array([conversion_needs(run, most, rate, lift) for run in range(runs)])
            middle, late = (float(np.quantile(needed, q)) for q in (0.5, 0.9))
            at_fixed = float((needed <= fixed).mean())
            told = {"one_look": fixed, "median": middle, "late": late, "power": at_fixed}
            found[f"{rate}+{lift}"] = {
                name: None if np.isinf(value) else value for name, value in told.items()
            }
            print(f"{rate:6}{lift:6}{fixed:10}{middle:10.0f}{late:11.0f}{at_fixed:8.2f}")
    return found


def one_look(rate: float, lift: float) -> int:
    """Return how many people a single look needs, in all, to see a lift 80 times in 100."""
    other = rate * (1 + lift)
    varies = rate * (1 - rate) + other * (1 - other)
    return 2 * round((NORMAL + 0.841_621) ** 2 * varies / (other - rate) ** 2)


def conversion_needs(run: int, most: int, rate: float, lift: float) -> float:
    """Return after how many people a lift is seen; infinite if not within so many."""
    random = np.random.default_rng(run)
    hits, arrived = converted(random.random(most) < EVEN["variant"], rate, lift, random)
    variant = np.cumsum(hits)
    for place in range(0, len(hits), max(1, len(hits) // 400)):  # some 400 looks
        seen = lift_seen(int(variant[place]), place + 1)
        if seen > 0:
            return float(arrived[place])
    return float("inf")


def lift_seen(variant: int, thrown: int) -> int:
    """Return 1 if the interval lies above nothing, -1 below, else 0."""
    if log_evidence(variant, thrown, 0.5, 0.5) < REFUSED:
        return 0
    interval = lift_of(variant, thrown - variant, 0.5)
    return (interval.low > 0) - (interval.high < 0)


def interleaved(runs: int) -> dict[str, float | None]:
    """Compare what two groups need with what lists that both rankings are in need."""
    better = 0.05
    needed = [draft_needs(run, 20_000, better) for run in range(runs)]
    lists = float(np.median([np.inf if each is None else each for each in needed]))
    groups = grouped_needs(better)
    print("\na ranking whose best item one reader in twenty looks for: lists until it is seen")
    print(f"team draft {lists:.0f}, two groups (one look, 80 in 100) {groups}")
    return {"lists": lists, "two_groups": float(groups)}


def grouped_needs(better: float) -> int:
    """Return how many readers two groups need: there, whoever looks for it finds it or does not."""
    rate = 0.5  # of readers who click anything; those who look for that item click if it is there
    other = rate + better * (1 - rate) / 2
    varies = rate * (1 - rate) + other * (1 - other)
    return 2 * round((NORMAL + 0.841_621) ** 2 * varies / (other - rate) ** 2)


def share(said: Iterable[bool]) -> float:
    """Return how many are true."""
    return float(np.mean([*said]))


if __name__ == "__main__":
    main()
