"""Workers that start in a moment: forked from one process that has imported everything before.

A worker spends seconds of two cores on its imports, and the tests start a hundred of them. But for
those a forked one is a process as any other, killed as any other, by the same module's own `main`.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

from sandbox.processes import Process

RUN = ["workers.__main__", "tests.support.trainer_process"]
ROOTS = [f"workers.roots.{name}" for name in ("update", "index", "archive", "train")]


class Forked(Process):
    """What `python("module", …)` would run, forked; of the modules in `RUN`."""

    _child_created = False  # as `Popen` has it: the child is the fork server's, not ours

    def _begin(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        _, _, *module = command  # behind `python -m`
        self.args = command
        self.returncode = None
        self._child = _context().Process(
            target=run, args=(module, self.log, dict(environment)), daemon=True
        )
        self._child.start()
        assert self._child.pid is not None
        self.pid = self._child.pid

    def _look_for_code(self) -> int | None:
        self.returncode = self._child.exitcode
        return self.returncode

    def _await_code(self, timeout: float | None) -> int:
        self._child.join(timeout)
        code = self._look_for_code()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *RUN, *ROOTS])
    return context


def run(module: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
    """Become what `python -m` would have become."""
    os.setsid()
    with log.open("ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(module)
    for imported in RUN:
        sys.modules.pop(imported)  # it runs anew, on what it has imported
    runpy.run_module(module[0], run_name="__main__", alter_sys=True)
