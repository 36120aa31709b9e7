"""Training in two processes is training in one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from portrait.neural.training import train
from tests.train_together import COURSE, tiny_lesson

SECONDS = 240


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    alone = tiny_lesson()
    outcome = train(alone, COURSE)

    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", *torchrun, "-m", "tests.train_together", str(tmp_path)],
        check=True,
        timeout=SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"},
        cwd=Path(__file__).parents[2],
    )

    for rank in range(2):
        together = np.load(tmp_path / f"{rank}.npz")
        np.testing.assert_allclose(together["loss"], outcome.history[-1]["loss"], rtol=1e-4)
        learned = alone.module.state_dict()
        learned.pop("encoder.gates")  # one action only: its gate scales all alike, by noise
        for name, value in learned.items():
            np.testing.assert_allclose(together[name], value.numpy(), atol=1e-4)
