"""The tables: what each model reads right, over seeds; and whether a goal is reached."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.language.run import Run, Said, baseline_name, said_by, told_of
from benchmarks.language.sets import TextSet
from benchmarks.language.tree import tree_figures
from portrait.arrays import Floats
from portrait.training.tasks.figures import by_slice, figures, rounded
from portrait.training.tasks.report import FROZEN, NGRAMS
from portrait.training.tasks.task import Labelled
from portrait.training.tasks.threshold import threshold_for

PRECISION = 0.98  # at which a message is answered; of all else: don't know
SHOWN = ("accuracy", "average_precision", "ece")
TREE = ("top", "said", "said_precision")  # of labels that are paths
GOALS: Mapping[tuple[str, int], Mapping[str, float]] = {
    ("reviews", 4_800): {"average_precision": 0.985, "accuracy": 0.94},
    ("messages", 8_574): {"accuracy": 0.942},
    ("messages", 770): {"accuracy": 0.87},
}
Told = Mapping[str, Any]


def figures_of(texts: TextSet, runs: Sequence[Run], folder: Path) -> Told:
    """Return every model's figures on a set, and which one validation chooses."""
    models = {
        name: [_figures(texts, said_by(folder, baseline_name(texts, name)))]
        for name in (FROZEN, NGRAMS)
    }
    seconds: dict[str, float] = {}
    for run in runs:
        models.setdefault(run.recipe, []).append(_figures(texts, said_by(folder, run.name)))
        spent = told_of(folder, run.name)["seconds"]
        seconds[run.recipe] = seconds.get(run.recipe, 0.0) + float(str(spent))
    means = {name: _mean(each) for name, each in models.items()}
    chosen = max(means, key=lambda name: means[name]["valid"])
    goals = GOALS.get((texts.task.name, len(texts.task.train)), {})
    return {
        "models": {
            name: rounded(each)
            | {"seeds": len(models[name])}
            | (
                {"minutes": round(seconds[name] / len(models[name]) / 60, 1)}
                if name in seconds
                else {}
            )
            for name, each in means.items()
        },
        "chosen": chosen,
        "kept": chosen not in (FROZEN, NGRAMS),
        "goals": {
            name: {"goal": goal, "reached": round(means[chosen][name], 4)}
            for name, goal in goals.items()
        },
        "slices": _slices(texts, chosen, runs, folder),
    }


def table(told: Told) -> str:
    """Write a set's models as Markdown, what validation chooses in bold."""
    columns = ("valid", *SHOWN, *(["coverage", "precision_said"] if _abstains(told) else []))
    columns += tuple(name for name in TREE if all(name in each for each in told["models"].values()))
    lines = [
        f"| | {' | '.join(columns)} | seeds | minutes |",
        "|---|" + "---|" * (len(columns) + 2),
    ]
    for name, each in told["models"].items():
        shown = f"**{name}**" if name == told["chosen"] else name
        numbers = [f"{each[column]:.4f}" for column in columns]
        spread = f" ± {each['accuracy_spread']:.4f}" if each["seeds"] > 1 else ""
        numbers[1] += spread
        lines.append(
            f"| {shown} | {' | '.join(numbers)} | {each['seeds']} | {each.get('minutes', '')} |"
        )
    goals = [
        f"{name} {each['reached']:.4f} of {each['goal']}" for name, each in told["goals"].items()
    ]
    return "\n".join([*lines, *(["", "Goal: " + ", ".join(goals)] if goals else [])])


def _figures(texts: TextSet, said: Said) -> dict[str, float]:
    """Return the figures of one model: one on validation, all on the texts that judge."""
    task = texts.task
    valid = figures(task.kind, task.valid.targets, said.valid)["deciding"]
    test = figures(task.kind, texts.test.targets, said.test)
    whole = _abstaining(task.valid, texts.test, said)
    return {"valid": valid, **test, **whole, **tree_figures(texts, said)}


def _abstaining(valid: Labelled, test: Labelled, said: Said) -> dict[str, float]:
    """Say only what is sure enough: how much is said then, and how much of it is right."""
    right = said.valid.argmax(axis=1) == valid.targets
    spoken = said.test.max(axis=1) >= threshold_for(right, said.valid.max(axis=1), PRECISION)
    if not spoken.any():
        return {"coverage": 0.0, "precision_said": 0.0}
    rightly = said.test.argmax(axis=1)[spoken] == test.targets[spoken]
    return {"coverage": float(spoken.mean()), "precision_said": float(rightly.mean())}


def _slices(texts: TextSet, chosen: str, runs: Sequence[Run], folder: Path) -> Told:
    """Return accuracy and average precision by category, of the frozen head and of the chosen."""
    if not texts.test.slices:
        return {}
    names = [run.name for run in runs if run.recipe == chosen]
    likely = {
        FROZEN: said_by(folder, baseline_name(texts, FROZEN)).test,
        chosen: _average([said_by(folder, name).test for name in names])
        if names
        else said_by(folder, baseline_name(texts, chosen)).test,
    }
    return {
        name: {
            slice_: {
                value: rounded({key: each[key] for key in ("examples", *SHOWN[:2])})
                for value, each in values.items()
            }
            for slice_, values in by_slice(texts.task.kind, texts.test, said).items()
        }
        for name, said in likely.items()
    }


def _average(each: Sequence[Floats]) -> Floats:
    """Return what the seeds say together."""
    mean: Floats = np.mean(np.stack(each), axis=0)
    return mean


def _mean(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    return means | {"accuracy_spread": float(np.std([one["accuracy"] for one in each]))}


def _abstains(told: Told) -> bool:
    return any(each["coverage"] > 0 for each in told["models"].values())
