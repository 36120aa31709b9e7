"""Temperatures: one number for each head, so that it is as sure as it is right."""

from dataclasses import dataclass

import numpy as np
import torch

from portrait.arrays import Floats
from portrait.model.task_head import probabilities
from portrait.training.heads.fit_calibration import TEMPERATURES
from portrait.training.tasks.losses import losses
from portrait.training.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a head says of the validation texts."""

    temperature: float
    likely: Floats  # (V, C)


def calibrated(task: Task, logits: Floats) -> Calibrated:
    """Divide logits of the validation texts, (V, O), by what makes their labels the likeliest.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """
    said, targets = torch.from_numpy(logits), torch.from_numpy(task.valid.targets)
    targets = targets.float() if task.kind == "many" else targets.long()
    alike = torch.ones(len(task.labels))  # as frequent as they are: a probability is no verdict
    costs = [
        float(losses(task.kind, said / float(warmth), targets, alike).mean())
        for warmth in TEMPERATURES
    ]
    temperature = float(TEMPERATURES[int(np.argmin(costs))])
    return Calibrated(temperature, probabilities(task.kind, logits / np.float32(temperature)))
