"""What fine-tuning gains where labels are, `make bench-language`: the last line is JSON.

    python -m benchmarks.language --data DIR [--tasks reviews,messages] [--labels 4800,300]
        [--recipes CE,FGM,distilled] [--seeds 0,1,2] [--minutes 60] [--multilingual FOLDER]
        [--folder FOLDER]

DIR holds `zh_reviews/`, `banking77/` and `amazon_scientific/`; the multilingual encoder is that of
`make encoder-zh`. Every set with one seed comes before any with a second. What does not fit into
the time is left, and said; runs that are done are kept, so the same command goes on. All is chosen
on validation; the texts that judge are looked at when the time is over.
"""

import argparse
import json
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import torch

from benchmarks.language.recipes import RECIPES, usual_recipe
from benchmarks.language.report import figures_of, table
from benchmarks.language.run import Run, baseline_name, baselines_of, carry_out, is_done
from benchmarks.language.sets import CHINESE, SETS, TextSet
from benchmarks.language.tone import read_tones
from portrait.logs import configure_logs
from portrait.text.text_encoder import BUNDLED, path_of
from portrait.training.tasks.report import FROZEN


def main() -> None:
    """Run the benchmark."""
    options = _options()
    configure_logs("text")
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    sets = [
        whole.of_size(size)
        for name in options.tasks
        for whole in [SETS[name](options.data)]
        for size in options.labels or whole.sizes
    ]
    runs = [
        Run(texts, recipe, seed, options.seeds, options.epochs)
        for are_taught in (False, True)  # by others, that have to be done before
        for seed in options.seeds
        for texts in sets
        for recipe in options.recipes or [usual_recipe(texts)]
        if bool(RECIPES[recipe].teachers) == are_taught and (texts.unlabelled or not are_taught)
    ]
    _carry_out(runs, options)
    runs = [run for run in runs if is_done(options.folder, run.name)]
    sets = [each for each in sets if is_done(options.folder, baseline_name(each, FROZEN))]
    found = {
        f"{texts.task.name}, {len(texts.task.train):,} labels": figures_of(
            texts, [run for run in runs if run.texts is texts], options.folder
        )
        for texts in sets
    }
    for name, told in found.items():
        print(f"\n{name}\n\n{table(told)}")
    read = read_tones(sets, runs, options.folder)
    print("\n" + json.dumps(found | {"tone": read}, ensure_ascii=False))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", type=_names(SETS), default=[*SETS])
    parser.add_argument("--labels", type=_numbers, help="how many; else as many as each set says")
    parser.add_argument("--recipes", type=_names(RECIPES), help="else what is in use for each set")
    parser.add_argument("--seeds", type=_numbers, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="else as many as each set wants")
    parser.add_argument("--minutes", type=float, default=60, help="no run begins that ends later")
    parser.add_argument("--multilingual", type=Path, default=Path("build/encoder-zh"))
    parser.add_argument("--folder", type=Path, default=Path("build/bench-language"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    recipes = options.recipes or []
    teachers = {RECIPES[name].teachers for name in recipes} - {"", *recipes}
    if teachers:
        parser.error(f"the teachers of a recipe have to be run, too: {', '.join(teachers)}")
    needs_chinese = set(options.tasks) & {"reviews", "unseen"}
    if needs_chinese and not (options.multilingual / "config.json").exists():
        parser.error(f"there is no encoder in {options.multilingual}: run `make encoder-zh` first")
    return options


def _carry_out(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Do what is not done yet and fits into the time, baselines first, and say what is left."""
    started = time.perf_counter()
    left = [run for run in runs if not is_done(options.folder, run.name)]
    done = spent = 0.0
    while left:
        pace = spent / done if done else 0.0  # seconds
        ends = time.perf_counter() - started + pace * left[0].cost
        rest = pace * sum(each.cost for each in left) / 60
        if ends > 60 * options.minutes:
            print(f"{len(left)} runs are left, some {rest:.0f} min: the same command goes on.")
            return
        run = left.pop(0)
        encoder, fitting = _encoder(run.texts, options.multilingual), time.perf_counter()
        baselines = baselines_of(encoder, run.texts, options.folder)
        begun = time.perf_counter()
        carry_out(run, encoder, baselines, options.folder)
        done, spent = done + run.cost, spent + time.perf_counter() - begun
        took = f"{time.perf_counter() - begun:.0f} s, baselines {begun - fitting:.0f} s"
        print(f"{run.name}: {took}, {len(left)} left", flush=True)


def _encoder(texts: TextSet, multilingual: Path) -> Path:
    return multilingual if texts.language == CHINESE else Path(path_of(BUNDLED))


def _numbers(said: str) -> list[int]:
    return [int(each) for each in said.split(",")]


def _names(known: Collection[str]) -> Callable[[str], list[str]]:
    def read(said: str) -> list[str]:
        names = [each.strip() for each in said.split(",")]
        unknown = [each for each in names if each not in known]
        if unknown:
            msg = f"there is no {', '.join(unknown)}, but {', '.join(known)}"
            raise argparse.ArgumentTypeError(msg)
        return names

    return read


if __name__ == "__main__":
    main()
