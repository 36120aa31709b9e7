"""Documents: the contract of the API, and a page to read and try it; nothing of it comes from afar.

The page's script and style are of a pip package, so that it works without the internet, and no
stranger's host is told who reads it, or sees the key that somebody types there.
"""

from functools import cache
from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

PARTS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
DAY = "public, max-age=86400"
OWN_ALONE = (  # the page has a script and styles of its own inside
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self' "
    "'unsafe-inline'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)


def routes_of(app: FastAPI) -> list[Route]:
    """Return the routes of the page at `/docs`, and of what it is made of."""
    page = get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=f"{app.title}: the API",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
        oauth2_redirect_url=None,
    )

    async def show(_request: Request) -> Response:
        return HTMLResponse(page.body, headers={"Content-Security-Policy": OWN_ALONE})

    return [
        Route("/docs", show, include_in_schema=False),
        Route("/docs/{part}", _part, include_in_schema=False),
    ]


async def _part(request: Request) -> Response:
    part: str = request.path_params["part"]
    if part not in PARTS:
        raise HTTPException(404)
    return Response(_read(part), media_type=PARTS[part], headers={"Cache-Control": DAY})


@cache
def _read(part: str) -> bytes:
    return files("fastapi_offline").joinpath("static", part).read_bytes()
