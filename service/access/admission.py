"""Admission: who is let in to a route, and what is written down of what they did there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from fastapi import Request

from portrait import metrics
from portrait.access.audit import AuditLine, about_user
from portrait.access.scope import Scope
from portrait.errors import StoreUnavailableError
from portrait.events.login import Identification
from portrait.events.stream import Message
from portrait.events.topics import CONSENTS, IDENTITIES, UNWANTED, action_of
from service.access.caller import ANYBODY, Caller
from service.access.guard import LET_IN, Guard, check_page, check_scope, check_server
from service.access.limits import Limits
from service.access.problems import KeyInvalidError
from service.access.rules import ANY, OPEN, SERVERS, Rule, rule_of
from service.dependencies import state_of
from service.http.problems import ProblemError

UNDONE = {400, 403, 404, 405, 408, 412, 413, 415, 422, 428, 429}  # statuses of what came to nothing
NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)  # of a model, a job or a key

log = structlog.get_logger()


def admit(request: Request, rule: Rule) -> Caller:
    """Let in who may do what they ask for; routes find them as `caller_of(request)`.

    Raises:
        ProblemError: They may not; each way of it is counted.
    """
    guard: Guard | None = request.scope["state"]["guard"]
    if guard is None or rule == OPEN:
        caller = ANYBODY
    else:
        try:
            caller = _checked(guard, request, rule)
        except ProblemError as problem:
            metrics.access_decisions.labels(problem.name).inc()
            raise
        LET_IN.inc()
    request.scope["state"]["caller"] = caller
    return caller


def check_still(request: Request) -> None:
    """Refuse who may no longer do what they are doing: their key was revoked, or has expired.

    Raises:
        ProblemError: They may not.
    """
    state = request.scope["state"]
    guard: Guard | None = state["guard"]
    if guard is not None:
        state.pop("by_key", None)  # as it was found when the request came
        _checked(guard, request, rule_of(request.method, request.scope["route"].path_format))


def _checked(guard: Guard, request: Request, rule: Rule) -> Caller:
    caller = guard.caller(request.scope)
    if caller.shop != request.scope["state"]["shop"]:  # revoked since it was asked whose this is
        msg = "The shop that it is for is not served here any more."
        raise KeyInvalidError(msg)
    check_page(caller, request.scope)
    if rule == SERVERS:
        check_server(caller)
    elif rule != ANY:
        check_scope(caller, Scope(rule))
    return caller


async def pay(request: Request, caller: Caller, cost: int, *, is_right: bool = False) -> None:
    """Let a caller pay for a request, where there are limits; for a right by its own rate alone.

    Raises:
        RateLimitedError: They ask for too much.
    """
    limits = _limits_of(request, caller)
    if limits is not None:
        with _counted():
            await limits.pay(caller, cost, is_right=is_right)


async def pay_events(request: Request, messages: Sequence[Message]) -> None:
    """Let a shop pay for what goes to Kafka, and have room for whose it is, where it has quotas.

    Raises:
        ShopLimitedError: It sends too many.
        QuotaReachedError: They are of new users, and it may have no more.
    """
    parts, _ = state_of(request)
    caller: Caller = request.scope["state"]["caller"]
    limits = _limits_of(request, caller)
    with _counted():
        if parts.room is not None:
            await parts.room.check_users({*filter(None, map(_whose, messages))})
        if limits is not None:
            await limits.pay_events(caller, len(messages))


def _whose(message: Message) -> str | None:
    """Return the user whose profile a message makes or changes; None: nobody's."""
    if message.topic == IDENTITIES:
        return Identification.model_validate_json(message.value or b"").user_id
    is_of_a_user = action_of(message.topic) is not None or message.topic in {CONSENTS, UNWANTED}
    return message.key.decode() if is_of_a_user else None


async def check_item(request: Request, id: str) -> None:
    """Refuse a new item where a shop may have no more.

    Raises:
        QuotaReachedError: It may not.
    """
    parts, _ = state_of(request)
    if parts.room is not None:
        with _counted():
            await parts.room.check_item(id)


def _limits_of(request: Request, caller: Caller) -> Limits | None:
    guard: Guard | None = request.scope["state"]["guard"]
    return None if guard is None or caller is ANYBODY else guard.limits


@contextmanager
def _counted() -> Iterator[None]:
    """Count what is refused."""
    try:
        yield
    except ProblemError as problem:
        metrics.access_decisions.labels(problem.name).inc()
        raise


def name_subject(request: Request, subject: str) -> None:
    """Say what a request was about that its path does not name: what was made by it."""
    request.scope["state"]["subject"] = subject


async def note(request: Request, what: str, status: int) -> None:
    """Write down what an administrator did. What cannot be written is said in the log, at least.

    Who was not let in, or sent what no route takes, has done nothing: nobody can fill the log so.
    """
    caller: Caller | None = request.scope["state"].get("caller")
    if caller is None or status in UNDONE:
        return
    parts, _ = state_of(request)
    line = AuditLine(
        at=datetime.now(UTC),
        who=caller.name,
        what=what,
        about=request.scope["state"].get("subject") or _about(request.path_params),
        status=status,
        request_id=request.scope["state"]["request_id"],
    )
    try:
        await parts.audit.add(line)
    except StoreUnavailableError as error:
        log.critical("audit_missed", reason=str(error), **line.model_dump(mode="json"))


def _about(named: Mapping[str, str]) -> str:
    """Say what a request is about, and of a user only the hash of the id."""
    if "user_id" in named:
        return about_user(named["user_id"])
    return " ".join(value for value in named.values() if NAME.fullmatch(value))
