"""A webhook: what is to be told is posted, signed, to an address that an operator chose.

The name is resolved by us and the request goes to the address that was looked at: a name that
leads elsewhere a moment later leads nobody into our own network. No redirect is followed, and of
the answer its status alone is read.

Source: Standard Webhooks 1.0, https://www.standardwebhooks.com: `webhook-id`, `webhook-
timestamp`, `webhook-signature`, HMAC-SHA256 of `id.timestamp.body`.
"""

import asyncio
import base64
import hmac
import socket
import time
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
from pydantic import HttpUrl

from portrait.errors import SettingsInvalidError, WebhookError
from portrait.opinions.alert import Alert
from portrait.settings import variable

ANSWER_SECONDS = 10.0
NAT64 = IPv6Network("64:ff9b::/96")


class Webhook:
    """Sends. Lives as long as its worker."""

    def __init__(
        self,
        url: HttpUrl,
        secret: str,
        *,
        may_be_private: bool = False,
        setting: str = "opinion_webhook",
    ) -> None:
        """Choose where to, and what signs.

        Args:
            url: Of whoever takes it.
            secret: That signs.
            may_be_private: Whether that may be a loopback or private address, and without TLS.
            setting: That named it, for words of what is wrong.

        Raises:
            SettingsInvalidError: The way is open to whoever listens, and that is not allowed.
        """
        if url.scheme != "https" and not may_be_private:
            private = variable(f"{setting}_private")
            msg = f"{variable(setting)}: it has to be https, or {private} to be set."
            raise SettingsInvalidError(msg)
        self._url = httpx.URL(str(url))
        self._secret = secret.encode()
        self._may_be_private = may_be_private
        self._setting = setting

    async def send(self, alert: Alert) -> None:
        """Post an alert.

        Raises:
            WebhookError: As `post`.
        """
        await self.post(alert.alert_id, alert.model_dump_json(exclude={"also"}).encode())

    async def post(self, id: str, body: bytes) -> None:
        """Post JSON, under an id that is the same each time that the same is sent.

        Raises:
            WebhookError: It was not taken; the message repeats nothing of the address.
        """
        port = self._url.port or {"https": 443, "http": 80}[self._url.scheme]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                address = await self._address(port)
                async with (
                    httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client,
                    client.stream(
                        "POST",
                        self._url.copy_with(host=address),
                        content=body,
                        headers={
                            "Host": self._url.netloc.decode().rpartition("@")[2],
                            "Content-Type": "application/json",
                            **signed(id, round(time.time()), body, self._secret),
                        },
                        extensions={"sni_hostname": self._url.host},
                    ) as answer,
                ):
                    status = answer.status_code
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            msg = f"the webhook does not answer ({type(error).__name__})"
            raise WebhookError(msg) from None
        if not httpx.codes.is_success(status):
            msg = f"the webhook answers {status}"
            raise WebhookError(msg)

    async def _address(self, port: int) -> str:
        """Return an address of the host that may be reached."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._url.host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]).partition("%")[0] for each in found]
        if not self._may_be_private and not all(map(_is_public, addresses)):
            msg = f"the webhook is a private address; {variable(f'{self._setting}_private')} is off"
            raise WebhookError(msg)
        return addresses[0]


def _is_public(address: str) -> bool:
    """Say whether an address is of nobody's inside, nor leads there by one of IPv4 within it.

    Source: RFC 6052 (NAT64) and RFC 3056 (6to4).
    """
    ip = ip_address(address)
    leads_to: IPv4Address | IPv6Address | None = None
    if isinstance(ip, IPv6Address):
        leads_to = IPv4Address(ip.packed[-4:]) if ip in NAT64 else ip.sixtofour
    return (leads_to or ip).is_global and not ip.is_multicast


def signed(id: str, timestamp: int, body: bytes, secret: bytes) -> dict[str, str]:
    """Return the headers that say who sent a body, and when (s)."""
    digest = hmac.new(secret, f"{id}.{timestamp}.".encode() + body, sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
