"""The webhook on a real socket: signed, to where it may go, and nowhere else."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest
from pydantic import HttpUrl

from portrait.adapters.webhook import Webhook
from portrait.errors import SettingsInvalidError, WebhookError
from portrait.opinions.alert import Alert
from tests.support.reviewers import made_alert

SECRET = "a secret of the test's own"  # noqa: S105


@asynccontextmanager
async def answering(answer: str) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listen, keep what is sent, and answer each request with a status line and headers."""
    requests: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        requests.append(head + await reader.readexactly(length))
        writer.write(
            f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], requests


def webhook(port: int, host: str = "127.0.0.1", *, private: bool = True) -> Webhook:
    return Webhook(HttpUrl(f"http://{host}:{port}/in?k=v"), SECRET, may_be_private=private)


async def test_an_alert_is_posted_and_whoever_has_the_secret_can_tell_by_whom() -> None:
    async with answering("204 No Content") as (port, requests):
        await webhook(port).send(made_alert())

    head, body = requests[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /in?k=v HTTP/1.1")
    headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers["host"] == f"127.0.0.1:{port}"
    exact = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    signature = {name.lower(): value for name, value in exact.items()}["webhook-signature"]
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(SECRET.encode(), said, sha256).digest()
    assert signature == f"v1,{base64.b64encode(digest).decode()}"
    assert Alert.model_validate_json(body) == made_alert()


@pytest.mark.parametrize("answer", ["302 Found\r\nLocation: /other", "500 No", "410 Gone"])
async def test_what_is_no_success_is_a_failure_and_no_redirect_is_followed(answer: str) -> None:
    async with answering(answer) as (port, requests):
        with pytest.raises(WebhookError, match=answer[:3]):
            await webhook(port).send(made_alert())

    assert len(requests) == 1


async def test_nobody_there_is_a_failure_without_the_address() -> None:
    with pytest.raises(WebhookError) as failure:
        await webhook(1).send(made_alert())

    assert "127.0.0.1" not in str(failure.value)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"),
        *("[64:ff9b::a9fe:a9fe]", "[2002:a00:1::]", "224.0.0.1"),  # the first of NAT64, 6to4
    ],
)
async def test_a_private_address_is_not_asked_unless_that_is_set(host: str) -> None:
    sender = Webhook(HttpUrl(f"https://{host}:9/in"), SECRET)

    with pytest.raises(WebhookError, match="private"):
        await sender.send(made_alert())


def test_a_way_without_tls_is_refused_at_start() -> None:
    with pytest.raises(SettingsInvalidError, match="https"):
        webhook(80, "hooks.example", private=False)
