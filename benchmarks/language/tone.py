"""The tone of reviews without stars: the list of words, a frozen head and a fine-tuned BERT.

What is called negative has to be so at a precision of .95: the threshold of each is chosen on the
validation reviews, and what it finds then is counted on those that judge.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.language.run import Run, baseline_name, is_done, said_by
from benchmarks.language.sets import TextSet
from portrait.arrays import Flags, Floats
from portrait.evaluation.classification import precision_recall_f1
from portrait.events.tone import PLAIN, blame_of, reads_negative
from portrait.training.tasks.checklist import failures
from portrait.training.tasks.figures import rounded
from portrait.training.tasks.report import FROZEN
from portrait.training.tasks.task import Labelled
from portrait.training.tasks.threshold import threshold_for

PRECISION = 0.95
DISLIKED = 0  # the code of the label
WORDS = "words"
ROUNDED = 1e-6  # no probability is nearer to 0 or 1


def read_tones(sets: Sequence[TextSet], runs: Sequence[Run], folder: Path) -> dict[str, object]:
    """Print and return how blame is found, and how the words do on the check list."""
    told: dict[str, object] = {"words, check list": failures(words_say)}
    for texts in sets:
        if texts.task.name != "reviews":
            continue
        named = {run.recipe: run.name for run in runs if run.texts is texts}
        found = tones(texts, named, folder)
        labels = len(texts.task.train)
        told[f"{labels} labels"] = {name: rounded(each) for name, each in found.items()}
        print(f"\nBlame found, {labels:,} labels\n\n| | precision | recall |\n|---|---|---|")
        for name, each in found.items():
            print(f"| {name} | {each['precision']:.4f} | {each['recall']:.4f} |")
    return told


def words_say(texts: Sequence[str]) -> Floats:
    """Return how negative texts are by their words, (B,): from .5 on it is said."""
    blame = np.array([blame_of(text) for text in texts], np.float32)
    said: Floats = np.float32(0.5) + (blame - np.float32(PLAIN - 0.5)) / np.float32(20)
    return said


def tones(texts: TextSet, runs: Mapping[str, str], folder: Path) -> dict[str, dict[str, float]]:
    """Return precision and recall of each way to read blame.

    Args:
        texts: Reviews.
        runs: Names of runs, by how they are called.
        folder: Where they are.
    """
    valid, test = texts.task.valid, texts.test
    told = {WORDS: _figures(test, _by_words(test))}
    models = {FROZEN: baseline_name(texts, FROZEN)} | dict(runs)
    for name, run in models.items():
        if not is_done(folder, run):
            continue
        said = said_by(folder, run)
        alone = said.valid[:, DISLIKED], said.test[:, DISLIKED]
        told[name] = _at_precision(valid, test, *alone)
        told[f"{name} + {WORDS}"] = _at_precision(valid, test, *_with_words(valid, test, *alone))
    return told


def _by_words(texts: Labelled) -> Flags:
    return np.array([reads_negative(text) for text in texts.texts])


def _with_words(
    valid: Labelled, test: Labelled, of_valid: Floats, of_test: Floats
) -> tuple[Floats, Floats]:
    """Weigh what a model says and the blame that words count together, on validation."""
    inputs = [
        np.column_stack([_logits(likely), [blame_of(text) for text in part.texts]])
        for part, likely in ((valid, of_valid), (test, of_test))
    ]
    weighed = LogisticRegression().fit(inputs[0], valid.targets == DISLIKED)
    both = [weighed.predict_proba(each)[:, 1].astype(np.float32) for each in inputs]
    return both[0], both[1]


def _at_precision(
    valid: Labelled, test: Labelled, of_valid: Floats, of_test: Floats
) -> dict[str, float]:
    least = threshold_for(valid.targets == DISLIKED, of_valid, PRECISION)
    return _figures(test, of_test >= least)


def _figures(test: Labelled, said: Flags) -> dict[str, float]:
    return precision_recall_f1(test.targets == DISLIKED, said)


def _logits(likely: Floats) -> Floats:
    sure = np.clip(likely, ROUNDED, 1 - ROUNDED)
    logits: Floats = np.log(sure / (1 - sure))
    return logits
