"""What goes in and out over HTTP about models and trainings."""

from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, StringConstraints

from portrait.jobs import Job, State, Trigger
from portrait.manifest import Window
from portrait.model_index import Listed, Role
from portrait.verdict import Verdict
from service.schemas import Answered, Asked

OVER_HTTP = "asked for over HTTP"

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class PromotionRequest(Asked):
    """Put a model in service."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"insist": False}]})

    insist: bool = Field(
        default=False, description="Even if the judge refused it, or it was rolled back."
    )


class RollbackRequest(Asked):
    """Put the former model back in service."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "complaints about shoes"}]}
    )

    reason: Reason = Field(OVER_HTTP, description="Goes onto the card of the model taken out.")


class TrainingRequest(Asked):
    """Train a challenger now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "new season"}]})

    reason: Reason = OVER_HTTP


class ModelSummary(Answered):
    """A model in short."""

    version: str
    role: Role = Field(
        description="`wanted`: the index worker prepares its space, then it is the champion. "
        "`former`: a rollback goes here. `retired`: its card alone is kept."
    )
    parent: str | None = Field(description="The version that its training began from.")
    created_at: AwareDatetime
    trained_on: Window | None
    space_id: str
    promote: bool | None = Field(description="What the judge said; null: it was never judged.")
    reason: str | None = Field(
        description="Why the judge said so, or why it was rolled back or could not be loaded."
    )


class ModelsAnswer(Answered):
    """All models."""

    champion: str | None = Field(description="Version of the model in service.")
    former: str | None = Field(description="Version that `POST /models/rollback` goes back to.")
    wanted: str | None = Field(description="Version that is being prepared for service.")
    models: tuple[ModelSummary, ...] = Field(description="Newest first.")


class ModelAnswer(ModelSummary):
    """A model in full."""

    encoder: str
    rows: dict[str, int] = Field(description="Events it was trained and tested on, by split.")
    erased_users: int = Field(description="Left out of the training, because they asked for it.")
    metrics: dict[str, JsonValue]
    git_commit: str
    digest: str | None = Field(description="SHA-256 of the artifact's manifest.")
    verdict: Verdict | None = Field(description="Every figure that the judge looked at.")


class PromotionAccepted(Answered):
    """The wish was taken in; the switch follows when the model's space is complete."""

    version: str
    role: Role


class RollbackAnswer(Answered):
    """Who serves now."""

    champion: str


class JobAnswer(Answered):
    """A training."""

    id: str
    trigger: Trigger
    reason: str
    state: State
    stage: str | None = Field(description="What is being done, while it runs.")
    asked_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    attempts: int = Field(description="More than one: a trainer died, another one went on.")
    challenger: str | None = Field(description="Version of the model it made.")
    figures: dict[str, float]
    outcome: str | None = Field(description="The judge's reason, or what went wrong.")


class JobsAnswer(Answered):
    """Trainings."""

    jobs: tuple[JobAnswer, ...] = Field(description="Newest first.")


def summary_of(listed: Listed) -> ModelSummary:
    """Tell of a model in short."""
    return ModelSummary.model_validate(_summary(listed))


def answer_of(listed: Listed) -> ModelAnswer:
    """Tell all of a model."""
    fields = ModelAnswer.model_fields.keys() & type(listed.card).model_fields.keys()
    card = {name: getattr(listed.card, name) for name in fields}
    return ModelAnswer.model_validate({**card, **_summary(listed)})


def job_of(job: Job) -> JobAnswer:
    """Tell of a training."""
    return JobAnswer.model_validate(job.model_dump())


def _summary(listed: Listed) -> dict[str, object]:
    card, verdict = listed.card, listed.card.verdict
    reason = card.rolled_back or card.refused or (None if verdict is None else verdict.reason)
    return {
        "version": card.version,
        "role": listed.role,
        "parent": card.parent,
        "created_at": card.created_at,
        "trained_on": card.trained_on,
        "space_id": card.space_id,
        "promote": None if verdict is None else verdict.promote,
        "reason": reason,
    }
