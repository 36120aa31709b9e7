"""Documents: a page that reads and tries the API, and asks nobody else for anything."""

import re
from html.parser import HTMLParser

import pytest

from tests.support.shop import Shop, open_shop


class Linked(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.urls += [value for name, value in attrs if name in {"src", "href"} and value]


async def test_the_page_loads_nothing_from_other_hosts() -> None:
    linked = Linked()
    async with open_shop(Shop()) as client:
        page = await client.get("/docs")
        linked.feed(page.text)
        parts = [await client.get(url) for url in linked.urls]

    assert page.status_code == 200
    assert len(parts) == 3
    assert all(url.startswith("/docs/") for url in linked.urls)
    assert [part.status_code for part in parts] == [200] * 3
    assert not re.search(r"https?://(?!www\.w3\.org)", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/redoc", "/docs/", "/docs/core.py", "/docs/..%2fcore.py", "/docs/oauth2-redirect"]
)
async def test_there_is_no_other_page(path: str) -> None:
    async with open_shop(Shop()) as client:
        answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
