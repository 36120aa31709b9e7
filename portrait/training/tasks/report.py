"""The record of a fine-tuning: before and after, curve, confusion, calibration, verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portrait.training.loop.train import Outcome
from portrait.training.tasks.baselines import Baseline
from portrait.training.tasks.calibrate import Calibrated
from portrait.training.tasks.figures import believed, by_slice, confusion, figures
from portrait.training.tasks.task import Task

FROZEN, NGRAMS, TUNED = "frozen + linear", "n-grams", "fine-tuned"
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """How a task is read, on its validation texts, as JSON can say it."""

    task: str
    kept: bool
    reason: str  # in a sentence
    figures: Mapping[str, Figures]  # by model
    slices: Mapping[str, Any]  # model: slice: value: figures
    confusion: list[list[int]]  # of the fine-tuned
    reliability: list[dict[str, float]]
    curve: list[dict[str, float]]  # an entry an epoch
    trained_weights: int
    seconds: float


def report_of(
    task: Task, before: Baseline, after: Calibrated, outcome: Outcome, trained_weights: int
) -> Report:
    """Compare them on the validation texts, and say whether the task is kept."""
    said = {FROZEN: before.frozen.likely, NGRAMS: before.ngrams, **before.others}
    said[TUNED] = after.likely
    targets = task.valid.targets
    told = {name: figures(task.kind, targets, likely) for name, likely in said.items()}
    kept, reason = verdict(told)
    return Report(
        task=task.name,
        kept=kept,
        reason=reason,
        figures=told,
        slices={name: by_slice(task.kind, task.valid, likely) for name, likely in said.items()},
        confusion=confusion(task.kind, targets, after.likely).tolist(),
        reliability=believed(task.kind, targets, after.likely),
        curve=outcome.history,
        trained_weights=trained_weights,
        seconds=outcome.seconds,
    )


def verdict(told: Mapping[str, Figures]) -> tuple[bool, str]:
    """Say whether the fine-tuned encoder reads better than all others, and why not."""
    ours = told[TUNED]["deciding"]
    best = max(told.keys() - {TUNED}, key=lambda name: told[name]["deciding"])
    theirs = told[best]["deciding"]
    if ours > theirs:
        return True, f"{TUNED} {ours:.4f} beats {best} {theirs:.4f}"
    return False, f"{TUNED} {ours:.4f} does not beat {best} {theirs:.4f}"
