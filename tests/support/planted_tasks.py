"""Tasks for a tiny BERT: which labels hold follows from a few words among many."""

import numpy as np

from portrait.arrays import Floats
from portrait.model.task_head import Kind
from portrait.training.tasks.baselines import Baseline
from portrait.training.tasks.calibrate import Calibrated
from portrait.training.tasks.probe import Probe
from portrait.training.tasks.task import Labelled, Targets, Task
from tests.support.tiny_bert import WORDS

LABELS = 3
FILLER = WORDS[4 * LABELS :]
FEW = 4  # words that say a label


def task(kind: Kind, *, train: int = 160, valid: int = 80, balanced: bool = False) -> Task:
    """Plant a task: one word says the label, three say nothing."""
    labels = tuple(f"label {code}" for code in range(LABELS))
    return Task("planted", kind, labels, texts(kind, train, 0), texts(kind, valid, 1), balanced)


def texts(kind: Kind, count: int, seed: int) -> Labelled:
    """Draw texts and what holds of them."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, LABELS, count)
    said = [
        [WORDS[FEW * code + random.integers(FEW)], *random.choice(FILLER, 3)]
        for code in codes.tolist()
    ]
    shuffled = [" ".join(random.permutation(words)) for words in said]
    targets: Targets = codes
    if kind == "many":
        targets = np.equal.outer(codes, np.arange(LABELS))
        targets[:, 2] |= codes == 0  # two at once
    return Labelled(shuffled, targets, {"half": np.where(np.arange(count) % 2, "odd", "even")})


def nothing(of: Task, dim: int = 32) -> Baseline:
    """Return baselines that know nothing: a head of zeros, and all labels alike."""
    columns = 1 if of.kind == "ordinal" else of.outputs
    probe = Probe(np.zeros((dim, columns), np.float32), np.zeros(of.outputs, np.float32))
    alike = np.full((len(of.valid), LABELS), 1 / LABELS, np.float32)

    def read(texts: object) -> Floats:
        del texts
        return alike

    return Baseline(probe, Calibrated(1.0, alike), read, alike)
