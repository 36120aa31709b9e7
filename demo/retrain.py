"""The retraining demo, `make demo-retrain`: a model keeps itself current, and never gets worse.

months before ─▶ first model ─▶ a later period arrives ─▶ trained again, judged, promoted under load
              ─▶ a bad challenger is refused ─▶ rollback
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import quantiles

import httpx

from demo.__main__ import clear_logs, ending_said, interruptible
from demo.replay import Replayed, await_folded, replay
from demo.stage import (
    HELD_OUT,
    THRESHOLDS,
    Fields,
    Stage,
    await_archived,
    await_champion,
    await_ready,
    follow,
    load_catalogue,
    open_stage,
    pause,
    publish,
    step,
    train,
)
from portrait.evaluation.verdict import Verdict
from sandbox.processes import Process, python
from sandbox.shop import load_shop

RATE = 1_500  # events a second: the trainer works beside
LATER = 0.75  # of the later events arrive before the second training, the others after it
REPAINT_SECONDS = 60.0
READ_SECONDS = 0.02  # between two pairs of requests


@dataclass(slots=True)
class Clients:
    """What clients saw while models changed."""

    requests: int = 0
    failed: int = 0
    spaces: dict[str, set[str]] = field(default_factory=dict)  # by model version

    @property
    def mixed(self) -> int:
        """Answers under a model's name that were not in its space."""
        return sum(len(spaces) - 1 for spaces in self.spaces.values())

    def take(self, answer: httpx.Response) -> None:
        """Count an answer."""
        self.requests += 1
        if answer.status_code != httpx.codes.OK:
            self.failed += 1
            return
        body = answer.json()
        version = str(body["model_version"])
        self.spaces.setdefault(version, set()).add(str(body["space_id"]))


def main() -> None:
    """Run the demo; it ends by itself, and its last line is JSON."""
    argparse.ArgumentParser(prog="python -m demo.retrain", description=__doc__).parse_args()
    interruptible()
    try:
        with ExitStack() as stack, ending_said():
            figures = _run(stack)
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.")
        sys.exit(1)
    print(json.dumps(figures))
    well = figures["promoted"] and figures["bad_refused"] and figures["rolled_back"]
    sys.exit(0 if well and not figures["failed_requests"] else 1)


def _run(stack: ExitStack) -> dict[str, object]:
    """Set the stage, then let the models change."""
    with step("Reading the shop's data"):
        shop = load_shop(datetime.now(UTC))
    stage = open_stage(stack, clear_logs())
    asyncio.run(load_catalogue(stage, shop.items))
    asyncio.run(publish(stage.servers.kafka, shop.past, "Publishing the months before"))
    stage.start("update", python("workers", "update"))
    return asyncio.run(_change_models(stage, shop.past, shop.events))


async def _change_models(
    stage: Stage, past: Sequence[Fields], later: Sequence[Fields]
) -> dict[str, object]:
    """Train, train again on what is new, refuse a bad challenger, roll back."""
    with step("Folding them into profiles, and into the archive"):
        await await_ready(stage)
        await await_folded(stage.url, past)
        await await_archived(stage, len(past))
    cut = int(len(later) * LATER)
    trainer = _start_trainer(stage, new_events=cut // 2)

    print("\n1. The first model, from the months before")
    first = await train(stage, trainer, "the first model")
    await await_champion(stage, str(first["challenger"]))

    user = str(past[-1]["user_id"])
    async with _watched(stage, user) as clients:
        print(f"\n2. A later period arrives; {cut // 2:,} new events are a reason to train again")
        replayed = await _replay(stage, later[:cut], past)
        second = await _follow_next(stage, trainer, str(first["id"]))
        await _show_verdict(stage, second)
        if second["state"] == "promoted":
            await await_champion(stage, str(second["challenger"]))
            print(f"  {user} is now seen by {await _model_beyond(stage, user, first)}")

        print("\n3. A challenger that learned from shuffled events")
        stop_trainer(trainer)
        await _replay(stage, later[cut:], [*past, *later[:cut]])
        trainer = _start_trainer(stage, new_events=None, shuffled=True)
        bad = await train(stage, trainer, "a rehearsal: shuffled events")
        await _show_verdict(stage, bad)

        print("\n4. A rollback")
        former = await _roll_back(stage, user)
        print(f"  {user} is seen by {former} again")
    return _figures(clients, replayed, second, bad, rolled_back=former == first["challenger"])


def _start_trainer(stage: Stage, *, new_events: int | None, shuffled: bool = False) -> Process:
    """Start the trainer; by itself it trains on enough new events, or not at all."""
    return stage.start(
        "train",
        python("demo.bad_trainer") if shuffled else python("workers", "train"),
        PORTRAIT_TRAIN_EPOCHS="2",  # for a first model; from a champion one is enough
        PORTRAIT_TRAIN_CRON="null",
        PORTRAIT_TRAIN_EVENTS="null" if new_events is None else str(new_events),
        PORTRAIT_TRAIN_PAUSE="PT1S",
        PORTRAIT_TRAIN_HELD_OUT=HELD_OUT,
        PORTRAIT_TRAIN_THRESHOLDS=THRESHOLDS,
    )


def stop_trainer(trainer: Process) -> None:
    """Ask the trainer to leave, and wait until it has."""
    trainer.terminate()
    trainer.wait()


async def _replay(stage: Stage, events: Sequence[Fields], past: Sequence[Fields]) -> Replayed:
    return await replay(
        events, past=past, kafka=stage.servers.kafka, service=stage.url, rate=RATE, poison=()
    )


async def _follow_next(stage: Stage, trainer: Process, known: str) -> Fields:
    """Wait for the training that nobody asked for, and follow it."""
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        while True:
            jobs = (await http.get("/models/jobs")).raise_for_status().json()["jobs"]
            if jobs[0]["id"] != known:
                print(f"  trigger: {jobs[0]['trigger']}, {jobs[0]['reason']}")
                return await follow(http, trainer, jobs[0]["id"])
            if trainer.poll() is not None:
                failure = "the trainer ended; see build/demo/train.log"
                raise SystemExit(failure)
            await asyncio.sleep(0.2)


async def _show_verdict(stage: Stage, job: Fields) -> None:
    """Print the judge's table."""
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        model = (await http.get(f"/models/{job['challenger']}")).raise_for_status().json()
    print(Verdict.model_validate(model["verdict"]).table())


async def _roll_back(stage: Stage, user: str) -> str:
    """Go back to the former model. Returns the model that sees a user then."""
    before = await _model_of(stage, user)
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        answer = await http.post("/models/rollback", json={"reason": "a rehearsal"})
        answer.raise_for_status()
    return await _model_beyond(stage, user, {"challenger": before})


async def _model_beyond(stage: Stage, user: str, former: Fields) -> str:
    """Wait until another model than a training's has painted a user. Returns its version."""
    ends = time.monotonic() + REPAINT_SECONDS
    while (now := await _model_of(stage, user)) == former["challenger"]:
        await pause(ends, f"{user} was not repainted; see build/demo/update.log")
    return now


async def _model_of(stage: Stage, user: str) -> str:
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        return str((await http.get(f"/profile/{user}")).raise_for_status().json()["model_version"])


@asynccontextmanager
async def _watched(stage: Stage, user: str) -> AsyncIterator[Clients]:
    """Send requests all the while."""
    clients, closing = Clients(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_read(stage, user, clients, closing))
        yield clients
        closing.set()


async def _read(stage: Stage, user: str, clients: Clients, closing: asyncio.Event) -> None:
    """Read a profile and ask for recommendations, again and again."""
    async with httpx.AsyncClient(base_url=stage.url, timeout=10) as http:
        while not closing.is_set():
            clients.take(await http.get(f"/profile/{user}"))
            clients.take(await http.post("/recommend", json={"user_id": user, "limit": 10}))
            await asyncio.sleep(READ_SECONDS)


def _figures(
    clients: Clients, replayed: Replayed, second: Fields, bad: Fields, *, rolled_back: bool
) -> dict[str, object]:
    return {
        "promoted": second["state"] == "promoted",
        "bad_refused": bad["state"] == "refused",
        "rolled_back": rolled_back,
        "requests": clients.requests,
        "failed_requests": clients.failed,
        "mixed_space_answers": clients.mixed,
        "freshness_p99_ms": round(1_000 * quantiles(replayed.freshness, n=100)[98]),
    }


if __name__ == "__main__":
    main()
