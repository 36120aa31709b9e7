"""One process of a company, as torchrun starts it: `-m tests.support.company_process OUT`.

Rank 0 leads through two lessons, the first from a checkpoint; the other follows as a trainer does.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from portrait.settings import Settings
from portrait.text.text_encoder import load_pooled, load_tokenize
from portrait.tracker import NoTracker
from portrait.training.heads.linear_head import Learning, learn
from portrait.training.loop.distributed import end_process, is_follower, leading
from portrait.training.loop.train import train
from portrait.training.ranker.next_item import NextItemLesson
from portrait.training.text.text_finetune import FineTuning, TextLesson, TextTower
from tests.support.train_together import COURSE, tiny_lesson
from tests.unit.test_text_finetune import COURSE as TEXT_COURSE
from tests.unit.test_text_finetune import HOW, grouped, planted
from workers.roots.train import follow

DIES = "dies"  # a file: the leader does not live to the end
DEADLY = 4  # a step of the second epoch
EXACT = replace(TEXT_COURSE, mixed_precision=False, epochs=1)


class Killed(BaseException):
    """The leader died here."""


class Dying(NoTracker):
    """A `Tracker` that does not live to the end."""

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Die in the second epoch."""
        if step == DEADLY:
            raise Killed(figures)


def text_lesson(folder: Path) -> TextLesson:
    """Return a lesson of the other kind."""
    torch.manual_seed(0)
    how: FineTuning = replace(HOW, course=EXACT)
    tower = TextTower(load_pooled(str(folder)), load_tokenize(str(folder), 16), planted(), how)
    return TextLesson(tower, grouped, seed=0)


def head_examples() -> tuple[Learning, Learning]:
    """Return an earlier and a later period of a question that the first number answers."""
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(400, 3, generator=draw)
    whole = Learning(inputs, None, (inputs[:, :1] > 0).float())
    return whole.at(torch.arange(300)), whole.at(torch.arange(300, 400))


def write(path: Path, lesson: NextItemLesson | TextLesson) -> None:
    """Write the weights that a training left."""
    weights = {name: value.numpy() for name, value in lesson.module.state_dict().items()}
    np.savez(path, **weights)


def main(out: Path) -> None:
    """Lead or follow."""
    if is_follower():
        follow(Settings())
        (out / "followed").touch()
        end_process()
    items, texts = tiny_lesson(), text_lesson(out / "tiny")
    with leading():
        tracker = Dying() if (out / DIES).exists() else NoTracker()
        train(items, COURSE, tracker=tracker, checkpoint=out / "items.pt")
        train(texts, EXACT)
        head = learn(*head_examples(), outputs=1)
    np.savez(out / "head.npz", weights=head.weights, bias=head.bias)
    write(out / "items.npz", items)
    write(out / "texts.npz", texts)
    end_process()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
