"""Settings of fine-tuning, searched for: each trial learns, and validation says how well it reads.

settings (TPE) ─▶ fine-tune ─▶ validation after each epoch ─▶ worse than half of the others? stop

What judges is not read. A study lies in a file: what is cut off goes on, and several may search.
Sources: Akiba et al., Optuna, KDD 2019; Bergstra et al., Algorithms for Hyper-Parameter
Optimization, NeurIPS 2011 (TPE).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from benchmarks.language.lessons import lesson_of
from benchmarks.language.recipes import RECIPES, Settings, adaptation_of, settings_of
from benchmarks.language.sets import CHINESE, FEW, TextSet
from portrait.training.loop.train import train
from portrait.training.tasks.adapt import begin
from portrait.training.tasks.baselines import Baseline

Ended = Callable[[optuna.Study, FrozenTrial], None]
FREE_TRIALS = 8  # before one may be stopped: they are what it is measured against
EPOCHS: Mapping[tuple[bool, bool], tuple[int, int]] = {  # is it Chinese, are there many labels
    (True, True): (2, 6),
    (True, False): (4, 14),
    (False, True): (3, 9),
    (False, False): (6, 24),
}


@dataclass(frozen=True, slots=True)
class Search:
    """What to search for, and where it is kept."""

    texts: TextSet
    encoder: Path
    folder: Path

    @property
    def name(self) -> str:
        """Name it, for files."""
        return f"{self.texts.task.name}-{len(self.texts.task.train)}"


def search(
    what: Search, baseline: Baseline, lasting: timedelta, ended: Sequence[Ended] = ()
) -> optuna.Study:
    """Try settings for so long. Returns all trials, those of earlier searches among them.

    Args:
        what: To search for.
        baseline: Of its task, with its encoder.
        lasting: No trial begins later.
        ended: Told of each trial when it has ended.
    """
    what.folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=what.name,
        storage=JournalStorage(JournalFileBackend(str(what.folder / f"{what.name}.journal"))),
        sampler=optuna.samplers.TPESampler(multivariate=True, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FREE_TRIALS, n_warmup_steps=1),
        direction="maximize",
        load_if_exists=True,
    )
    if not study.trials:  # what is in use is among what is tried
        for recipe in ("CE", "FGM"):
            study.enqueue_trial(asdict(settings_of(what.texts, RECIPES[recipe])))

    def tried(trial: optuna.Trial) -> float:
        settings = suggested(trial, what.texts)
        task = lesson_of(what.texts, settings.recipe, [])
        how = adaptation_of(what.texts, settings, seed=trial.number)
        lesson = begin(what.encoder, [task], [baseline], how)
        return train(lesson, how.course, tracker=Pruned(trial, task.name)).figures[task.name]

    study.optimize(tried, timeout=lasting.total_seconds(), callbacks=[*ended])
    return study


def suggested(trial: optuna.Trial, texts: TextSet) -> Settings:
    """Draw settings."""
    is_chinese, has_many = texts.language == CHINESE, len(texts.task.train) >= FEW
    least, most = EPOCHS[is_chinese, has_many]
    return Settings(
        epochs=trial.suggest_int("epochs", least, most),
        learning_rate=trial.suggest_float("learning_rate", 2e-5, 3e-4, log=True),
        layer_decay=trial.suggest_float("layer_decay", 0.75, 1.0),
        head_share=trial.suggest_float("head_share", 2, 100, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-3, 0.1, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.3),
        adversarial=trial.suggest_float("adversarial", 0.0, 0.8),
        r_drop=trial.suggest_float("r_drop", 0.0, 1.5),
        named=not is_chinese and trial.suggest_categorical("named", [False, True]),
    )


class Pruned:
    """A tracker that stops a trial which reads worse than half of the others did by then."""

    def __init__(self, trial: optuna.Trial, task: str) -> None:
        self._trial, self._task, self._epochs = trial, task, 0

    def record(self, _: int, figures: Mapping[str, float]) -> None:
        """Take the figures of a step, or of an epoch's end.

        Raises:
            TrialPruned: It is stopped.
        """
        if self._task not in figures:
            return
        self._epochs += 1
        self._trial.report(figures[self._task], self._epochs)
        if self._trial.should_prune():
            raise optuna.TrialPruned

    def reach(self, share: float) -> None:
        """Take how far it is: nobody asks."""
