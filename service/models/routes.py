"""Routes: models, promotions, trainings.

Nothing here touches a model: a promotion is a wish that the index worker fulfils, a training a job
that the trainer takes. Only a rollback acts at once: the former model's space is still kept.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response, status

from portrait.events.item import Id
from portrait.lifecycle.jobs import new_job
from portrait.lifecycle.manifest import Version
from portrait.lifecycle.registry import GIVE_REASON
from service.access.admission import name_subject
from service.dependencies import PartsDep
from service.http.problems import TYPES, WRITING, Problem, declared
from service.models.schemas import (
    CancelRequest,
    JobAnswer,
    JobsAnswer,
    ModelAnswer,
    ModelsAnswer,
    PromotionAccepted,
    PromotionRequest,
    RollbackAnswer,
    RollbackRequest,
    TrainingRequest,
    answer_of,
    job_of,
    summary_of,
)
from service.parts import Parts
from service.routing import ExactRoute

MOST_JOBS = 100
AS_JUDGED = PromotionRequest()
WITHOUT_REASON = RollbackRequest()
NOW = TrainingRequest()
BY_HAND = CancelRequest()
VERSION = "20261124T030000Z-9f86d081"
JOB_OVER = Problem(
    type=f"{TYPES}job-over",
    title="This training has ended: there is nothing to cancel.",
    status=409,
    detail="Job 5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b has ended: promoted.",
    request_id="5f0c8a",
)
ROLLED_BACK = Problem(
    type=f"{TYPES}model-not-promotable",
    title="This model cannot be put in service.",
    status=409,
    detail=f"{VERSION} was rolled back: complaints about shoes. {GIVE_REASON}",
    request_id="5f0c8a",
)

router = APIRouter(route_class=ExactRoute, prefix="/models", tags=["models"])

VersionPath = Annotated[Version, Path(description="As in `GET /models`.", examples=[VERSION])]
JobIdPath = Annotated[Id, Path(description="As `POST /models/train` answered it.")]


@router.get("", responses=declared())
async def get_models(parts: PartsDep) -> ModelsAnswer:
    """Return all models, with what each is at the moment and what the judge said."""
    entries = await parts.registry.entries()
    roles = await parts.registry.roles()
    return ModelsAnswer(**roles._asdict(), models=tuple(map(summary_of, entries)))


@router.post(
    "/train",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(409, *WRITING),
)
async def train(
    parts: PartsDep,
    request: Request,
    response: Response,
    body: Annotated[TrainingRequest, Body()] = NOW,
) -> JobAnswer:
    """Ask for a training. Where to follow it is in `Location`; 409 if one is under way."""
    job = new_job("request", body.reason, datetime.now(UTC))
    await parts.jobs.ask(job)
    name_subject(request, job.id)
    response.headers["Location"] = f"/models/jobs/{job.id}"
    return await _shown(job.id, parts)


@router.get("/jobs", responses=declared())
async def get_jobs(parts: PartsDep) -> JobsAnswer:
    """Return the newest trainings, whatever started them, and whether a trainer is alive."""
    situation, jobs = await parts.jobs.situation(), await parts.jobs.newest(MOST_JOBS)
    now = datetime.now(UTC)
    return JobsAnswer(
        trainer_is_alive=situation.is_attended,
        waits_for=situation.lacks,
        jobs=tuple(job_of(job, situation, now) for job in jobs),
    )


@router.get("/jobs/{job_id}", responses=declared(422))
async def get_job(job_id: JobIdPath, parts: PartsDep) -> JobAnswer:
    """Return how far a training is, and in the end what the judge said."""
    return await _shown(job_id, parts)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(409, *WRITING, examples={409: JOB_OVER}),
)
async def cancel(
    job_id: JobIdPath, parts: PartsDep, body: Annotated[CancelRequest, Body()] = BY_HAND
) -> JobAnswer:
    """Stop a training; 409 if it has ended.

    Its trainer stops at its next step, withdraws the model if it was to serve, and removes what was
    left. A training that nobody works on ends at once. What serves already goes on serving.
    """
    await parts.jobs.cancel(job_id, body.reason, datetime.now(UTC))
    return await _shown(job_id, parts)


@router.post("/rollback", responses=declared(409, *WRITING))
async def roll_back(
    parts: PartsDep, body: Annotated[RollbackRequest, Body()] = WITHOUT_REASON
) -> RollbackAnswer:
    """Put the former model back in service at once; 409 if there is none any more."""
    return RollbackAnswer(champion=await parts.registry.roll_back(body.reason))


@router.get("/{version}", responses=declared(422))
async def get_model(version: VersionPath, parts: PartsDep) -> ModelAnswer:
    """Return all that is known of a model: what it was trained on, how it was judged."""
    return answer_of(await parts.registry.entry(version))


@router.post(
    "/{version}/promote",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(409, *WRITING, examples={409: ROLLED_BACK}),
)
async def promote(
    version: VersionPath, parts: PartsDep, body: Annotated[PromotionRequest, Body()] = AS_JUDGED
) -> PromotionAccepted:
    """Ask for a model to be put in service. Doing it again changes nothing.

    The index worker encodes the catalogue into the model's space, then the switch is at once;
    `GET /models` shows it. 409 if the model cannot serve; if it was refused and nobody insists; if
    it was rolled back and nobody says why it may serve again. `detail` says what to send.
    """
    await parts.registry.want(version, insist=body.insist, reason=body.reason)
    entry = await parts.registry.entry(version)
    return PromotionAccepted(version=version, role=entry.role)


async def _shown(job_id: str, parts: Parts) -> JobAnswer:
    """Describe a job. It is read last: what is said of one that ends meanwhile ends with it."""
    situation = await parts.jobs.situation()
    return job_of(await parts.jobs.get(job_id), situation, datetime.now(UTC))
