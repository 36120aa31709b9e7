"""What goes in and out over HTTP about models and trainings."""

from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from portrait.evaluation.verdict import Verdict
from portrait.lifecycle.jobs import Job, KnownJob, Situation
from portrait.lifecycle.manifest import Window
from portrait.lifecycle.need import Need
from portrait.lifecycle.registry import Entry, Note, Role
from portrait.privacy.redact import redacted
from service.fields import ModelName, RequestBody, ResponseBody, SpaceName
from service.models.job_words import AT_WORK, Shown, shown_state, stage_number, summary

OVER_HTTP = "asked for over HTTP"
CANCELLED = "cancelled over HTTP"
DECIMALS = 4  # of shares

FormerName = Annotated[str, Field(examples=["20261123T030000Z-1c2d3e4f"])]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
    AfterValidator(redacted),  # it goes onto cards, and with them wherever models go
]


class PromotionRequest(RequestBody):
    """Put a model in service."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"insist": False}, {"reason": "the texts of shoes are repaired"}]
        }
    )

    insist: bool = Field(
        default=False, description="Even if the judge refused it, or it could not be loaded."
    )
    reason: Reason | None = Field(
        None,
        description="Why it is to serve; goes onto its card. Needed for a model that was rolled "
        "back, which no watch takes out of service again then.",
    )


class RollbackRequest(RequestBody):
    """Put the former model back in service."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "complaints about shoes"}]}
    )

    reason: Reason = Field(OVER_HTTP, description="Goes onto the card of the model taken out.")


class TrainingRequest(RequestBody):
    """Train a challenger now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "new season"}]})

    reason: Reason = OVER_HTTP


class CancelRequest(RequestBody):
    """Stop a training."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the wrong catalogue"}]})

    reason: Reason = Field(CANCELLED, description="Shown as the outcome of the job.")


class ModelSummary(ResponseBody):
    """A model in short."""

    version: ModelName
    role: Role = Field(
        description="`wanted`: the index worker prepares its space, then it is the champion. "
        "`former`: a rollback goes here. `retired`: its card alone is kept."
    )
    parent: FormerName | None = Field(description="The version that its training began from.")
    created_at: AwareDatetime = Field(examples=["2026-11-24T03:07:12Z"])
    trained_on: Window | None
    space_id: SpaceName
    promote: bool | None = Field(
        description="What the judge said; null: it was never judged.", examples=[True]
    )
    reason: str | None = Field(
        description="Why the judge said so, or why it was rolled back or could not be loaded.",
        examples=["What people took next stands higher: NDCG@10 rose from 0.0912 to 0.0951."],
    )


class ModelsAnswer(ResponseBody):
    """All models."""

    champion: ModelName | None = Field(description="Version of the model in service.")
    former: FormerName | None = Field(
        description="Version that `POST /models/rollback` goes back to."
    )
    wanted: str | None = Field(
        description="Version that is being prepared for service.", examples=[None]
    )
    models: tuple[ModelSummary, ...] = Field(description="Newest first.")


class ModelAnswer(ModelSummary):
    """A model in full."""

    encoder: str = Field(examples=["all-MiniLM-L6-v2"])
    rows: dict[str, int] = Field(
        description="Events it was trained and tested on, by split.",
        examples=[{"new": 50_000, "replay": 50_000, "validation": 4_000, "test": 4_000}],
    )
    erased_users: int = Field(
        description="Left out of the training, because they asked for it.", examples=[2]
    )
    metrics: dict[str, JsonValue] = Field(examples=[{"newest_ndcg": 0.0951}])
    git_commit: str = Field(examples=["e9334ff"])
    digest: str | None = Field(
        description="SHA-256 of the artifact's manifest.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    verdict: Verdict | None = Field(description="Every figure that the judge looked at.")
    history: tuple[Note, ...] = Field(
        description="Why people asked for it, the oldest first: at most the last 20 times."
    )


class PromotionAccepted(ResponseBody):
    """The wish was taken in; the switch follows when the model's space is complete."""

    version: ModelName
    role: Role = Field(examples=["wanted"])


class RollbackAnswer(ResponseBody):
    """Who serves now."""

    champion: FormerName


class JobAnswer(KnownJob, ResponseBody):
    """A training."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    state: Shown = Field(
        description="`waiting_for_trainer`: no trainer is alive. `cancelling`: its trainer stops "
        "at its next step. Over: `promoted`, `refused`, `failed`, `cancelled`.",
        examples=["running"],
    )
    summary: str = Field(
        description="The same in one sentence, for people.",
        examples=["Training (3 of 9), 42% of it done; about 2 min left in all."],
    )
    stage_number: int | None = Field(
        description="Which of the stages that is, from 1.", examples=[3]
    )
    stages: int | None = Field(
        description="How many there are, if all are gone through.", examples=[9]
    )
    stage_share: float | None = Field(
        description="How much of this stage is done, where known.", examples=[0.42]
    )
    seconds_elapsed: float | None = Field(
        description="Since it was started, or until its end.", examples=[61.5]
    )
    seconds_left: int | None = Field(
        description="An estimate, by how long the last training took; null while unknown.",
        examples=[114],
    )


class JobsAnswer(ResponseBody):
    """Trainings."""

    trainer_is_alive: bool = Field(
        description="false: start `python -m workers train`.", examples=[True]
    )
    waits_for: Need | None = Field(
        description="What the next training that nobody asks for waits for. Null while one runs.",
        examples=[None],
    )
    jobs: tuple[JobAnswer, ...] = Field(description="Newest first.")


def summary_of(entry: Entry) -> ModelSummary:
    """Tell of a model in short."""
    return ModelSummary.model_validate(_summary(entry))


def answer_of(entry: Entry) -> ModelAnswer:
    """Tell all of a model."""
    fields = ModelAnswer.model_fields.keys() & type(entry.card).model_fields.keys()
    card = {name: getattr(entry.card, name) for name in fields}
    return ModelAnswer.model_validate({**card, **_summary(entry)})


def job_of(job: Job, situation: Situation, now: datetime) -> JobAnswer:
    """Tell of a training."""
    state, elapsed = shown_state(job, situation), job.seconds_elapsed(now)
    left = job.seconds_left(now) if state in AT_WORK else None
    fields = JobAnswer.model_fields.keys() & Job.model_fields.keys()
    told = {name: getattr(job, name) for name in fields} | {
        "state": state,
        "summary": summary(job, situation, now),
        "stage_number": stage_number(job),
        "stages": len(job.outline) or None,
        "stage_share": None if job.share is None else round(job.share, DECIMALS),
        "seconds_elapsed": None if elapsed is None else round(elapsed, 1),
        "seconds_left": None if left is None else round(left),
    }
    return JobAnswer.model_validate(told)


def _summary(entry: Entry) -> dict[str, object]:
    card, verdict = entry.card, entry.card.verdict
    reason = card.rolled_back or card.refused or (None if verdict is None else verdict.reason)
    return {
        "version": card.version,
        "role": entry.role,
        "parent": card.parent,
        "created_at": card.created_at,
        "trained_on": card.trained_on,
        "space_id": card.space_id,
        "promote": None if verdict is None else verdict.promote,
        "reason": reason,
    }
