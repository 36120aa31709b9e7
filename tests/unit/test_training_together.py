"""Training in two processes is training in one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from portrait.arrays import Floats
from portrait.training.loop.train import train
from sandbox.processes import python, running
from tests.support.company_process import DIES, EXACT, Dying, Killed, text_lesson
from tests.support.tiny_bert import write_tiny_bert
from tests.support.train_together import COURSE, tiny_lesson

SECONDS = 600  # on a busy machine


def torchrun(module: str, out: Path, *, expected: int = 0) -> None:
    """Run a module in two processes."""
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", module]
    alone = {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    with running(python(*command, str(out)), out / "torchrun.log", alone) as process:
        assert process.wait(SECONDS) == expected, process.last_lines()


def same(found: Mapping[str, Floats], module: nn.Module) -> None:
    """Compare weights, up to the order of additions."""
    for name, value in module.state_dict().items():
        if name != "encoder.gates":  # one action only: its gate scales all alike, by noise
            np.testing.assert_allclose(found[name], value.numpy(), atol=1e-4)


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    alone = tiny_lesson()
    outcome = train(alone, COURSE)

    torchrun("tests.support.train_together", tmp_path)

    for rank in range(2):
        together = np.load(tmp_path / f"{rank}.npz")
        np.testing.assert_allclose(together["loss"], outcome.history[-1]["loss"], rtol=1e-4)
        same(together, alone.module)


def test_others_follow_a_leader_through_its_lessons_and_from_its_checkpoint(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "tiny")
    items, texts = tiny_lesson(), text_lesson(folder)
    train(items, COURSE)
    train(texts, EXACT)
    with pytest.raises(Killed):
        train(tiny_lesson(), COURSE, tracker=Dying(), checkpoint=tmp_path / "items.pt")

    torchrun("tests.support.company_process", tmp_path)

    assert (tmp_path / "followed").exists()
    same(np.load(tmp_path / "items.npz"), items.module)
    head = np.load(tmp_path / "head.npz")["weights"]
    assert head[0] > 10 * np.abs(head[1:]).max()  # dropout differs by process: no two are alike
    for name, value in np.load(tmp_path / "texts.npz").items():
        assert np.isfinite(value).all(), name  # each process contrasts its own half of a batch


def test_a_leader_that_leaves_in_the_middle_leaves_nobody_waiting(tmp_path: Path) -> None:
    write_tiny_bert(tmp_path / "tiny")
    (tmp_path / DIES).touch()

    torchrun("tests.support.company_process", tmp_path, expected=1)

    assert not (tmp_path / "followed").exists()
    assert (tmp_path / "items.pt").exists()  # torchrun starts all anew, and they go on from here
