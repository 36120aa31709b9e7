"""Train a tiny model in all the processes of torchrun: `-m tests.support.train_together OUT`."""

import sys
from pathlib import Path

import numpy as np
import torch

from portrait.dataset.sequences import sequences_of
from portrait.evaluation.validation import validation_of
from portrait.training.loop.distributed import end_process
from portrait.training.loop.train import Course, train
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.training.ranker.next_item import NextItem, NextItemLesson
from tests.support.learned import ITEMS, last_held_out, planted, text_vectors

COURSE = Course(epochs=3, learning_rate=0.02, accumulate=2, mixed_precision=False)


def tiny_lesson() -> NextItemLesson:
    """Return a lesson that draws nothing at random: dropout would differ by process."""
    events, targets = last_held_out(planted())
    torch.manual_seed(0)
    counts = np.bincount(events.item, minlength=ITEMS).astype(np.float32)
    shape = EncoderShape(dim=8, heads=2, drop_id=0, drop_channel=0)
    encoder = BehaviourEncoder(text_vectors(), counts, shape)
    validation = validation_of(events, np.arange(60), targets)
    return NextItemLesson(NextItem(encoder), sequences_of(events), validation, examples=50)


def main() -> None:
    """Train, and write the weights; every process writes the same file name and its rank."""
    lesson = tiny_lesson()
    outcome = train(lesson, COURSE)
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    weights = {name: value.numpy() for name, value in lesson.module.state_dict().items()}
    np.savez(Path(sys.argv[1]) / f"{rank}.npz", **weights, loss=outcome.history[-1]["loss"])
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        end_process()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
