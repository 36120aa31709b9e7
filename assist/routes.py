"""Routes of the help desk: answers, what became of them, and labels."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request, status
from fastapi.exceptions import RequestValidationError

from assist.answer import Stand, answer, likely_intents
from assist.opened import Opened, likeliest
from assist.schemas import (
    EXAMPLE_ID,
    MOST_NEXT,
    AssistAnswer,
    AssistId,
    AssistRequest,
    LabelsAnswer,
    LabelsRequest,
    NewLabel,
    NextLabels,
    OutcomeAnswer,
    OutcomeRequest,
    ReadyAnswer,
    ToLabel,
)
from portrait import metrics
from portrait.arrays import Floats
from portrait.errors import PortraitError
from portrait.helpdesk.choosing import next_to_label, uncertainty
from portrait.helpdesk.labels import Asked, Label, Message
from portrait.helpdesk.texts import normal
from service.dependencies import caller_of
from service.http.problems import WRITING, NotReadyError, declared
from service.routing import ExactRoute
from service.standing import PATIENCE

MOST_IN_POOL = 2_000  # newest messages among which is chosen: 30 ms

router = APIRouter(route_class=ExactRoute, tags=["help desk"])

AssistIdPath = Annotated[
    AssistId, Path(description="As in the answer of `POST /assist`.", examples=[EXAMPLE_ID])
]
Task = Annotated[Literal["intent"], Query(description="What is to be labelled.")]
Count = Annotated[int, Query(ge=1, le=MOST_NEXT, description="Most messages to return.")]


@router.post("/assist", responses=declared(*WRITING))
async def post_assist(request: Request, body: AssistRequest) -> AssistAnswer:
    """Say what a message means, which reply fits, and who writes.

    A reply is filled from facts that are known, and from nothing else.
    """
    return await answer(body, _stand(request))


@router.post(
    "/assist/{assist_id}/outcome",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
)
async def post_outcome(
    assist_id: AssistIdPath, request: Request, body: OutcomeRequest
) -> OutcomeAnswer:
    """Say what became of an answer. What it says of the message is a label, and counts at once."""
    stand = _stand(request)
    _check_intents(stand.desk.require(), [(("body", "intent"), body.intent)])
    asked = await stand.desk.labels.find(assist_id)
    metrics.assist_outcomes.labels(body.outcome).inc()
    intent = body.intent or (None if body.outcome == "refused" else asked.intent)
    if intent is None and not body.none_of_these:
        return OutcomeAnswer(labelled=False)
    label = Label(
        text=asked.text,
        intent=None if body.none_of_these else intent,
        at=datetime.now(UTC),
        by=caller_of(request).name,
        outcome=body.outcome,
        reply=body.reply,
    )
    await _add(stand, [label])
    return OutcomeAnswer(labelled=True)


@router.get("/labels/next", responses=declared(422))
async def get_next(request: Request, task: Task = "intent", n: Count = 10) -> NextLabels:
    """Return the messages that are worth a label most: unsure ones, unlike each other."""
    stand = _stand(request)
    opened = stand.desk.require()
    messages = await stand.desk.labels.newest(MOST_IN_POOL)
    known = frozenset(stand.desk.corrections)
    chosen, pool = await stand.readings.take(partial(_chosen, opened, messages, known, n))
    return NextLabels(task=task, pool=pool, labelled=len(known), messages=tuple(chosen))


@router.post("/labels", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def post_labels(request: Request, body: LabelsRequest) -> LabelsAnswer:
    """Say what messages mean. From then on these very words mean that; training learns the rest."""
    stand = _stand(request)
    named = [(("body", "labels", at, "intent"), each.intent) for at, each in enumerate(body.labels)]
    _check_intents(stand.desk.require(), named)
    by, now = caller_of(request).name, datetime.now(UTC)
    texts = await asyncio.gather(*(_text_of(stand, each) for each in body.labels))
    labels = [
        Label(text=text, intent=each.intent, at=now, by=by)
        for text, each in zip(texts, body.labels, strict=True)
    ]
    await _add(stand, labels)
    return LabelsAnswer(added=len(labels))


@router.get("/readyz", responses=declared())
async def readyz(request: Request) -> ReadyAnswer:
    """Say whether messages can be answered, and what somebody should see to."""
    stand = _stand(request)
    if request.scope["state"]["border"].leaving.has_begun:
        msg = "It was told to stop: send requests to another one."
        raise NotReadyError(msg)
    try:
        async with asyncio.timeout(PATIENCE):
            await stand.parts.ping_store()
    except (PortraitError, TimeoutError):
        msg = "Down: redis."
        raise NotReadyError(msg, down=["redis"]) from None
    stand.desk.require()
    return ReadyAnswer(notes=stand.desk.notes + stand.live.notes)


def _stand(request: Request) -> Stand:
    stand: Stand = request.scope["state"]["stand"]
    return stand


async def _text_of(stand: Stand, label: NewLabel) -> str:
    if label.text is not None:
        return label.text
    asked: Asked = await stand.desk.labels.find(label.message_id or "")
    return asked.text


async def _add(stand: Stand, labels: Sequence[Label]) -> None:
    """Keep labels, then let them count here; elsewhere they do a second later."""
    await stand.desk.labels.add(labels)
    stand.desk.take_in({normal(label.text): label for label in labels})


def _check_intents(
    opened: Opened, named: Sequence[tuple[tuple[str | int, ...], str | None]]
) -> None:
    """Refuse intents that the desk does not have.

    Raises:
        RequestValidationError: There are some.
    """
    wrong = [
        {"loc": place, "msg": "the help desk has no such intent", "type": "value_error"}
        for place, intent in named
        if intent is not None and intent not in opened.desk.by_id
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _chosen(
    opened: Opened, messages: Sequence[Message], known: frozenset[str], count: int
) -> tuple[list[ToLabel], int]:
    """Choose what to label next. Blocks for milliseconds. Also returns among how many."""
    unlabelled = {
        words: each
        for each in reversed(messages)
        if each.encoder == opened.reader.name
        and len(each.vector) == opened.reader.dim
        and (words := normal(each.asked.text)) not in known
    }
    pool = [*unlabelled.values()]
    if not pool:
        return [], 0
    vectors = np.stack([each.vector for each in pool])
    probabilities = opened.head(vectors)
    rows = next_to_label(vectors, uncertainty(probabilities), count).tolist()
    return [_to_label(pool[row], probabilities[row], opened) for row in rows], len(pool)


def _to_label(message: Message, probabilities: Floats, opened: Opened) -> ToLabel:
    return ToLabel(
        message_id=message.id,
        text=message.asked.text,
        language=message.asked.language,
        likely=tuple(likely_intents(likeliest(opened.head, probabilities), opened)),
    )
