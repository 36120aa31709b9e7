"""The portrait's benchmark, `make bench-portrait`: the last line is JSON.

With `--quick` one small world of each language, and the exit code says whether a figure fell below
its floor.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.portrait.ask import ask_all, ask_for_lists
from benchmarks.portrait.counting import Counting, decayed, latest
from benchmarks.portrait.floors import FLOORS
from benchmarks.portrait.goals import GOALS, Figures, Sides, fallen
from benchmarks.portrait.progress import Progress
from benchmarks.portrait.report import mean_of, missed, table
from benchmarks.portrait.stack import FIRST, LEARNED, Stack, open_stack
from benchmarks.portrait.texts import raw_and_centred
from demo.__main__ import ending_said, interruptible
from portrait.model.encoder import TextEncoder
from portrait.settings import Settings
from portrait.text.text_encoder import BUNDLED, load_encoder
from sandbox.planted.life import World, live
from sandbox.planted.shop import open_shop
from sandbox.planted.words import LANGUAGES, Language
from sandbox.servers import ROOT

PEOPLE = {300: 200, 5_000: 400, 50_000: 600}  # by items
SEEDS = (1, 2, 3)
SINCE = timedelta(hours=1)  # the log's end lies as far back: questions send events after it


@dataclass(frozen=True, slots=True)
class Plan:
    """Which worlds are to be asked."""

    languages: Sequence[Language]
    seeds: Sequence[int]
    items: int


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portrait", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, and the floors are held")
    parser.add_argument("--items", type=int, choices=PEOPLE, default=300, help="of a shop")
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    options = parser.parse_args()
    interruptible()
    plan = Plan(options.languages, SEEDS[:1] if options.quick else SEEDS, options.items)
    try:
        with ending_said():
            measured = measure(plan, Settings().encoder, ROOT / "build" / "bench-portrait")
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.")
        sys.exit(1)
    held = options.quick and options.items == min(PEOPLE) and Settings().encoder == BUNDLED
    fell = [
        said
        for language, sides in measured.items()
        if held
        for said in fallen(language, sides, FLOORS)
    ]
    _report(measured, plan, fell)
    sys.exit(1 if fell else 0)


def measure(plan: Plan, encoder: str, folder: Path) -> dict[Language, Sides]:
    """Ask every side in every world. Returns the means over seeds, by language and side.

    Args:
        plan: Which worlds.
        encoder: As `PORTRAIT_ENCODER` names it, which workers read for themselves.
        folder: For logs, archives and models; what is in it is removed.
    """
    reader = load_encoder(encoder, threads=2)
    progress = Progress(len(plan.languages) * len(plan.seeds))
    measured: dict[Language, Sides] = {}
    for language in plan.languages:
        runs = []
        for seed in plan.seeds:
            progress.begin(f"{language}, {plan.items:,} items, seed {seed}")
            shop = open_shop(language, plan.items, seed)
            ends_at = datetime.now(UTC) - SINCE
            world = live(shop, PEOPLE[plan.items], seed, ends_at)
            runs.append(_ask_everybody(world, reader, folder, progress.step))
            progress.end()
        measured[language] = mean_of(runs)
    return measured


def _ask_everybody(
    world: World, encoder: TextEncoder, folder: Path, step: Callable[[str], None]
) -> dict[str, Figures]:
    """Ask the service before and after it learned, and the baselines."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    figures: dict[str, Figures] = {}
    with ExitStack() as closing:
        stack: Stack = closing.enter_context(open_stack(folder, world, encoder, step))
        figures[FIRST] = ask_all(stack.served, world, 0, step)
        step("training")
        print(f"  judged: {stack.learn()}")
        figures[LEARNED] = ask_all(stack.served, world, 1, step)
        if stack.served.late:
            print(f"  {stack.served.late} lists were asked for again: searches were read too late")
    step("baselines")
    for name, weigh in (("decayed counts", decayed), ("latest counts", latest)):
        side = Counting(name, world.shop, weigh, world.ends_at)
        side.tell(world.events)
        figures[name] = ask_all(side, world, 0, lambda _: None)
    for text in raw_and_centred(world.shop, encoder):
        text.tell(world.events)
        figures[text.name] = ask_for_lists(text, world)
    return figures


def _report(measured: dict[Language, Sides], plan: Plan, fell: Sequence[str]) -> None:
    """Print a table for each language, what fell, and the JSON line."""
    for language, sides in measured.items():
        reached = len(GOALS) - len(missed(sides))
        print(
            f"\n{language}, {plan.items:,} items, seeds {plan.seeds}: {reached} of {len(GOALS)}\n"
        )
        print(table(sides))
    for said in fell:
        print(f"FELL {said}")
    figures = {
        "items": plan.items,
        "seeds": list(plan.seeds),
        "encoder": Path(Settings().encoder).name,
        "missed": {language: missed(sides) for language, sides in measured.items()},
        "fell": list(fell),
        "figures": {
            language: {
                side: {key: round(value, 4) for key, value in each.items()}
                for side, each in sides.items()
            }
            for language, sides in measured.items()
        },
    }
    print("\n" + json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
