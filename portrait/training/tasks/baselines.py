"""What fine-tuning has to beat: the encoder as it is with a linear head, and n-grams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portrait.arrays import Floats
from portrait.text.text_encoder import load_pooled, load_tokenize
from portrait.training.tasks.calibrate import Calibrated, calibrated
from portrait.training.tasks.ngrams import Ngrams, fit_ngrams
from portrait.training.tasks.probe import Probe, fit_probe
from portrait.training.tasks.task import Task
from portrait.training.tasks.tower import encode


@dataclass(frozen=True, slots=True)
class Baseline:
    """Of one task, fitted on its training texts and chosen on its validation texts."""

    probe: Probe  # the head of the frozen encoder
    frozen: Calibrated  # what it says of the validation texts
    read_ngrams: Ngrams
    ngrams: Floats  # what they say, (V, C)
    others: Mapping[str, Floats] = field(default_factory=dict)  # what else has to be beaten says


def fit_baselines(
    encoder: Path, tasks: Sequence[Task], *, most_tokens: int, mixed_precision: bool
) -> list[Baseline]:
    """Fit the baselines of each task. Reads every text once with the encoder as it is."""
    pooled = load_pooled(str(encoder))
    tokenize = load_tokenize(str(encoder), most_tokens)

    def fitted(task: Task) -> Baseline:
        train_at, valid_at = (
            encode(pooled, tokenize(part.texts), mixed_precision=mixed_precision)
            for part in (task.train, task.valid)
        )
        probe, read = fit_probe(task, train_at, valid_at), fit_ngrams(task)
        frozen = calibrated(task, probe.logits(valid_at))
        return Baseline(probe, frozen, read, read(task.valid.texts))

    return [fitted(task) for task in tasks]
