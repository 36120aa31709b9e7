"""Routes: what somebody lets be done with what they do."""

from time import time

from fastapi import APIRouter, Request, status
from fastapi.exceptions import RequestValidationError

from portrait.errors import RecordInvalidError
from portrait.events.consent import Purpose, consent_of
from portrait.reading.consents import consent_message, moment_said
from portrait.reading.records import Clock
from portrait.times import MILLISECOND, to_moment
from service.access.problems import ScopeMissingError
from service.dependencies import PartsDep, UserIdPath, border_of, caller_of
from service.http.problems import WRITING, declared
from service.privacy.of_profile import OfProfile
from service.privacy.schemas import ConsentAccepted, ConsentAnswer, ConsentRequest

router = APIRouter(route_class=OfProfile, tags=["privacy"])


@router.put(
    "/profile/{user_id:path}/consent",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
)
async def put_consent(
    user_id: UserIdPath, asked: ConsentRequest, parts: PartsDep, request: Request
) -> ConsentAccepted:
    """Take in what a user lets be done: personalisation, analytics, training, each or not.

    It goes through Kafka, as events do, and counts for all that is asked afterwards: what was said
    last, by `at`, whatever comes in first. A page's key may not: it would speak for anybody.
    """
    if caller_of(request).is_public:
        msg = "A public key speaks for nobody; let your server say what users agree to."
        raise ScopeMissingError(msg)
    at = _moment(asked, Clock.of_system(border_of(request).future_tolerance // MILLISECOND))
    said = {**asked.model_dump(), "at": to_moment(at)}
    await parts.publisher.publish([consent_message(user_id, said)])
    return ConsentAccepted(user_id=user_id, at=to_moment(at))


@router.get("/profile/{user_id:path}/consent", responses=declared(422))
async def get_consent(user_id: UserIdPath, parts: PartsDep) -> ConsentAnswer:
    """Return what a user lets be done, and since when; or what counts until they say something."""
    (stored,) = await parts.profiles.load_whole([user_id])
    consent = consent_of(stored.consent, parts.unsaid)
    return ConsentAnswer(
        user_id=user_id,
        purposes={purpose: consent.allows(purpose) for purpose in Purpose},
        at=to_moment(consent.at) if consent.at else None,
    )


def _moment(asked: ConsentRequest, clock: Clock) -> int:
    """Return when it was said, ms.

    Raises:
        RequestValidationError: It cannot have been then.
    """
    try:
        return moment_said(asked.at, round(time() * 1_000), clock)
    except RecordInvalidError as error:
        wrong = {"type": "value_error", "loc": ("body", "at"), "msg": str(error)}
        raise RequestValidationError([wrong]) from error
