"""A client of server-sent events: what comes, one event after the other."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.patience import PATIENCE


@dataclass(frozen=True)
class Sent:
    """One event."""

    event: str
    id: str
    data: Any  # parsed JSON


@dataclass
class Events:
    """An open stream."""

    answer: httpx.Response
    lines: AsyncIterator[str]
    comments: list[str] = field(default_factory=list)
    retry_ms: int | None = None

    async def next(self) -> Sent | None:
        """Wait for the next event; None: the stream has ended."""
        async with asyncio.timeout(PATIENCE):
            fields: dict[str, str] = {}
            async for line in self.lines:
                name, _, value = line.partition(":")
                if line and not name:
                    self.comments.append(value.strip())
                elif line:
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    data = json.loads(fields["data"])
                    return Sent(fields["event"], fields.get("id", ""), data)
                elif "retry" in fields:
                    self.retry_ms = int(fields.pop("retry"))
            return None

    async def some(self) -> Sent:
        """Wait for the next event, of which there is one."""
        sent = await self.next()
        assert sent is not None
        return sent


@asynccontextmanager
async def streaming(
    url: str,
    body: object = None,
    *,
    known: str = "",
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Events]:
    """Open a stream: by POST, if there is a body."""
    sent = {**(headers or {}), **({"Last-Event-ID": known} if known else {})}
    method = "GET" if body is None else "POST"
    async with (
        httpx.AsyncClient(timeout=httpx.Timeout(PATIENCE)) as client,
        client.stream(method, url, json=body, headers=sent) as answer,
    ):
        if answer.is_error:
            await answer.aread()
        yield Events(answer, answer.aiter_lines() if answer.is_success else _none())


async def _none() -> AsyncIterator[str]:
    return
    yield ""  # what makes it a generator
