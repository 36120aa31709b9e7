"""A trainer as a process of its own: `python -m tests.support.trainer_process REDIS_URL STAGE`.

Its learner makes a good challenger at once, and waits to be killed when it reaches the stage:
`training` or `measuring`. It prints the stages.
"""

import asyncio
import sys
import time
from datetime import timedelta

from portrait.adapters.redis_lease import RedisJobs, RedisLease
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.evaluation.trial import DEFAULTS
from portrait.lifecycle.learner import BothFigures, Progress, Trained
from portrait.lifecycle.schedule import Schedule
from portrait.lifecycle.tracking import Lenient
from portrait.model.model import Model
from tests.unit.test_train import StubLearner, StubSignals
from workers.train.worker import Parts, train

LEASE = timedelta(seconds=1)
FOREVER = 600.0


class Deadly(StubLearner):
    """A learner that stops at a stage, so that it can be killed there."""

    held_at = ""

    def learn(self, version: str, champion: Model | None, progress: Progress) -> Trained:
        """Train, or wait."""
        trained = super().learn(version, champion, progress)
        self._wait("training")
        return trained

    def tidy(self, version: str | None) -> int:  # noqa: ARG002 - it leaves nothing
        """Remove nothing."""
        return 0

    def examine(self, trained: Trained, champion: Model | None, progress: Progress) -> BothFigures:
        """Measure, or wait."""
        trial = super().examine(trained, champion, progress)
        self._wait("measuring")
        return trial

    def _wait(self, stage: str) -> None:
        sys.stdout.write(f"{stage}\n")
        sys.stdout.flush()
        if self.held_at == stage:
            time.sleep(FOREVER)


async def run(url: str, stage: str) -> None:
    """Train whatever is asked for, until killed."""
    redis = await connect_redis(url)
    learner = Deadly()
    parts = Parts(
        RedisLease(redis, LEASE),
        RedisJobs(redis),
        RedisRegistry(redis),
        learner,
        StubSignals(),
        Lenient(None),
        Schedule(cron=None, events=None),
        DEFAULTS,
    )
    learner.held_at = stage
    await train(parts, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
