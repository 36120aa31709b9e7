"""Settings of fine-tuning, searched for on validation, `make tune`: the last line is JSON.

    python -m benchmarks.language.tune --data DIR [--task messages] [--labels 770] [--minutes 60]
        [--multilingual FOLDER] [--folder FOLDER]

The studies are kept in FOLDER and go on; each trial is a run in MLflow, too (`mlflow ui
--backend-store-uri sqlite:///FOLDER/mlflow.db`). The texts that judge are not read.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import optuna
import torch
from optuna.trial import FrozenTrial, TrialState

from benchmarks.language.recipes import RECIPES, adaptation
from benchmarks.language.search import Ended, Search, search
from benchmarks.language.sets import CHINESE, SETS
from portrait.adapters.mlflow_tracking import local_tracking
from portrait.logs import configure_logs
from portrait.text.text_encoder import BUNDLED, path_of
from portrait.training.tasks.baselines import fit_baselines

SHOWN = 5  # trials


def main() -> None:
    """Search, and say what was found."""
    options = _options()
    configure_logs("text")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(options.threads)
    texts = SETS[options.task](options.data)
    texts = texts.of_size(options.labels or texts.sizes[0])
    is_chinese = texts.language == CHINESE
    encoder = options.multilingual if is_chinese else Path(path_of(BUNDLED))
    if not (encoder / "config.json").exists():
        sys.exit(f"There is no encoder in {encoder}: run `make encoder-zh` first.")
    how = adaptation(texts, RECIPES["CE"], 0, None)
    precise = how.course.mixed_precision
    print("Reading the texts with the encoder as it is …", flush=True)
    (baseline,) = fit_baselines(
        encoder, [texts.task], most_tokens=how.most_tokens, mixed_precision=precise
    )
    what = Search(texts, encoder, options.folder)
    told = [_printed, recorded(what)]
    study = search(what, baseline, timedelta(minutes=options.minutes), told)
    done = sorted(
        study.get_trials(states=[TrialState.COMPLETE]), key=lambda trial: -(trial.value or 0.0)
    )
    print(f"\n{table(done[:SHOWN])}\n")
    print(json.dumps({"study": what.name, "trials": len(study.trials), "best": _told(done)}))


def table(trials: Sequence[FrozenTrial]) -> str:
    """Write trials as a table, the best first."""
    if not trials:
        return "No trial has ended: more --minutes are needed."
    names = [*trials[0].params]
    rows = [[_written(trial.params[name]) for name in names] for trial in trials]
    lines = [
        f"| {trial.number} | {trial.value:.4f} | {' | '.join(row)} |"
        for trial, row in zip(trials, rows, strict=True)
    ]
    ruled = "|---" * (len(names) + 2)
    return "\n".join([f"| trial | valid | {' | '.join(names)} |", f"{ruled}|", *lines])


def _told(done: Sequence[FrozenTrial]) -> dict[str, object] | None:
    return {"valid": done[0].value, **done[0].params} if done else None


def _written(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _printed(_: optuna.Study, trial: FrozenTrial) -> None:
    """Say how a trial ended."""
    read = max(trial.intermediate_values.values(), default=0.0)
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    how = trial.state.name.lower()
    print(f"trial {trial.number}: {how}, {read:.4f}, {seconds:.0f} s", flush=True)


def recorded(what: Search) -> Ended:
    """Return what writes a trial down as a run."""
    tracking = local_tracking(what.folder)

    def record(_: optuna.Study, trial: FrozenTrial) -> None:
        settings = {name: _plain(value) for name, value in trial.params.items()}
        job = f"{what.name}, trial {trial.number}"
        with tracking.run(job, {**settings, "ended": trial.state.name.lower()}) as curves:
            for epoch, figure in trial.intermediate_values.items():
                curves.record(epoch, {what.texts.task.name: figure})

    return record


def _plain(value: object) -> str | float:
    return value if isinstance(value, int | float) else str(value)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language.tune", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", choices=[*SETS], default="messages")
    parser.add_argument("--labels", type=int, help="how many; else as many as the set has")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--multilingual", type=Path, default=Path("build/encoder-zh"))
    parser.add_argument("--folder", type=Path, default=Path("build/tune"))
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
