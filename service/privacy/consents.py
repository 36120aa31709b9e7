"""Routes: what somebody lets be done with what they do, and what they do not want to see."""

from time import time

from fastapi import APIRouter, Request, status
from fastapi.exceptions import RequestValidationError

from portrait.errors import ProfileErasedError, RecordInvalidError
from portrait.events.consent import Purpose, consent_of
from portrait.events.unwanted import What, read_unwanted
from portrait.profiles.record import is_suppressed
from portrait.profiles.store import Stored
from portrait.reading.consents import consent_message, moment_said
from portrait.reading.records import Clock
from portrait.reading.unwanted import unwanted_message
from portrait.times import MILLISECOND, to_moment
from service.access.admission import pay_events
from service.access.problems import ScopeMissingError
from service.dependencies import PartsDep, UserIdPath, border_of, caller_of
from service.http.problems import WRITING, declared
from service.parts import Parts
from service.privacy.of_profile import OfProfile
from service.privacy.schemas import (
    ConsentAccepted,
    ConsentAnswer,
    ConsentRequest,
    UnwantedAccepted,
    UnwantedAnswer,
    UnwantedRequest,
    UnwantedWord,
)

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
    messages = [consent_message(user_id, said)]
    if asked.allows_all:  # to withdraw one is everybody's right, whatever their shop has left
        await pay_events(request, messages)
    await parts.publisher.publish(messages)
    return ConsentAccepted(user_id=user_id, at=to_moment(at))


@router.get("/profile/{user_id:path}/consent", responses=declared(410, 422))
async def get_consent(user_id: UserIdPath, parts: PartsDep) -> ConsentAnswer:
    """Return what a user lets be done, and since when; or what counts until they say something."""
    stored = await _stored(user_id, parts)
    consent = consent_of(stored.consent, parts.unsaid)
    return ConsentAnswer(
        user_id=user_id,
        purposes={purpose: consent.allows(purpose) for purpose in Purpose},
        at=to_moment(consent.at) if consent.at else None,
    )


@router.post(
    "/profile/{user_id:path}/unwanted",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
)
async def post_unwanted(
    user_id: UserIdPath, asked: UnwantedRequest, parts: PartsDep, request: Request
) -> UnwantedAccepted:
    """Take in what a user does not want to see: an item, a category or a brand, for good or a time.

    It stays so across models, until it ends or is taken back with `wanted`, or the user is erased.
    It goes through Kafka, as events do; of two words on one thing the later one counts. A page's
    key may not: it would speak for anybody.
    """
    if caller_of(request).is_public:
        msg = "A public key speaks for nobody; let your server say what users do not want."
        raise ScopeMissingError(msg)
    at = _moment(asked, Clock.of_system(border_of(request).future_tolerance // MILLISECOND))
    said = {**asked.model_dump(), "at": to_moment(at)}
    messages = [unwanted_message(user_id, said)]
    await pay_events(request, messages)
    await parts.publisher.publish(messages)
    return UnwantedAccepted(user_id=user_id, at=to_moment(at))


@router.get("/profile/{user_id:path}/unwanted", responses=declared(410, 422))
async def get_unwanted(user_id: UserIdPath, parts: PartsDep) -> UnwantedAnswer:
    """Return what a user said that they do not want, what has ended or was taken back as well."""
    stored = await _stored(user_id, parts)
    said, now = read_unwanted(stored.unwanted).said, round(time() * 1_000)
    return UnwantedAnswer(
        user_id=user_id,
        words=tuple(
            UnwantedWord(
                kind=What(kind),
                name=name,
                at=to_moment(word.at),
                until=to_moment(word.until) if word.until else None,
                holds=word.holds_at(now),
            )
            for thing, word in [*said.items()][::-1]
            for kind, _, name in [thing.partition(":")]
        ),
    )


async def _stored(user_id: str, parts: Parts) -> Stored:
    """Return what is stored of a user.

    Raises:
        ProfileErasedError: They are suppressed: whatever is kept until that is lifted is not told.
    """
    (stored,) = await parts.profiles.load_whole([user_id])
    if stored.record is not None and is_suppressed(stored.record):
        raise ProfileErasedError
    return stored


def _moment(asked: ConsentRequest | UnwantedRequest, clock: Clock) -> int:
    """Return when it was said, ms.

    Raises:
        RequestValidationError: It cannot have been then.
    """
    try:
        return moment_said(asked.at, round(time() * 1_000), clock)
    except RecordInvalidError as error:
        wrong = {"type": "value_error", "loc": ("body", "at"), "msg": str(error)}
        raise RequestValidationError([wrong]) from error
