"""The shortcut: the request that is sent most goes past the framework, which takes half its time.

`GET /profile/{user}` and nothing else ─▶ its function ─▶ answer, or a problem as any other
whatever is unusual about it           ─▶ the usual way

The usual way alone is what documentation is made of, and refuses what is not to be answered.
"""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portrait.errors import PortraitError
from portrait.reading import LONGEST_KEY
from service.border import REPLACEMENT, Border, is_known_host
from service.problems import answer_ours
from service.profiles import NOTHING_ASKED, get_profile, read_profile, router

PREFIX = "/profile/"
ROUTE = next(route for route in router.routes if getattr(route, "endpoint", None) is get_profile)
JSON = (b"content-type", b"application/json")


class Shortcut:
    """Answers it, and passes on everything else."""

    def __init__(self, app: ASGIApp, border: Border) -> None:
        self.app = app
        self.border = border

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or not self._is_usual(scope):
            await self.app(scope, receive, send)
            return
        scope["route"], state = ROUTE, scope["state"]
        user_id = scope["path"][len(PREFIX) :]
        try:
            body = await read_profile(user_id, NOTHING_ASKED, state["parts"], state["live"])
        except PortraitError as error:
            problem = await answer_ours(Request(scope), error)
            await problem(scope, receive, send)
            return
        headers = [(b"content-length", b"%d" % len(body)), JSON]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _is_usual(self, scope: Scope) -> bool:
        """Say whether a request asks for a profile and nothing needs to be said to it."""
        path: str = scope["path"]
        return (
            path.startswith(PREFIX)
            and scope["method"] == "GET"
            and not scope["query_string"]
            and 0 < len(path) - len(PREFIX) <= LONGEST_KEY
            and REPLACEMENT not in path
            and is_known_host(scope, self.border)
            and not (self.border.origins and _is_from_page(scope))
        )


def _is_from_page(scope: Scope) -> bool:
    """Say whether a page of another origin may want to read the answer: it needs more headers."""
    return any(name == b"origin" for name, _ in scope["headers"])
