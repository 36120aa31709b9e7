"""Bodies: JSON as a model. How much work one can make is bounded before it is validated.

What is checked costs by the number of values, not of bytes: a megabyte of wrong ids would be half a
million errors. So the values are counted first, and what is large is read in a thread.
"""

import asyncio
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

MOST_VALUES = 2_000  # in one body: the largest request that is valid has some 1,300
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
        return _parse(body, model)
    return await asyncio.to_thread(_parse, body, model)


def is_crowded(sent: object, most: int = MOST_VALUES) -> bool:
    """Say whether parsed JSON has more than so many values; the names of members do not count."""
    nodes, count = [sent], 1
    while nodes:
        node = nodes.pop()
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        count += len(inner)
        if count > most:
            return True
        nodes.extend(inner)
    return count > most


def _parse(body: bytes, model: type[Model]) -> Model:
    if _may_be_crowded(body) and _is_crowded_json(body):
        wrong = {"loc": ("body",), "msg": f"There are more than {MOST_VALUES} values in it."}
        raise RequestValidationError([wrong])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrongs = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**wrong, "loc": ("body", *wrong["loc"])} for wrong in wrongs]
        ) from None


def _may_be_crowded(body: bytes) -> bool:
    """Rule out most: what has few commas and brackets, in texts or not, has few values."""
    return sum(map(body.count, (b",", b"[", b"{"))) >= MOST_VALUES


def _is_crowded_json(body: bytes) -> bool:
    try:
        return is_crowded(from_json(body))
    except ValueError:
        return False  # it ends at the first thing that is no JSON, which is one error
