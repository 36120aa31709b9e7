"""Company: processes that learn together, one of which leads.

torchrun ─▶ rank 0: the trainer ─ each lesson of `train` ─▶ ranks 1 and up: learn it with it

Only training is shared. Reading the archive, judging and promoting are the leader's alone, so the
others need neither Redis nor files: what they learn, checkpoints included, comes from the leader.
Lessons are pickled, so nobody else may reach the port that they meet at.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NoReturn

import torch
from torch import distributed

from portrait.errors import PortraitError

PATIENCE = timedelta(days=365)  # for the next lesson; a leader that dies is noticed at once

_leads = False  # of this process, as the process group of torch is


class CompanyLostError(PortraitError):
    """The leader left a lesson in the middle: all have to be started anew, as torchrun does."""


def is_shared() -> bool:
    """Say whether torchrun started more than this process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_follower() -> bool:
    """Say whether torchrun started this process to help another."""
    return int(os.environ.get("RANK", "0")) > 0


@contextmanager
def leading() -> Iterator[None]:
    """Share every training meanwhile with the processes that torchrun started, if it did."""
    global _leads  # noqa: PLW0603 - a process is in one company
    if not is_shared():
        yield
        return
    with _joined():
        _leads = True
        try:
            yield
            with suppress(RuntimeError):  # they were told to stop as well, and were faster
                _tell(None)
        finally:
            _leads = False


def lessons() -> Iterator[Any]:
    """Yield what the leader learns, as `learning_together` was given it, until that is all."""
    with _joined():
        while (lesson := _tell(None)) is not None:
            yield lesson


@contextmanager
def learning_together(lesson: object) -> Iterator[None]:
    """Let the others learn a lesson, too; whoever leaves it in the middle leaves the company.

    Raises:
        CompanyLostError: Instead of what was raised inside, if others wait for this process.
    """
    if not _leads:
        yield
        return
    _tell(lesson)
    try:
        yield
    except BaseException as error:
        raise CompanyLostError from error


@contextmanager
def _joined() -> Iterator[None]:
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def end_process() -> NoReturn:
    """End a process that has learned with others here and now, well.

    The interpreter's own end destroys threads of torch that still run, and one time in ten the
    process dies of it (`terminate called without an active exception`, torch 2.13): torchrun takes
    that for a failure, and ends the others.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _tell(lesson: object) -> object:
    """Send a lesson, or receive the leader's. Followers wait here without using the processor."""
    told = [lesson]
    distributed.broadcast_object_list(told, src=0)
    return told[0]
