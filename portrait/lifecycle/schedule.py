"""The schedule: is it time to train, and why?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from croniter import croniter

from portrait.lifecycle.jobs import Trigger
from portrait.lifecycle.need import Need


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to train. What is None never triggers."""

    cron: str | None = "0 3 * * *"  # in UTC
    events: int | None = 50_000  # newly labelled
    pause: timedelta = timedelta(hours=1)  # between the begins of two trainings nobody asked for


class Waiting(NamedTuple):
    """What has happened since the last training began, or since the first trainer started."""

    since: datetime
    events: int = 0  # newly labelled
    drift: str | None = None  # what has moved
    asked: str | None = None  # the reason of an open request


class Due(NamedTuple):
    """A training to start."""

    trigger: Trigger
    reason: str


def due(schedule: Schedule, waiting: Waiting, now: datetime) -> Due | None:
    """Say why to train now, the weightiest reason first, or None.

    A request is due at once. One training makes up for all the hours at which no trainer ran.
    """
    if waiting.asked is not None:
        return Due("request", waiting.asked)
    if now - waiting.since < schedule.pause:
        return None
    if waiting.drift is not None:
        return Due("drift", waiting.drift)
    if schedule.events is not None and waiting.events >= schedule.events:
        return Due(
            "events", f"{waiting.events:,} new labelled events, {schedule.events:,} suffice."
        )
    if schedule.cron is not None and _next(schedule.cron, waiting.since) <= now:
        return Due("schedule", f"{schedule.cron} (UTC)")
    return None


def lack_of(schedule: Schedule, waiting: Waiting) -> Need | None:
    """Say in numbers what a training waits for, if events are a reason for one."""
    if schedule.events is None:
        return None
    return Need(what="new labelled events", there=waiting.events, needed=schedule.events)


def _next(cron: str, since: datetime) -> datetime:
    moment: datetime = croniter(cron, since.astimezone(UTC)).get_next(datetime)
    return moment
