"""The next basket, item pages and carts, Portrait beside its peers. The last line is JSON.

    python -m benchmarks.recommend --data FOLDER [--sets NAME ...] [--surfaces NAME ...] [--quick]
        [--report FILE]

FOLDER holds `online_retail/`; Complete Journey comes with pip. Of users with three baskets or more
the last is the test, the one before it is for choices. Nothing is drawn in any fit: intervals are
over users. What of a basket is looked at is drawn, three times. Progress goes to stderr.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.heads.shops import Shop, complete_journey, online_retail
from benchmarks.recommend.about import SURFACES
from benchmarks.recommend.baskets import Baskets, baskets_of, trial_of
from benchmarks.recommend.figures import Figures, against, figures_of, set_figures
from benchmarks.recommend.frequency import PersonalTop
from benchmarks.recommend.measure import Told, measure
from benchmarks.recommend.ours import WHOLE, Portrait, RingTop, in_order
from benchmarks.recommend.peer import Peer
from benchmarks.recommend.report import set_report
from benchmarks.recommend.things import about_things
from benchmarks.recommend.tifu import TifuKnn
from benchmarks.recommend.up_cf import UpCf
from portrait.dataset.interactions import Interactions
from portrait.logs import configure_logs

QUICK_USERS = 300
AGAIN = "again"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    options = _options(arguments)
    configure_logs("text")
    started = time.perf_counter()
    found: Figures = {}
    with threadpool_limits(1):
        for name in tqdm(options.sets, "sets", disable=None):
            found[name] = _run(_shops(options.data)[name](), options)
            print(set_report(name, found[name]), end="\n\n", flush=True)
    run = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, 1 thread",
        "minutes": round((time.perf_counter() - started) / 60, 1),
    }
    if options.report:
        options.report.write_text(_markdown(run, found), encoding="utf-8")
    print(json.dumps({"run": run, "sets": found}))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=[*_shops(Path())], help="only these sets")
    parser.add_argument(
        "--surfaces", nargs="*", default=[AGAIN, *SURFACES], choices=[AGAIN, *SURFACES]
    )
    parser.add_argument("--cache", type=Path, default=Path("build/cache"), help="of text vectors")
    parser.add_argument("--quick", action="store_true", help="a smoke run of some of the users")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    options = parser.parse_args(arguments)
    if unknown := sorted({*options.sets} - {*_shops(Path())}):
        parser.error(f"no such set: {', '.join(unknown)}; there are {', '.join(_shops(Path()))}")
    return options


def _shops(folder: Path) -> dict[str, Callable[[], Shop]]:
    table = folder / "online_retail" / "online_retail.parquet"
    return {"complete_journey": complete_journey, "online_retail": lambda: online_retail(table)}


def _peers(events: Interactions) -> list[Peer]:
    return [
        PersonalTop("personal top", with_everybody=False),
        RingTop(events),
        PersonalTop("G&P top", with_everybody=True),
        TifuKnn(),
        UpCf(),
        Portrait(events),
        Portrait(events, 256),
        Portrait(events, WHOLE),
    ]


def _run(shop: Shop, options: argparse.Namespace) -> Figures:
    """Measure every peer on one shop."""
    if options.quick:
        events = shop.interactions
        shop = replace(shop, interactions=events.where(events.user < QUICK_USERS))
    found = _next_basket(shop) if AGAIN in options.surfaces else {}
    surfaces = [name for name in SURFACES if name in options.surfaces]
    about = about_things(shop, surfaces, options.cache) if surfaces else {}
    return found | {"about": about}


def _next_basket(shop: Shop) -> Figures:
    events = in_order(shop.interactions)
    baskets = baskets_of(events)
    valid, test = trial_of(baskets, 2), trial_of(baskets, 1)
    results: dict[str, Told] = {}
    seconds: dict[str, float] = {}
    for peer in tqdm(_peers(events), shop.name, disable=None):
        started = time.perf_counter()
        results[peer.name] = measure(peer, valid, test)
        seconds[peer.name] = time.perf_counter() - started
    return {
        "set": set_figures(_size(events, baskets), test),
        "peers": {name: figures_of(told, seconds[name]) for name, told in results.items()},
        "against": against(results),
    }


def _size(events: Interactions, baskets: Baskets) -> dict[str, int]:
    return {"users": baskets.users, "items": len(events.items), "baskets": len(baskets)}


def _markdown(run: Figures, found: Figures) -> str:
    how = f"{run['date']}, {run['machine']}, {run['minutes']} minutes."
    sets = (set_report(name, figures) for name, figures in found.items())
    return "\n\n".join(["## The next basket: `make bench-recommend`", how, *sets])


if __name__ == "__main__":
    main()
