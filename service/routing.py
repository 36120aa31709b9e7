"""Routes: they match a path to its very end, and let in what is fit for them.

request ─▶ address ─▶ who asks ─▶ kind of body ─▶ body ─▶ its turn, if it is costly
        ─▶ read, in a thread if it is large ─▶ FastAPI
"""

import re
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.dependencies import turns_of
from service.http.bodies import INLINE_BYTES, ReadRequest, read_body
from service.http.border import check_address, check_content_type, check_no_query, check_writer

SAFE = {"GET", "HEAD"}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ExactRoute(APIRoute):
    """A route whose path ends where the pattern does.

    Starlette's own ends before a line break at the end, so that erasing `x%0A` erased `x`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - FastAPI's thirty
        super().__init__(*args, **kwargs)
        pattern = self.path_regex.pattern.removesuffix("$")
        self.path_regex = re.compile(rf"{pattern}\Z", re.DOTALL)

    def get_route_handler(self) -> Handler:
        """Put the border before what FastAPI does."""
        answer = super().get_route_handler()
        return _reading(answer) if (self.methods or SAFE) <= SAFE else self._writing(answer)

    def _writing(self, answer: Handler) -> Handler:
        asked = None if self.body_field is None else self.body_field.field_info.annotation
        model = asked if isinstance(asked, type) and issubclass(asked, BaseModel) else None
        names_something = bool(self.param_convertors)

        async def write(request: Request) -> Response:
            border = request.scope["state"]["border"]
            check_address(request.scope, border)
            check_writer(request, border)
            check_content_type(request)
            if names_something:
                check_no_query(request)
            if model is None:
                return await answer(request)
            body = await request.body()
            async with self._turn(request, len(body)):
                return await answer(ReadRequest(request, await read_body(request, model)))

        return write

    def _turn(self, _request: Request, _size: int) -> AbstractAsyncContextManager[None]:
        """Say when a request whose body is there may be read and answered: at once."""
        return nullcontext()


class CostlyRoute(ExactRoute):
    """A route where what is asked for at length costs a multiple of the rest."""

    def _turn(self, request: Request, size: int) -> AbstractAsyncContextManager[None]:
        """Let the large ones in one at a time."""
        return turns_of(request).alone() if size > INLINE_BYTES else nullcontext()


def _reading(answer: Handler) -> Handler:
    async def read(request: Request) -> Response:
        check_address(request.scope, request.scope["state"]["border"])
        return await answer(request)

    return read
