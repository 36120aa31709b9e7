"""Bodies: JSON as a model. How much work one can make is bounded before it is validated.

What is checked costs by the number of values, not of bytes: a megabyte of wrong ids would be half a
million errors. So the values are counted first, and what is large is read in a thread.
"""

import asyncio
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

MOST_VALUES = 6_000  # in one body: the largest request that is valid has some 5,300
INLINE_BYTES = 4_096  # up to this a thread costs more than the reading

Model = TypeVar("Model", bound=BaseModel)


class ReadRequest(Request):
    """A request whose body was read, so that FastAPI finds a model where it looks for JSON."""

    def __init__(self, request: Request, sent: BaseModel | None) -> None:
        super().__init__(request.scope, request.receive)
        self._sent = sent

    async def body(self) -> bytes:
        """Say whether there is one."""
        return b"" if self._sent is None else b"{}"

    async def json(self) -> BaseModel | None:
        """Return what was read."""
        return self._sent


async def read_body(request: Request, model: type[Model]) -> Model | None:
    """Read a body of JSON, if there is one.

    Raises:
        RequestValidationError: It is no JSON, has too many values, or is not what is asked for.
        ClientDisconnect: The client has left in the middle of it.
    """
    body = await request.body()
    if not body:
        return None
    if len(body) <= INLINE_BYTES:
        return parse(body, model)
    return await asyncio.to_thread(parse, body, model)


def is_crowded(body: bytes, most: int = MOST_VALUES) -> bool:
    """Say whether JSON has more than about so many values, without making an object of any.

    Each comma and each opening bracket outside of texts begins a value, or is followed by none.
    """
    if _beginnings(body) <= most:  # texts and all: true of nearly every body
        return False
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    return _beginnings(b"".join(without_escapes.split(b'"')[::2])) > most


def _beginnings(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def parse(body: bytes, model: type[Model]) -> Model:
    """Read JSON as a model.

    Raises:
        RequestValidationError: It is no JSON, has too many values, or is not what is asked for.
    """
    if is_crowded(body):
        wrong = {"loc": ("body",), "msg": f"There are more than {MOST_VALUES} values in it."}
        raise RequestValidationError([wrong])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrongs = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**wrong, "loc": ("body", *wrong["loc"])} for wrong in wrongs]
        ) from None
