"""Checkpoints: all that a training needs to go on with the same bits."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from portrait.errors import PortraitError
from portrait.files import replacing


class CheckpointMismatchError(PortraitError):
    """The checkpoint is of another course: delete it, or train as it says."""


@dataclass(slots=True)
class Checkpoint:
    """Where a training stands. What is drawn at random is a function of `epoch` and `step`."""

    course: str
    epoch: int = 0  # finished
    step: int = 0  # optimizer steps taken
    loss: float = 0.0  # of the epoch so far
    since_best: int = 0  # epochs
    best_epoch: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    module: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: whoever is killed meanwhile leaves the one before."""
    values = {entry.name: getattr(checkpoint, entry.name) for entry in fields(checkpoint)}
    with replacing(path) as file:
        torch.save(values, file)


def load_checkpoint(path: Path, course: str) -> Checkpoint:
    """Read what `save_checkpoint` wrote, into memory: whoever loads it has devices of its own.

    Raises:
        CheckpointMismatchError: It is of another course.
    """
    checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    if checkpoint.course != course:
        msg = f"{path} was written by {checkpoint.course}, not by {course}"
        raise CheckpointMismatchError(msg)
    return checkpoint
