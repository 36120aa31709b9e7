"""Routes: they match a path to its very end, and let in what is fit for them.

request ─▶ address ─▶ who asks, may they, how much ─▶ from which page ─▶ kind of body ─▶ body
        ─▶ its turn, if it is costly ─▶ read, in a thread if it is large ─▶ FastAPI
        ─▶ written down, if it was an administrator's
"""

import re
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.access.admission import admit, note, pay
from service.access.limits import COSTS, RIGHTS
from service.access.rules import Rule, is_audited, rule_of
from service.dependencies import turns_of
from service.http.bodies import INLINE_BYTES, ReadRequest, read_body
from service.http.border import check_address, check_content_type, check_no_query, check_writer
from service.http.problems import status_of

SAFE = {"GET"}

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
        handler = self._reading(answer) if self._method in SAFE else self._writing(answer)
        is_noted = is_audited(self._method, self.path_format)
        return self._noting(handler) if is_noted else handler

    @property
    def _method(self) -> str:
        (method,) = self.methods or {"GET"}
        return method

    @property
    def _rule(self) -> Rule:
        return rule_of(self._method, self.path_format)

    @property
    def _cost(self) -> int:
        return COSTS.get((self._method, self.path_format), 1)

    @property
    def _is_right(self) -> bool:
        return (self._method, self.path_format) in RIGHTS

    def _reading(self, answer: Handler) -> Handler:
        rule, cost, is_right = self._rule, self._cost, self._is_right

        async def read(request: Request) -> Response:
            check_address(request.scope, request.scope["state"]["border"])
            await pay(request, admit(request, rule), cost, is_right=is_right)
            return await answer(request)

        return read

    def _writing(self, answer: Handler) -> Handler:
        asked = None if self.body_field is None else self.body_field.field_info.annotation
        model = asked if isinstance(asked, type) and issubclass(asked, BaseModel) else None
        names_something = bool(self.param_convertors)
        rule, cost, is_right = self._rule, self._cost, self._is_right

        async def write(request: Request) -> Response:
            border = request.scope["state"]["border"]
            check_address(request.scope, border)
            caller = admit(request, rule)
            await pay(request, caller, cost, is_right=is_right)
            check_writer(request, border, caller.origins)
            check_content_type(request)
            if names_something:
                check_no_query(request)
            if model is None:
                return await answer(request)
            body = await request.body()
            async with self._turn(request, len(body)):
                return await answer(ReadRequest(request, await read_body(request, model)))

        return write

    def _noting(self, handler: Handler) -> Handler:
        what = f"{self._method} {self.path_format}"

        async def answer_and_note(request: Request) -> Response:
            status = HTTPStatus.INTERNAL_SERVER_ERROR.value
            try:
                response = await handler(request)
                status = response.status_code
            except Exception as error:
                status = status_of(error)
                raise
            finally:
                await note(request, what, status)
            return response

        return answer_and_note

    def _turn(self, _request: Request, _size: int) -> AbstractAsyncContextManager[None]:
        """Say when a request whose body is there may be read and answered: at once."""
        return nullcontext()


class CostlyRoute(ExactRoute):
    """A route where what is asked for at length costs a multiple of the rest."""

    def _turn(self, request: Request, size: int) -> AbstractAsyncContextManager[None]:
        """Let the large ones in one at a time."""
        return turns_of(request).alone() if size > INLINE_BYTES else nullcontext()
