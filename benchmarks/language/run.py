"""One run: a set, so many labels, a recipe, a seed. What is done is kept, and not done again.

What a run says of the texts that judge is written down unseen; `report.py` looks at it at the end.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.language.lessons import lesson_of, save_teaching
from benchmarks.language.recipes import RECIPES, adaptation
from benchmarks.language.sets import TextSet
from portrait.arrays import Floats
from portrait.model.task_head import probabilities
from portrait.text.text_encoder import load_pooled, load_tokenize
from portrait.training.tasks.adapt import adapt
from portrait.training.tasks.baselines import Baseline, fit_baselines
from portrait.training.tasks.calibrate import Calibrated
from portrait.training.tasks.ngrams import fit_ngrams
from portrait.training.tasks.probe import Probe
from portrait.training.tasks.report import FROZEN, NGRAMS
from portrait.training.tasks.tower import encode


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be done."""

    texts: TextSet
    recipe: str
    seed: int
    seeds: Sequence[int]  # of all that are run
    epochs: int | None = None  # None: as many as usual

    @property
    def name(self) -> str:
        """Name it, for files."""
        recipe = self.recipe.replace(" ", "")
        return f"{_name(self.texts)}-{recipe}-{self.seed}"

    @property
    def cost(self) -> float:
        """How long it takes, in readings of a text of the shorter kind."""
        how = adaptation(self.texts, RECIPES[self.recipe], self.seed, self.epochs)
        length = {"zh": 6.0, "en": 1.0}[self.texts.language]
        recipe = RECIPES[self.recipe]
        read = len(self.texts.task.train) + bool(recipe.teachers) * len(self.texts.unlabelled)
        return how.course.epochs * read * recipe.passes * length


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of a set."""

    valid: Floats  # (V, C)
    test: Floats  # (T, C)


def is_done(folder: Path, name: str) -> bool:
    """Say whether a run has ended."""
    return (folder / f"{name}.npz").exists()


def said_by(folder: Path, name: str) -> Said:
    """Read what a run has said."""
    with np.load(folder / f"{name}.npz") as arrays:
        return Said(arrays["valid"], arrays["test"])


def told_of(folder: Path, name: str) -> dict[str, object]:
    """Read the record of a run."""
    told: dict[str, object] = json.loads((folder / f"{name}.json").read_text())
    return told


def baseline_name(texts: TextSet, model: str) -> str:
    """Name what a baseline has said."""
    return f"{_name(texts)}-{'frozen' if model == FROZEN else 'ngrams'}"


def baselines_of(encoder: Path, texts: TextSet, folder: Path) -> Baseline:
    """Return what has to be beaten: fitted once, and written down with what it says."""
    if _head_path(texts, folder).exists():
        return _kept(texts, folder)
    return _measure_baselines(encoder, texts, folder)


def _measure_baselines(encoder: Path, texts: TextSet, folder: Path) -> Baseline:
    how = adaptation(texts, RECIPES["CE"], 0, None)
    precise = how.course.mixed_precision
    (fitted,) = fit_baselines(
        encoder, [texts.task], most_tokens=how.most_tokens, mixed_precision=precise
    )
    tokens = load_tokenize(str(encoder), how.most_tokens)(texts.test.texts)
    vectors = encode(load_pooled(str(encoder)), tokens, mixed_precision=precise)
    logits = fitted.probe.logits(vectors) / np.float32(fitted.frozen.temperature)
    frozen = Said(fitted.frozen.likely, probabilities(texts.task.kind, logits))
    ngrams = Said(fitted.ngrams, fitted.read_ngrams(texts.test.texts))
    _write(folder, baseline_name(texts, NGRAMS), ngrams)
    _write(folder, baseline_name(texts, FROZEN), frozen)
    head = asdict(fitted.probe) | {"temperature": np.float64(fitted.frozen.temperature)}
    np.savez(_head_path(texts, folder), **head)  # the last: it says that all is there
    return fitted


def _kept(of: TextSet, folder: Path) -> Baseline:
    """Return baselines that were fitted before."""
    with np.load(_head_path(of, folder)) as head:
        probe, temperature = Probe(head["weights"], head["bias"]), float(head["temperature"])

    def read_ngrams(texts: Sequence[str]) -> Floats:
        return fit_ngrams(of.task)(texts)

    frozen = Calibrated(temperature, said_by(folder, baseline_name(of, FROZEN)).valid)
    ngrams = said_by(folder, baseline_name(of, NGRAMS)).valid
    return Baseline(probe, frozen, read_ngrams, ngrams)


def _head_path(texts: TextSet, folder: Path) -> Path:
    return folder / f"{_name(texts)}-head.npz"


def carry_out(run: Run, encoder: Path, baseline: Baseline, folder: Path) -> None:
    """Fine-tune, and write down what the result says."""
    how = adaptation(run.texts, RECIPES[run.recipe], run.seed, run.epochs)
    checkpoint = folder / f"{run.name}.checkpoint"
    recipe, seeds = RECIPES[run.recipe], run.seeds
    teachers = [replace(run, recipe=recipe.teachers, seed=seed) for seed in seeds]
    paths = [_teaching(folder, each) for each in teachers if recipe.teachers]
    task = lesson_of(run.texts, recipe, paths)
    done = adapt(
        encoder, [task], [baseline], folder / "encoders" / run.name, how, checkpoint=checkpoint
    )
    (reading,) = done.readings

    def says(of: Sequence[str]) -> Floats:
        logits = done.lesson.logits(0, done.lesson.encode(of))
        return probabilities(task.kind, logits / np.float32(reading.temperature))

    if any(each.teachers == run.recipe for each in RECIPES.values()) and run.texts.unlabelled:
        said = says(run.texts.task.train.texts), says(run.texts.unlabelled)
        save_teaching(_teaching(folder, run), *said)
    test = says(run.texts.test.texts)
    (report,) = done.reports
    (folder / f"{run.name}.json").write_text(json.dumps(asdict(report)))
    _write(folder, run.name, Said(reading.likely, test))
    checkpoint.unlink(missing_ok=True)


def _teaching(folder: Path, run: Run) -> Path:
    return folder / f"{run.name}.teaching.npz"


def _name(texts: TextSet) -> str:
    return f"{texts.task.name}-{len(texts.task.train)}"


def _write(folder: Path, name: str, said: Said) -> None:
    np.savez(folder / f"{name}.npz", valid=said.valid, test=said.test)
