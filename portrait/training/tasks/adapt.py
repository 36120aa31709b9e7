"""The task-adaptation layer: one BERT, fine-tuned to what its tasks ask of texts.

baselines ─▶ fine-tuned, the frozen heads its first ─▶ calibrated ─▶ better than both? ─▶ a folder

All is chosen on validation: strengths, when to stop, temperatures. A task is kept only where the
fine-tuned encoder reads it better than the frozen one with a linear head, and than n-grams.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from portrait.model.task_head import TaskHead
from portrait.text.encoder_folder import identify
from portrait.text.task_reader import save_heads
from portrait.text.text_encoder import load_pooled, load_tokenize
from portrait.tracker import Tracker
from portrait.training.loop.train import Course, Outcome, train
from portrait.training.tasks.baselines import Baseline
from portrait.training.tasks.calibrate import Calibrated, calibrated
from portrait.training.tasks.lesson import TaskLesson
from portrait.training.tasks.report import Report, report_of
from portrait.training.tasks.task import Task
from portrait.training.tasks.threshold import thresholds_for
from portrait.training.tasks.tower import Regularisation, TaskTower
from portrait.training.text.lora import adapted, save_encoder

COURSE = Course(epochs=4, learning_rate=6e-5, warm_up=0.1, patience=2)
EMBEDDINGS, LAYER = "embeddings", "layer"  # in the names of a BERT's parameters


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How to fine-tune."""

    course: Course = COURSE
    regularisation: Regularisation = field(default_factory=Regularisation)
    batch: int = 32  # texts
    most_tokens: int = 96  # of a text; the rest is cut
    lora_rank: int = 0  # 8 to 16 trains 1 to 2 % of the weights; 0 trains all of them
    layer_decay: float = 1.0  # the rate of a layer beside that of the one above it
    head_share: float = 20.0  # the rate of heads beside that of the encoder


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of it, still in memory."""

    lesson: TaskLesson
    outcome: Outcome
    readings: Sequence[Calibrated]  # of each task's validation texts
    reports: Sequence[Report]
    encoder: str  # name of the new encoder; empty if no task is kept


def adapt(  # noqa: PLR0913 - the brief of a training
    encoder: Path,
    tasks: Sequence[Task],
    baselines: Sequence[Baseline],
    out: Path,
    how: Adaptation,
    *,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> Adapted:
    """Fine-tune an encoder's folder into a new one with heads, if a task is read better by it.

    Args:
        encoder: Folder of the encoder to begin from.
        tasks: What is to be read.
        baselines: Of each task, with the same encoder.
        out: Folder of the new encoder, with the heads of the tasks that are kept; not written if
            none is.
        how: The settings.
        tracker: Where the curves go.
        checkpoint: A file; if it is there, training goes on from it.
    """
    lesson = begin(encoder, tasks, baselines, how)
    outcome = train(lesson, how.course, tracker=tracker, checkpoint=checkpoint)
    readings = [
        calibrated(task, lesson.logits(place, lesson.encode(task.valid.texts)))
        for place, task in enumerate(tasks)
    ]
    weights = sum(each.numel() for each in lesson.tower.parameters() if each.requires_grad)
    reports = [
        report_of(task, before, after, outcome, weights)
        for task, before, after in zip(tasks, baselines, readings, strict=True)
    ]
    name = ""
    if any(report.kept for report in reports):
        save_encoder(lesson.tower.pooled, encoder, out)
        name = identify(out)
        save_heads(out, _heads(name, lesson.tower, readings, reports))
    return Adapted(lesson, outcome, readings, reports, name)


def begin(
    encoder: Path, tasks: Sequence[Task], baselines: Sequence[Baseline], how: Adaptation
) -> TaskLesson:
    """Return what learns, as it begins. LoRA begins as nothing, so the frozen heads fit it, too."""
    torch.manual_seed(how.course.seed)  # LoRA's first matrices
    pooled = load_pooled(str(encoder))
    if how.lora_rank:
        pooled.model = adapted(pooled.model, how.lora_rank)
    tokenize = load_tokenize(str(encoder), how.most_tokens)
    probes = [baseline.probe for baseline in baselines]
    tower = TaskTower(pooled, tokenize, tasks, probes, how.regularisation)
    tower.rate_shares = rate_shares(tower, how.layer_decay, how.head_share)
    return TaskLesson(tower, how.batch, how.course.seed, how.course.mixed_precision)


def rate_shares(tower: TaskTower, layer_decay: float, head_share: float) -> dict[str, float]:
    """Return the share of the learning rate that each parameter learns at, by its name.

    Source: Howard and Ruder, Universal Language Model Fine-Tuning, ACL 2018, section 3.2.
    """
    layers = int(tower.pooled.model.config.num_hidden_layers)
    shares = {}
    for name, _ in tower.named_parameters():
        parts = name.split(".")
        if parts[0] == "heads":
            shares[name] = head_share
        elif LAYER in parts:
            below = layers - 1 - int(parts[parts.index(LAYER) + 1])
            shares[name] = layer_decay**below
        elif EMBEDDINGS in parts:
            shares[name] = layer_decay**layers
    return shares


def _heads(
    encoder: str, tower: TaskTower, readings: Sequence[Calibrated], reports: Sequence[Report]
) -> dict[str, TaskHead]:
    """Return the heads of the tasks that are kept."""
    heads = {}
    for place, (task, reading) in enumerate(zip(tower.tasks, readings, strict=True)):
        if reports[place].kept:
            head, warmth = tower.head(place), np.array([reading.temperature], np.float32)
            least = None
            if task.precision is not None:
                least = thresholds_for(task.valid.targets, reading.likely, task.precision)
            heads[task.name] = TaskHead(
                encoder, task.kind, task.labels, head.weights, head.bias, warmth, least
            )
    return heads
