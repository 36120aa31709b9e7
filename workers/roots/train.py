"""Composition root of the trainer."""

import asyncio
import os
from argparse import Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog
import torch
from redis.asyncio import Redis
from threadpoolctl import threadpool_limits

from portrait.adapters.mlflow_tracking import MlflowTracking, local_tracking
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_lease import RedisJobs, RedisLease
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.river_drift import AdwinDrift
from portrait.dataset.stock import StoredStock
from portrait.errors import SettingsInvalidError
from portrait.evaluation.trial import Thresholds
from portrait.events.consent import DEFAULTS
from portrait.lifecycle.schedule import Schedule
from portrait.lifecycle.tracking import Lenient, Tracking, TrackingUnavailableError
from portrait.monitoring.outcomes import ArchiveOutcomes
from portrait.monitoring.signals import ArchiveSignals
from portrait.settings import Settings
from portrait.text.text_encoder import path_of
from portrait.training.learner import AGAIN, DIM, ArchiveLearner, Plan, manifest_at
from portrait.training.loop.distributed import end_process, is_follower, is_shared, leading, lessons
from portrait.training.loop.train import train as train_lesson
from portrait.training.material import Shares
from portrait.training.ranker.behaviour_encoder import EncoderShape
from portrait.training.ranker.fit_ranker import RankerCourse
from portrait.training.tasks.again import READERS
from portrait.training.tasks.fit_place import PlaceTraining
from portrait.training.tasks.fit_tone import ToneTraining
from portrait.training.text.retext import Retext
from portrait.training.text.text_finetune import FineTuning
from workers.encoders import Encoders
from workers.first_model import await_model
from workers.roots.encoders import encoders_of
from workers.roots.wires import Wires, connected
from workers.train.grounds import StoredGrounds
from workers.train.watch import Watched, watch
from workers.train.worker import Parts, attend, train

LORA_RANK = 8  # 1 % of the weights

log = structlog.get_logger()


async def run(
    settings: Settings, _options: Namespace, learner: type[ArchiveLearner] = ArchiveLearner
) -> None:
    """Train, judge, promote and watch until told to stop."""
    os.nice(settings.train_nice)  # before there are threads: they inherit it
    if is_follower():
        follow(settings)
        end_process()
    async with connected(settings) as wires:
        await _lead(settings, wires, encoders_of(settings, wires), learner)
    if is_shared():
        end_process()


async def _lead(
    settings: Settings, wires: Wires, encoders: Encoders, learner: type[ArchiveLearner]
) -> None:
    redis, closing = wires.redis, wires.closing
    tracking = Lenient(await asyncio.to_thread(_tracking, settings))
    parts = _parts(settings, redis, encoders, tracking, learner)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(attend(parts.jobs, closing))
        if await await_model(parts.registry, closing) is None:
            return  # told to stop before there was a catalogue
        log.info("worker_started", worker="train")
        with threadpool_limits(settings.train_threads), leading():
            tasks.create_task(watch(_watched(settings, redis, parts), closing))
            await train(parts, closing)
    log.info("worker_stopped", worker="train")


def follow(settings: Settings) -> None:
    """Learn what the leader learns, until it leaves: torchrun started more than one of us."""
    torch.set_num_threads(settings.train_threads)
    log.info("worker_started", worker="train", leads=False)
    with threadpool_limits(settings.train_threads):
        for lesson, course in lessons():
            train_lesson(lesson, course)
    log.info("worker_stopped", worker="train", leads=False)


def plan_of(settings: Settings) -> Plan:
    """Return how to train."""
    course = RankerCourse(EncoderShape(DIM))
    first = replace(course.course, epochs=settings.train_epochs)
    again = replace(AGAIN, epochs=max(1, settings.train_epochs // 2))
    return Plan(
        folder=settings.train_folder,
        models_url=settings.models_url,
        threads=settings.train_threads,
        shares=Shares(
            most_events=settings.train_most_events,
            least_events=settings.train_least_events,
            replay=settings.train_replay,
            held_out=settings.train_held_out,
        ),
        course=replace(course, course=first),
        again=again,
        with_heads=settings.train_heads,
        text=_retext(settings),
        tone=_tone(settings),
        place=_place(settings),
        git_commit=settings.git_commit,
        thresholds=_thresholds(settings),
    )


def _retext(settings: Settings) -> Retext | None:
    if settings.train_text == "off":
        return None
    base = Path(path_of(settings.encoder))  # unless what serves says another
    return Retext(base, FineTuning(lora_rank=LORA_RANK if settings.train_text == "lora" else 0))


def _tone(settings: Settings) -> ToneTraining | None:
    if settings.fine_tune == "off":
        return None
    base = Path(path_of(settings.encoder))  # unless what serves says another
    return ToneTraining(base, readers=settings.train_folder / READERS)


def _place(settings: Settings) -> PlaceTraining | None:
    if settings.fine_tune == "off":
        return None
    base = Path(path_of(settings.encoder))  # likewise
    return PlaceTraining(base, readers=settings.train_folder / READERS)


def _parts(
    settings: Settings,
    redis: Redis,
    encoders: Encoders,
    tracking: Tracking,
    learner: type[ArchiveLearner],
) -> Parts:
    """Choose the adapters."""
    loop = asyncio.get_running_loop()
    archive, registry = (
        ParquetArchive(settings.archive_url, DEFAULTS[settings.consent]),
        RedisRegistry(redis),
    )
    stock = StoredStock(RedisCatalogue(redis), loop)

    plan = plan_of(settings)
    grounds = StoredGrounds(registry, encoders.of, loop)
    return Parts(
        lease=RedisLease(redis, settings.train_lease),
        jobs=RedisJobs(redis),
        registry=registry,
        learner=learner(archive, stock, None, plan, grounds=grounds),
        signals=ArchiveSignals(
            archive,
            stock,
            registry,
            partial(manifest_at, settings.models_url),
            AdwinDrift,
            every=settings.train_drift,
        ),
        tracking=tracking,
        schedule=_schedule(settings),
        thresholds=plan.thresholds,
    )


def _watched(settings: Settings, redis: Redis, parts: Parts) -> Watched:
    archive = ParquetArchive(settings.archive_url, DEFAULTS[settings.consent])
    stock = StoredStock(RedisCatalogue(redis), asyncio.get_running_loop())
    outcomes = ArchiveOutcomes(archive, stock, parts.registry)
    return Watched(parts.registry, RedisLive(redis), outcomes, parts.tracking)


def _schedule(settings: Settings) -> Schedule:
    return Schedule(settings.train_cron, settings.train_events, settings.train_pause)


def _thresholds(settings: Settings) -> Thresholds:
    try:
        return Thresholds(**settings.train_thresholds)
    except TypeError as error:
        msg = f"PORTRAIT_TRAIN_THRESHOLDS names what there is not: {error}"
        raise SettingsInvalidError(msg) from error


def _tracking(settings: Settings) -> Tracking | None:
    """Connect to what keeps the runs; a training goes on without it."""
    try:
        if settings.tracking_url is None:
            return local_tracking(settings.tracking_folder, settings.shop)
        return MlflowTracking(settings.tracking_url, shop=settings.shop)
    except TrackingUnavailableError as error:
        log.warning("tracking_away", reason=str(error))
        return None
