"""The real stack for one world: broker, Redis, workers, service, trainer, and its data in it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from benchmarks.portrait.served import Served
from demo.stage import (
    START_SECONDS,
    Stage,
    await_archived,
    await_champion,
    await_ready,
    load_catalogue,
    open_stage,
    train,
)
from portrait.model.encoder import TextEncoder
from sandbox.planted.life import World
from sandbox.processes import Process, python

FIRST, LEARNED = "first model", "learned model"
# The questions are asked of the learned model whatever the judge thinks of it.
ANYTHING = (
    '{"newest_change": -1, "older_change": -1, "cold_change": -1, "search_change": -1,'
    ' "session_change": -1, "complaint_change": -1, "head_change": -1, "head_ece": 1,'
    ' "bias_change": -1, "typo_cosine": 0, "typo_hit_kept": 0,'
    ' "encode_change": 100}'
)
SLOWEST = 20  # items a second that an encoder reads on a busy machine
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Portrait that knows a world."""

    stage: Stage
    served: Served
    trainer: Process

    def learn(self) -> str:
        """Train on everything that was told, questions among it, and put the model in service.

        Returns the judge's word. The model serves whatever that is, unless it could not be made.

        Raises:
            SystemExit: The training failed, or took too long.
        """
        with _quiet():
            asyncio.run(await_archived(self.stage, self.served.told))  # or chance decides on what
            job = asyncio.run(train(self.stage, self.trainer, "the benchmark"))
            if job["state"] != "promoted":
                msg = f"no model was learned: {job['state']}, {job['outcome']}"
                raise SystemExit(msg)
            asyncio.run(await_champion(self.stage, str(job["challenger"])))
        self.served.await_model(str(job["challenger"]))
        self.served.name = LEARNED
        return str(job["outcome"])


@contextmanager
def open_stack(folder: Path, world: World, encoder: TextEncoder, step: Step) -> Iterator[Stack]:
    """Start everything, load the catalogue, send the log, and wait until it is folded.

    Args:
        folder: For logs, archive and models; it exists.
        world: What to load.
        encoder: As the workers load it.
        step: Told what comes next.
    """
    with ExitStack() as stack:
        step("starting broker, Redis, workers and service")
        with _quiet():
            stage = open_stage(stack, folder)
        # They load while the catalogue is read: to import torch takes as long.
        stage.start("update", python("workers", "update"))
        trainer = _start_trainer(stage)
        step(f"reading {len(world.shop.goods):,} items with the encoder")
        with _quiet():
            items = [good.fields for good in world.shop.goods]
            seconds = START_SECONDS + len(items) / SLOWEST
            asyncio.run(load_catalogue(stage, items, seconds))
        asyncio.run(await_ready(stage))
        step(f"folding {len(world.events):,} events")
        served = Served(stage.url, stage.servers.kafka, FIRST, encoder)
        stack.callback(served.close)
        served.tell(world.events)
        asyncio.run(await_archived(stage, len(world.events)))
        yield Stack(stage, served, trainer)


def _start_trainer(stage: Stage) -> Process:
    """Start the trainer; it trains when it is asked to, and else not."""
    return stage.start(
        "train",
        python("workers", "train"),
        PORTRAIT_TRAIN_THREADS="2",  # nobody else has work
        PORTRAIT_TRAIN_NICE="0",
        PORTRAIT_TRAIN_CRON="null",
        PORTRAIT_TRAIN_EVENTS="null",
        PORTRAIT_TRAIN_DRIFT="P1D",
        PORTRAIT_TRAIN_HELD_OUT="0.2",  # of few people a tenth says little
        PORTRAIT_TRAIN_THRESHOLDS=ANYTHING,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the demo prints of each step: this benchmark has its own progress."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield
